//! The variables that credentials and places are read from, in the environment of a process or of a Worker.

use crate::error::{Error, Result};

/// The id of the account whose buckets are meant: 32 characters of 0-9 and a-f.
pub const R2_ACCOUNT_ID: &str = "R2_ACCOUNT_ID";
/// The access key id of an [R2 API token](https://developers.cloudflare.com/r2/api/tokens/).
pub const R2_ACCESS_KEY_ID: &str = "R2_ACCESS_KEY_ID";
/// The secret access key of the token.
pub const R2_SECRET_ACCESS_KEY: &str = "R2_SECRET_ACCESS_KEY";
/// The session token of [temporary credentials](https://developers.cloudflare.com/r2/api/s3/tokens/#temporary-access-credentials).
pub const R2_SESSION_TOKEN: &str = "R2_SESSION_TOKEN";
/// The bucket's name.
pub const R2_BUCKET_MEDIA: &str = "R2_BUCKET_MEDIA";
/// The URL of another server that speaks R2's S3 API.
pub const R2_ENDPOINT: &str = "R2_ENDPOINT";
/// The jurisdiction of the bucket: `eu`, `fedramp` or `us`.
pub const R2_JURISDICTION: &str = "R2_JURISDICTION";
/// The id of the account whose namespaces are meant.
pub const CLOUDFLARE_ACCOUNT_ID: &str = "CLOUDFLARE_ACCOUNT_ID";
/// A token of Cloudflare's API that may read or write Workers KV.
pub const CLOUDFLARE_API_TOKEN: &str = "CLOUDFLARE_API_TOKEN";
/// The URL of another server that speaks Cloudflare's API, as wrangler has it.
pub const CLOUDFLARE_API_BASE_URL: &str = "CLOUDFLARE_API_BASE_URL";
/// The id of the namespace of Workers KV.
pub const KV_NAMESPACE_ID: &str = "KV_NAMESPACE_ID";

/// A variable of the process's environment.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn of_process(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Variables, of which all that are needed and missing are named together.
///
/// White space around a value does not count, and an empty value counts as missing.
pub(crate) struct Variables<F> {
    variable: F,
    missing: Vec<&'static str>,
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    pub(crate) fn new(variable: F) -> Self {
        Self { variable, missing: Vec::new() }
    }

    pub(crate) fn optional(&self, name: &str) -> Option<String> {
        let value = (self.variable)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The value; an empty one where it is missing, which [`check`](Self::check) tells.
    pub(crate) fn required(&mut self, name: &'static str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.missing.push(name);
            String::new()
        })
    }

    /// Refuses an environment of `service` that lacks some of what was required.
    pub(crate) fn check(&self, service: &str) -> Result<()> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let missing = self.missing.join(", ");
        Err(Error::invalid_input(format!("Missing {service} environment variables: {missing}")))
    }
}
