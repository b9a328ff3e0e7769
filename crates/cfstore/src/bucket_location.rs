//! Where the bucket of the `r2` commands is: on R2 if its variables are set, else in the embedded store.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cloudflare_clients::r2::{R2Service, R2SigningClient, R2SigningConfig};
use cloudflare_clients::{LocalBucket, S3Bucket};
use cloudflare_emulator::Credentials;

use crate::cli::{DATA_DIRECTORY, LISTEN};
use crate::error::{Error, Result};
use crate::printer::Printer;
use crate::trust;
use crate::variables::{
    R2_ACCESS_KEY_ID, R2_ACCOUNT_ID, R2_BUCKET_MEDIA, R2_ENDPOINT, R2_JURISDICTION, R2_REGION,
    R2_SECRET_ACCESS_KEY, R2_SESSION_TOKEN, SSL_CERT_FILE, Variables, is_set,
};

/// The bucket of the embedded store.
pub(crate) const LOCAL_BUCKET: &str = "media";

/// Any of these set means that R2 is meant.
const R2_VARIABLES: [&str; 8] = [
    R2_ACCOUNT_ID,
    R2_ACCESS_KEY_ID,
    R2_SECRET_ACCESS_KEY,
    R2_BUCKET_MEDIA,
    R2_ENDPOINT,
    R2_JURISDICTION,
    R2_SESSION_TOKEN,
    R2_REGION,
];
/// What to do about variables that are missing or wrong.
const VARIABLES_HINT: &str =
    "`cfstore --help` tells what each of them holds; with none of them set, the embedded store is used";

/// Where the bucket is.
#[derive(Debug)]
pub(crate) enum BucketLocation {
    /// With the file of certificates to trust.
    R2(R2SigningConfig, Option<OsString>),
    Embedded(PathBuf),
}

impl BucketLocation {
    /// The location that the environment, or a file in its place, stands for.
    pub(crate) fn select(env_file: Option<&Path>) -> Result<Self> {
        let variables = Variables::read(env_file)?;
        match (Self::from_vars(|name| variables.get(name))?, env_file) {
            (Self::Embedded(_), Some(path)) => Err(Error::usage(
                format!("{} sets none of the R2_... variables", path.display()),
                VARIABLES_HINT,
            )),
            (selected, _) => Ok(selected),
        }
    }

    fn from_vars(var: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        if !R2_VARIABLES.into_iter().any(|name| is_set(var(name))) {
            return Ok(Self::Embedded(DATA_DIRECTORY.into()));
        }
        let certificates = var(SSL_CERT_FILE);
        match R2SigningConfig::from_vars(var) {
            Ok(config) => Ok(Self::R2(config, certificates)),
            Err(error) => Err(Error::usage(error.message(), VARIABLES_HINT)),
        }
    }

    /// What summaries call it.
    pub(crate) fn target(&self) -> Result<String> {
        Ok(match self {
            Self::R2(config, _) => {
                let signing = R2SigningClient::new(config.clone())?;
                format!("bucket {} at {}", signing.bucket_name(), signing.endpoint())
            }
            Self::Embedded(directory) => {
                format!("bucket {LOCAL_BUCKET} in {}", absolute(directory).display())
            }
        })
    }

    /// The service over the bucket, whose store has to be there.
    pub(crate) async fn open(self, printer: Printer) -> Result<R2Service> {
        match &self {
            Self::Embedded(directory) if !directory.is_dir() => Err(Error::NoStore(directory.clone())),
            _ => self.open_or_create(printer).await,
        }
    }

    /// The service over the bucket. It creates the embedded store if its directory has none.
    pub(crate) async fn open_or_create(self, printer: Printer) -> Result<R2Service> {
        match self {
            Self::R2(config, certificates) => {
                let mut bucket = S3Bucket::new(config)?;
                if let Some(client) = trust::http_client(certificates)? {
                    bucket = bucket.with_http_client(client);
                }
                let signing = bucket.signing_client().clone();
                Ok(R2Service::new(bucket).with_signing(signing))
            }
            Self::Embedded(directory) => {
                note_embedded(&directory, printer);
                Ok(R2Service::new(LocalBucket::open(&directory, LOCAL_BUCKET).await?))
            }
        }
    }

    /// The same, with who [signs URLs](Self::signing) for it.
    pub(crate) async fn open_with_signing(self, printer: Printer) -> Result<R2Service> {
        let directory = match &self {
            Self::R2(..) => None,
            Self::Embedded(directory) => Some(directory.clone()),
        };
        let service = self.open(printer).await?;
        Ok(match directory {
            // R2's service has one already.
            None => service,
            Some(directory) => service.with_signing(local_signing(&directory)?),
        })
    }

    /// Who signs URLs for the bucket. For the embedded store, these are URLs of `cfstore serve`.
    pub(crate) fn signing(self, printer: Printer) -> Result<R2SigningClient> {
        match self {
            Self::R2(config, _) => Ok(R2SigningClient::new(config)?),
            Self::Embedded(directory) => {
                note_embedded(&directory, printer);
                local_signing(&directory)
            }
        }
    }
}

/// The folder as it is called from everywhere.
pub(crate) fn absolute(directory: &Path) -> PathBuf {
    std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned())
}

/// Signs URLs of the server that `cfstore serve` starts over the store of this folder.
fn local_signing(directory: &Path) -> Result<R2SigningClient> {
    let credentials = Credentials::load_or_create(directory)?;
    Ok(R2SigningClient::new(signing_config(&format!("http://{LISTEN}"), &credentials))?)
}

/// What URLs for the embedded store need.
pub(crate) fn note_serve(printer: Printer) {
    printer.note(format_args!(
        "URLs work while `cfstore serve` runs in this folder at http://{LISTEN}; of another address, set what it prints"
    ));
}

/// How clients of a local server sign.
pub(crate) fn signing_config(endpoint: &str, credentials: &Credentials) -> R2SigningConfig {
    R2SigningConfig::for_endpoint(
        endpoint,
        credentials.access_key_id(),
        credentials.secret_access_key(),
        LOCAL_BUCKET,
    )
}

fn note_embedded(directory: &Path, printer: Printer) {
    printer.note(format_args!(
        "using the embedded store in {}/, bucket {LOCAL_BUCKET}: no R2_... variables are set",
        directory.display()
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(vars: &[(&str, &str)]) -> Result<BucketLocation> {
        BucketLocation::from_vars(|name| {
            let (_, value) = vars.iter().find(|(var, _)| *var == name)?;
            Some(value.into())
        })
    }

    #[test]
    fn none_all_and_some_of_the_variables() {
        assert!(matches!(select(&[]), Ok(BucketLocation::Embedded(_))));
        assert!(matches!(select(&[("R2_ACCOUNT_ID", " ")]), Ok(BucketLocation::Embedded(_))));
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
}
