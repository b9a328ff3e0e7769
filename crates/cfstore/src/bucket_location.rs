//! Location of the bucket of the `r2` commands: R2 if its variables are set, otherwise the embedded store.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloudflare_clients::r2::{R2Service, R2SigningClient, R2SigningConfig};
use cloudflare_clients::{LocalBucket, LocalStore, S3Bucket};
use cloudflare_emulator::Credentials;

use crate::cli::{DATA_DIRECTORY, LISTEN};
use crate::error::{Error, Result};
use crate::printer::Printer;
use crate::trust::Trust;
use crate::variables::{
    R2_ACCESS_KEY_ID, R2_ACCOUNT_ID, R2_BUCKET_MEDIA, R2_ENDPOINT, R2_JURISDICTION, R2_REGION,
    R2_SECRET_ACCESS_KEY, R2_SESSION_TOKEN, Variables, is_set,
};

/// Default bucket of the embedded store.
pub(crate) const LOCAL_BUCKET: &str = "media";

/// Variables that select R2 if any of them is set.
pub(crate) const R2_VARIABLES: [&str; 8] = [
    R2_ACCOUNT_ID,
    R2_ACCESS_KEY_ID,
    R2_SECRET_ACCESS_KEY,
    R2_BUCKET_MEDIA,
    R2_ENDPOINT,
    R2_JURISDICTION,
    R2_SESSION_TOKEN,
    R2_REGION,
];
/// Hint for variables that are missing or wrong.
pub(crate) const VARIABLES_HINT: &str =
    "`cfstore --help` explains the variables; if none of them is set, the embedded store is used";

/// Location of a bucket.
#[derive(Debug)]
pub(crate) enum BucketLocation {
    /// R2 or another S3 service, with the certificates to trust.
    R2(R2SigningConfig, Trust),
    /// The embedded store in this folder, and the bucket's name.
    Embedded(PathBuf, String),
}

/// The default bucket of the embedded store.
impl Default for BucketLocation {
    fn default() -> Self {
        Self::Embedded(DATA_DIRECTORY.into(), LOCAL_BUCKET.to_owned())
    }
}

impl BucketLocation {
    /// Selects the location by the variables of the environment, or of a file. `bucket` overrides
    /// `R2_BUCKET_MEDIA`.
    pub(crate) fn select(env_file: Option<&Path>, bucket: Option<&str>) -> Result<Self> {
        let variables = Variables::read(env_file)?;
        let selected = Self::from_vars(|name| variables.get(name), bucket);
        match (selected.map_err(|error| error.in_file(env_file))?, env_file) {
            (Self::Embedded(..), Some(path)) => Err(Error::usage(
                format!("--env-file {} does not set any of the R2_... variables", path.display()),
                VARIABLES_HINT,
            )),
            (selected, _) => Ok(selected),
        }
    }

    fn from_vars(var: impl Fn(&str) -> Option<OsString>, bucket: Option<&str>) -> Result<Self> {
        if !R2_VARIABLES.into_iter().any(|name| is_set(var(name))) {
            let bucket = bucket.unwrap_or(LOCAL_BUCKET).to_owned();
            return Ok(Self::Embedded(DATA_DIRECTORY.into(), bucket));
        }
        let trust = Trust::from_vars(&var);
        let var = |name: &str| match bucket {
            Some(bucket) if name == R2_BUCKET_MEDIA => Some(bucket.into()),
            _ => var(name),
        };
        match R2SigningConfig::from_vars(var) {
            Ok(config) => Ok(Self::R2(config, trust)),
            Err(error) if bucket.is_some() && error.message().starts_with(R2_BUCKET_MEDIA) => {
                Err(Error::usage(
                    error.message().replace(R2_BUCKET_MEDIA, "the bucket"),
                    "correct the bucket's name, in the address or in --bucket",
                ))
            }
            Err(error) => Err(Error::usage(error.message(), VARIABLES_HINT)),
        }
    }

    /// Returns the folder and bucket of the embedded store, if the variables select it.
    pub(crate) fn embedded(
        var: impl Fn(&str) -> Option<OsString>,
        bucket: Option<&str>,
    ) -> Option<(PathBuf, String)> {
        match Self::from_vars(var, bucket) {
            Ok(Self::Embedded(directory, bucket)) => Some((directory, bucket)),
            _ => None,
        }
    }

