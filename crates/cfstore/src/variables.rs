//! The variables that say which store is meant: of the environment, or of a file in its place.

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Error, Result};

// What each holds: `cfstore --help`.
pub(crate) const R2_ACCOUNT_ID: &str = "R2_ACCOUNT_ID";
pub(crate) const R2_ACCESS_KEY_ID: &str = "R2_ACCESS_KEY_ID";
pub(crate) const R2_SECRET_ACCESS_KEY: &str = "R2_SECRET_ACCESS_KEY";
pub(crate) const R2_BUCKET_MEDIA: &str = "R2_BUCKET_MEDIA";
pub(crate) const R2_ENDPOINT: &str = "R2_ENDPOINT";
pub(crate) const R2_JURISDICTION: &str = "R2_JURISDICTION";
pub(crate) const R2_SESSION_TOKEN: &str = "R2_SESSION_TOKEN";
pub(crate) const KV_NAMESPACE_ID: &str = "KV_NAMESPACE_ID";
pub(crate) const CLOUDFLARE_ACCOUNT_ID: &str = "CLOUDFLARE_ACCOUNT_ID";
pub(crate) const CLOUDFLARE_API_TOKEN: &str = "CLOUDFLARE_API_TOKEN";
pub(crate) const CLOUDFLARE_API_BASE_URL: &str = "CLOUDFLARE_API_BASE_URL";

pub(crate) enum Variables {
    Environment,
    File(HashMap<String, String>),
}

impl Variables {
    /// Those of the file, where one is given.
    pub(crate) fn read(env_file: Option<&Path>) -> Result<Self> {
        env_file.map_or(Ok(Self::Environment), |path| read_file(path).map(Self::File))
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        match self {
            Self::Environment => std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()),
            Self::File(vars) => vars.get(name).cloned(),
        }
    }
}

fn read_file(path: &Path) -> Result<HashMap<String, String>> {
    let unusable = |error: dotenvy::Error| {
        // A line that does not parse may hold a secret.
        let why = match error {
            dotenvy::Error::Io(error) => error.to_string(),
            _ => "a line is not NAME=value".to_owned(),
        };
        Error::usage(
            format!("the file {} cannot be read: {why}", path.display()),
            format!("it holds lines like {R2_BUCKET_MEDIA}=media; `cfstore serve` prints such lines"),
        )
    };
    dotenvy::from_path_iter(path).map_err(unusable)?.map(|line| line.map_err(unusable)).collect()
}
