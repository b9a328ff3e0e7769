//! Each library as its documentation uses it: clients made once, and whatever they keep between calls kept.

use std::error::Error;
use std::hint::black_box;
use std::time::SystemTime;

use aws_credential_types::Credentials as AwsCredentials;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use cloudflare_clients::r2::{R2SigningClient, R2SigningConfig};
use http::{Method, Request};
use object_store::aws::AmazonS3Builder;
use object_store::signer::Signer as _;
use opendal::Operator;
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use sha2::block_api::compress256;
use tokio::runtime::{Builder, Runtime};

#[cfg(target_arch = "x86_64")]
use crate::lanes;
use crate::offline::Offline;
use crate::{ACCESS_KEY_ID, ACCOUNT_ID, EXPIRES_IN, HOST, SECRET_ACCESS_KEY};

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

type Sign = dyn FnMut(&[String], &mut dyn FnMut(&str)) -> Result<()>;

pub struct Implementation {
    pub name: &'static str,
    pub case: &'static str,
    /// Makes a URL for each key and shows it.
    pub sign: Box<Sign>,
    /// It makes no URLs.
    pub hashes_only: bool,
}

impl Implementation {
    fn new(
        name: &'static str,
        case: &'static str,
        sign: impl FnMut(&[String], &mut dyn FnMut(&str)) -> Result<()> + 'static,
    ) -> Self {
        Self { name, case, sign: Box::new(sign), hashes_only: false }
    }
}

pub fn all() -> Result<Vec<Implementation>> {
    Ok(vec![
        single()?,
        buffer()?,
        batch()?,
        floor(),
        #[cfg(target_arch = "x86_64")]
        floor_of::<2>("floor of two streams"),
        #[cfg(target_arch = "x86_64")]
        floor_of::<4>("floor of four streams"),
        rusty_s3()?,
        aws_sigv4(),
        object_store()?,
        opendal()?,
        aws_sdk_s3()?,
    ])
}

pub fn client() -> Result<R2SigningClient> {
    let config = R2SigningConfig::new(ACCOUNT_ID, ACCESS_KEY_ID, SECRET_ACCESS_KEY, "media");
    Ok(R2SigningClient::new(config)?)
}

fn single() -> Result<Implementation> {
    let client = client()?;
    Ok(Implementation::new("cloudflare-clients", "single", move |keys, show| {
        for key in keys {
            show(client.generate_signed_url(key, EXPIRES_IN)?.as_str());
        }
        Ok(())
    }))
}

fn buffer() -> Result<Implementation> {
    let client = client()?;
    let mut url = String::new();
    Ok(Implementation::new("cloudflare-clients", "buffer", move |keys, show| {
        for key in keys {
            url.clear();
            client.generate_signed_url_into(key, EXPIRES_IN, &mut url)?;
            show(&url);
        }
        Ok(())
    }))
}

fn batch() -> Result<Implementation> {
    let client = client()?;
    Ok(Implementation::new("cloudflare-clients", "batch", move |keys, show| {
        for url in client.generate_signed_urls(keys, EXPIRES_IN)? {
            show(url.as_str());
        }
        Ok(())
    }))
}

/// The hashing that is left for a URL where all that others share is kept: nine blocks of SHA-256, each after
/// the one before it.
fn floor() -> Implementation {
    let mut request = [[0x5a; 64]; 6];
    let mut string_to_sign = [[0x5a; 64]; 2];
    let mut inner_hash = [[0x5a; 64]; 1];
    let mut floor = Implementation::new("floor", "single", move |keys, show| {
        for number in 0_u64..keys.len() as u64 {
            let (mut hash, mut inner, mut outer) = black_box(([1; 8], [2; 8], [3; 8]));
            request[0][..8].copy_from_slice(&number.to_ne_bytes());
            compress256(&mut hash, &request);
            put(&hash, &mut string_to_sign[0]);
            compress256(&mut inner, &string_to_sign);
            put(&inner, &mut inner_hash[0]);
            compress256(&mut outer, &inner_hash);
            black_box(outer);
            show("");
        }
        Ok(())
    });
    floor.hashes_only = true;
    floor
}