    /// Returns its name in summaries.
    pub(crate) fn target(&self) -> Result<String> {
        Ok(match self {
            Self::R2(config, _) => {
                let signing = R2SigningClient::new(config.clone())?;
                format!("bucket {} at {}", signing.bucket_name(), signing.endpoint())
            }
            Self::Embedded(directory, bucket) => {
                format!("bucket {bucket} in {}", absolute(directory).display())
            }
        })
    }

    /// Whether it is in the embedded store.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded(..))
    }

    /// Returns the bucket's name.
    pub(crate) fn bucket(&self) -> Result<String> {
        Ok(match self {
            Self::R2(config, _) => R2SigningClient::new(config.clone())?.bucket_name().to_owned(),
            Self::Embedded(_, bucket) => bucket.clone(),
        })
    }

    /// Opens the bucket, which must exist.
    pub(crate) async fn open(self, printer: Printer) -> Result<R2Service> {
        Ok(self.open_existing(printer).await?.0)
    }

    /// Opens the bucket. Creates the embedded store and its bucket if they do not exist.
    pub(crate) async fn open_or_create(self, printer: Printer) -> Result<R2Service> {
        Ok(self.open_or_create_bucket(printer).await?.0)
    }

    /// Like [`open`](Self::open), but also returns the bucket itself if it is in the embedded store.
    pub(crate) async fn open_existing(self, printer: Printer) -> Result<(R2Service, Option<LocalBucket>)> {
        let Self::Embedded(directory, name) = &self else { return self.open_or_create_bucket(printer).await };
        if !directory.is_dir() {
            return Err(Error::NoStore(directory.clone()));
        }
        if name == LOCAL_BUCKET {
            return self.open_or_create_bucket(printer).await;
        }
        note_embedded(directory, name, printer);
        let store = LocalStore::open(directory).await?;
        let bucket = store.bucket(name)?;
        if store.bucket_info(name).await?.is_none() {
            let buckets: Vec<_> = store.buckets().await?.into_iter().map(|bucket| bucket.name).collect();
            return Err(Error::NoBucket { name: name.clone(), buckets: buckets.join(", ") });
        }
        carry_out_lifecycle(&store, printer).await;
        Ok((R2Service::new(bucket.clone()), Some(bucket)))
    }

    /// Like [`open_or_create`](Self::open_or_create), but also returns the bucket itself if it is in the
    /// embedded store.
    pub(crate) async fn open_or_create_bucket(
        self,
        printer: Printer,
    ) -> Result<(R2Service, Option<LocalBucket>)> {
        match self {
            Self::R2(config, trust) => {
                let bucket = S3Bucket::new(config)?.with_http_client(Arc::new(trust.client()?));
                let signing = bucket.signing_client().clone();
                Ok((R2Service::new(bucket).with_signing(signing), None))
            }
            Self::Embedded(directory, name) => {
                note_embedded(&directory, &name, printer);
                let bucket = LocalBucket::open(&directory, &name).await?;
                carry_out_lifecycle(bucket.store(), printer).await;
                Ok((R2Service::new(bucket.clone()), Some(bucket)))
            }
        }
    }

    /// Like [`open`](Self::open), with a client that [signs URLs](Self::signing).
    pub(crate) async fn open_with_signing(self, printer: Printer) -> Result<R2Service> {
        let embedded = match &self {
            Self::R2(..) => None,
            Self::Embedded(directory, bucket) => Some((directory.clone(), bucket.clone())),
        };
        let service = self.open(printer).await?;
        Ok(match embedded {
            // The service for R2 already has one.
            None => service,
            Some((directory, bucket)) => service.with_signing(local_signing(&directory, &bucket)?),
        })
    }

    /// Returns the client that signs URLs for the bucket. For the embedded store, they are URLs of
    /// `cfstore serve`.
    pub(crate) fn signing(self, printer: Printer) -> Result<R2SigningClient> {
        match self {
            Self::R2(config, _) => Ok(R2SigningClient::new(config)?),
            Self::Embedded(directory, bucket) => {
                note_embedded(&directory, &bucket, printer);
                local_signing(&directory, &bucket)
            }
        }
    }
}

