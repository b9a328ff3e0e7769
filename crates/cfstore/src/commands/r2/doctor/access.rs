//! Access to the bucket: its address, and the keys that requests are signed with.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cloudflare_clients::http::{HeaderName, HeaderValue, Method};
use cloudflare_clients::r2::{
    Body, ListBucketsRequest, ListRequest, Presign, R2SigningClient, R2SigningConfig,
};
use cloudflare_clients::s3::endpoint::Endpoint;
use cloudflare_clients::s3::xml::Element;
use cloudflare_clients::s3::{self, list_buckets, list_objects_v2};
use cloudflare_clients::sigv4::{Credentials, Signer};
use cloudflare_clients::{Error, ErrorKind, Result};

use super::http::{Answer, Http};

pub(super) const R2_DOMAIN: &str = ".r2.cloudflarestorage.com";

/// Prefix of everything the doctor writes. No sample object is taken from it.
pub(super) const FOLDER: &str = ".cfstore-doctor/";

/// The credentials that requests are signed with. Without `Debug`, to keep them out of logs.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: Option<String>,
}

#[derive(Clone)]
pub(super) struct Access {
    pub(super) http: Http,
    pub(super) endpoint: Endpoint,
    pub(super) bucket: String,
    keys: Keys,
    region: Option<String>,
    signer: Arc<Signer>,
    signing: R2SigningClient,
    /// Number of seconds that the service's clock is ahead of this machine's, if the difference matters.
    ahead: i64,
}

/// Result of listing the bucket.
pub(super) struct Listing {
    /// The bucket's name as returned by the service.
    pub(super) name: Option<String>,
    pub(super) sample: Option<Sample>,
}

/// An object to read.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) key: String,
    pub(super) size: u64,
}

/// Why the listing failed.
pub(super) struct Refusal {
    pub(super) error: Error,
    /// The region that the service requires in signatures.
    pub(super) region: Option<String>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, region: None }
    }
}

impl Access {
    pub(super) fn new(
        http: Http,
        endpoint: Endpoint,
        bucket: &str,
        keys: Keys,
        region: Option<String>,
    ) -> Result<Self> {
        let Keys { access_key_id, secret_access_key, session_token } = &keys;
        let mut credentials = Credentials::new(access_key_id, secret_access_key);
        let mut config =
            R2SigningConfig::for_endpoint(endpoint.to_string(), access_key_id, secret_access_key, bucket)
                .addressing(endpoint.addressing());
        if let Some(token) = session_token {
            credentials = credentials.with_session_token(token);
            config = config.session_token(token);
        }
        let mut signer = Signer::new(credentials);
        if let Some(region) = &region {
            signer = signer.with_region(region);
            config = config.region(region);
        }
        let signing = R2SigningClient::new(config)?;
        let signer = Arc::new(signer);
        Ok(Self { http, endpoint, bucket: bucket.to_owned(), keys, region, signer, signing, ahead: 0 })
    }

    /// Returns access to the same bucket at another address.
    pub(super) fn moved_to(&self, endpoint: Endpoint) -> Result<Self> {
        let moved =
            Self::new(self.http.clone(), endpoint, &self.bucket, self.keys.clone(), self.region.clone())?;
        Ok(Self { ahead: self.ahead, ..moved })
    }

    /// Returns access to the same bucket, signed for another region.
    pub(super) fn in_region(&self, region: &str) -> Result<Self> {
        let region = Some(region.to_owned());
        let moved =
            Self::new(self.http.clone(), self.endpoint.clone(), &self.bucket, self.keys.clone(), region)?;
        Ok(Self { ahead: self.ahead, ..moved })
    }

    /// Uses the service's clock for signatures.
    pub(super) fn going_by_service(mut self, ahead: i64) -> Self {
        self.ahead = ahead;
        self
    }

    fn now(&self) -> SystemTime {
        let by = Duration::from_secs(self.ahead.unsigned_abs());
        if self.ahead < 0 { SystemTime::now() - by } else { SystemTime::now() + by }
    }

    /// Whether the host belongs to R2.
    pub(super) fn is_r2(&self) -> bool {
        is_r2(&self.endpoint)
    }

    /// Returns the origin that pages send their requests to.
    pub(super) fn origin(&self) -> String {
        let host = self.endpoint.host_for(Some(&self.bucket)).unwrap_or_default();
        format!("{}://{host}", self.endpoint.scheme())
    }

    pub(super) async fn send(&self, request: s3::Request) -> Result<Answer> {
        let request = request.sign(&self.endpoint, self.bucket.as_str(), &self.signer, self.now())?;
        self.http.send(request).await
    }

    /// Sends a request about an object, with these headers.
    pub(super) async fn object(
        &self,
        method: Method,
        key: &str,
        headers: &[(HeaderName, &str)],
        body: impl Into<Body>,
    ) -> Result<Answer> {
        self.send(object_request(method, key, headers, body)?).await
    }

    pub(super) fn presign(&self, method: Method, key: &str) -> Presign {
        self.signing.at(self.now()).presign(method, key)
    }

    /// Lists the buckets of the account, which needs admin permissions.
    pub(super) async fn list_buckets(&self) -> Result<Answer> {
        let request = list_buckets::request(&ListBucketsRequest::default())?;
        self.http.send(request.sign(&self.endpoint, None, &self.signer, self.now())?).await
    }

    /// Lists the first objects of the bucket.
    pub(super) async fn list(&self) -> Result<Listing, Refusal> {
        let mut page = ListRequest::new();
        page.limit = Some(20);
        let answer = self.send(list_objects_v2::request(&page)?).await?;
        let document = Element::parse(&answer.body).ok();
        let text = |name: &str| {
            let text = document.as_ref()?.child(name)?.text().trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        if !answer.status.is_success() {
            return Err(Refusal { error: answer.error(), region: text("Region") });
        }
        if document.as_ref().is_none_or(|document| document.name() != "ListBucketResult") {
            let message = format!("{}, which is not a listing of S3", answer.described());
            return Err(Error::new(ErrorKind::UnexpectedResponse, message).into());
        }
        let name = text("Name");
        let objects = list_objects_v2::parse(&answer.into_response())?.objects;
        let sample = objects.into_iter().find(|object| object.size > 0 && !object.key.starts_with(FOLDER));
        Ok(Listing { name, sample: sample.map(|object| Sample { key: object.key, size: object.size }) })
    }
}

/// Whether the host belongs to R2.
pub(super) fn is_r2(endpoint: &Endpoint) -> bool {
    endpoint.host_for(None).is_ok_and(|host| host.ends_with(R2_DOMAIN))
}

pub(super) fn object_request(
    method: Method,
    key: &str,
    headers: &[(HeaderName, &str)],
    body: impl Into<Body>,
) -> Result<s3::Request> {
    let headers = headers.iter().map(|(name, value)| Ok((name.clone(), HeaderValue::from_str(value)?)));
    let headers: Result<_, cloudflare_clients::http::header::InvalidHeaderValue> = headers.collect();
    let headers = headers.map_err(|_| Error::new(ErrorKind::InvalidInput, "a header cannot be sent"))?;
    Ok(s3::Request { method, key: Some(key.to_owned()), query: Vec::new(), headers, body: body.into() })
}