/// The same nine blocks of several URLs at once. Nothing where the processor has no instructions for them.
#[cfg(target_arch = "x86_64")]
fn floor_of<const LANES: usize>(name: &'static str) -> Implementation {
    let mut floor = Implementation::new(name, "batch", |keys, show| {
        if lanes::is_available() {
            for number in (0..i32::try_from(keys.len())?).step_by(LANES) {
                for (seed, blocks) in [(1, 6), (2, 2), (3, 1)] {
                    let mut states = black_box(lanes::begin::<LANES>(number + seed));
                    // SAFETY: the processor has the instructions.
                    unsafe { lanes::compress(&mut states, blocks) };
                    black_box(states);
                }
                show("");
            }
        }
        Ok(())
    });
    floor.hashes_only = true;
    floor
}

fn put(hash: &[u32; 8], block: &mut [u8; 64]) {
    for (bytes, word) in block.as_chunks_mut().0.iter_mut().zip(hash) {
        *bytes = word.to_be_bytes();
    }
}

fn rusty_s3() -> Result<Implementation> {
    let endpoint = format!("https://{ACCOUNT_ID}.r2.cloudflarestorage.com").parse()?;
    let bucket = Bucket::new(endpoint, UrlStyle::VirtualHost, "media", "auto")?;
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY);
    Ok(Implementation::new("rusty-s3", "single", move |keys, show| {
        for key in keys {
            show(bucket.get_object(Some(&credentials), key).sign(EXPIRES_IN).as_str());
        }
        Ok(())
    }))
}

fn aws_sigv4() -> Implementation {
    let credentials = AwsCredentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "bench").into();
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES_IN);
    Implementation::new("aws-sigv4", "single", move |keys, show| {
        for key in keys {
            let params = v4::SigningParams::builder()
                .identity(&credentials)
                .region("auto")
                .name("s3")
                .time(SystemTime::now())
                .settings(settings.clone())
                .build()?
                .into();
            let url = format!("https://{HOST}/{key}");
            let request =
                SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::UnsignedPayload)?;
            let (instructions, _signature) = sign(request, &params)?.into_parts();
            let mut request = Request::get(&url).body(())?;
            instructions.apply_to_request_http1x(&mut request);
            show(&request.uri().to_string());
        }
        Ok(())
    })
}

fn object_store() -> Result<Implementation> {
    let store = AmazonS3Builder::new()
        .with_endpoint(format!("https://{HOST}"))
        .with_virtual_hosted_style_request(true)
        .with_bucket_name("media")
        .with_region("auto")
        .with_access_key_id(ACCESS_KEY_ID)
        .with_secret_access_key(SECRET_ACCESS_KEY)
        .with_http_connector(Offline)
        .build()?;
    let runtime = runtime()?;
    Ok(Implementation::new("object_store", "single", move |keys, show| {
        runtime.block_on(async {
            for key in keys {
                let path = key.as_str().into();
                show(store.signed_url(Method::GET, &path, EXPIRES_IN).await?.as_str());
            }
            Ok(())
        })
    }))
}

fn opendal() -> Result<Implementation> {
    let service = opendal::services::S3::default()
        .endpoint(&format!("https://{ACCOUNT_ID}.r2.cloudflarestorage.com"))
        .enable_virtual_host_style()
        .bucket("media")
        .region("auto")
        .access_key_id(ACCESS_KEY_ID)
        .secret_access_key(SECRET_ACCESS_KEY)
        .disable_config_load()
        .disable_ec2_metadata();
    let operator = Operator::new(service)?;
    let runtime = runtime()?;
    Ok(Implementation::new("opendal", "single", move |keys, show| {
        runtime.block_on(async {
            for key in keys {
                show(&operator.presign_read(key, EXPIRES_IN).await?.uri().to_string());
            }
            Ok(())
        })
    }))
}

fn aws_sdk_s3() -> Result<Implementation> {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("https://{ACCOUNT_ID}.r2.cloudflarestorage.com"))
        .region(Region::from_static("auto"))
        .credentials_provider(AwsCredentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "bench"))
        .build();
    let client = aws_sdk_s3::Client::from_conf(config);
    let runtime = runtime()?;
    Ok(Implementation::new("aws-sdk-s3", "single", move |keys, show| {
        runtime.block_on(async {
            for key in keys {
                let expiry = PresigningConfig::expires_in(EXPIRES_IN)?;
                show(client.get_object().bucket("media").key(key).presigned(expiry).await?.uri());
            }
            Ok(())
        })
    }))
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_time().build()?)
}