/// Applies the lifecycle rules now: a command ends before the store would do so by itself.
async fn carry_out_lifecycle(store: &LocalStore, printer: Printer) {
    if let Err(error) = store.apply_lifecycle().await {
        printer.warning(format_args!("cannot apply the lifecycle rules: {error}"));
    }
}

/// Returns the absolute path of the folder.
pub(crate) fn absolute(directory: &Path) -> PathBuf {
    std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned())
}

/// Returns a client that signs URLs of `cfstore serve` for the store in this folder.
fn local_signing(directory: &Path, bucket: &str) -> Result<R2SigningClient> {
    let credentials = Credentials::load_or_create(directory)?;
    Ok(R2SigningClient::new(signing_config(&format!("http://{LISTEN}"), &credentials, bucket))?)
}

/// Prints a note that URLs for the embedded store need `cfstore serve`.
pub(crate) fn note_serve(printer: Printer) {
    printer.note(format_args!(
        "this works while `cfstore serve` runs in this folder at http://{LISTEN}; for another address, set the variables that \
         it prints"
    ));
}

/// Returns the signing configuration for clients of a local server.
pub(crate) fn signing_config(endpoint: &str, credentials: &Credentials, bucket: &str) -> R2SigningConfig {
    R2SigningConfig::for_endpoint(
        endpoint,
        credentials.access_key_id(),
        credentials.secret_access_key(),
        bucket,
    )
    .account_id(credentials.account_id())
}

pub(crate) fn note_embedded(directory: &Path, bucket: &str, printer: Printer) {
    printer.note(format_args!(
        "using the embedded store in {}/, bucket {bucket}: no R2_... variables are set",
        directory.display()
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select_in(vars: &[(&str, &str)], bucket: Option<&str>) -> Result<BucketLocation> {
        let var = |name: &str| {
            let (_, value) = vars.iter().find(|(var, _)| *var == name)?;
            Some(value.into())
        };
        BucketLocation::from_vars(var, bucket)
    }

    fn select(vars: &[(&str, &str)]) -> Result<BucketLocation> {
        select_in(vars, None)
    }

    #[test]
    fn none_all_and_some_of_the_variables() {
        assert!(matches!(select(&[]), Ok(BucketLocation::Embedded(..))));
        assert!(matches!(select(&[("R2_ACCOUNT_ID", " ")]), Ok(BucketLocation::Embedded(..))));
        let local = [
            ("R2_ENDPOINT", "http://127.0.0.1:9710"),
            ("R2_ACCESS_KEY_ID", "id"),
            ("R2_SECRET_ACCESS_KEY", "secret"),
            ("R2_BUCKET_MEDIA", "media"),
        ];
        assert!(matches!(select(&local), Ok(BucketLocation::R2(..))));
        for one in local {
            let error = select(&[one]).unwrap_err();
            assert_eq!(error.exit_status(), crate::error::ExitStatus::Usage);
            let message = error.to_string();
            for (name, _) in local.into_iter().skip(1).filter(|other| *other != one) {
                assert!(message.contains(name), "{message}");
            }
            assert!(!message.contains(one.0), "{message}");
        }
    }
    #[test]
    fn a_bucket_that_is_named_takes_the_place_of_the_variable() {
        let target = |vars: &[(&str, &str)], bucket| select_in(vars, bucket).unwrap().target().unwrap();
        let vars = [
            ("R2_ENDPOINT", "http://127.0.0.1:9710"),
            ("R2_ACCESS_KEY_ID", "id"),
            ("R2_SECRET_ACCESS_KEY", "secret"),
            ("R2_BUCKET_MEDIA", "media"),
        ];
        assert!(target(&vars, None).starts_with("bucket media at"));
        assert!(target(&vars, Some("films")).starts_with("bucket films at"));
        assert!(target(&vars[..3], Some("films")).starts_with("bucket films at"));
        assert!(target(&[], Some("films")).starts_with("bucket films in"));
        let error = select_in(&vars, Some("a/b")).unwrap_err().to_string();
        assert!(error.contains("the bucket") && !error.contains("R2_BUCKET_MEDIA"), "{error}");
    }
}
