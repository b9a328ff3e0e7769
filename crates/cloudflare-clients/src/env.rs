//! The variables that credentials and locations are read from, in the environment of a process or a Worker.

use std::ffi::OsString;
use std::fmt;

use crate::error::{Error, Result};

/// The account id for R2: 32 characters of 0-9 and a-f for Cloudflare's accounts.
pub const R2_ACCOUNT_ID: &str = "R2_ACCOUNT_ID";
/// The access key id of an [R2 API token](https://developers.cloudflare.com/r2/api/tokens/).
pub const R2_ACCESS_KEY_ID: &str = "R2_ACCESS_KEY_ID";
/// The secret access key of the R2 API token.
pub const R2_SECRET_ACCESS_KEY: &str = "R2_SECRET_ACCESS_KEY";
/// The session token of
/// [temporary credentials](https://developers.cloudflare.com/r2/api/s3/tokens/#temporary-access-credentials).
pub const R2_SESSION_TOKEN: &str = "R2_SESSION_TOKEN";
/// The bucket name.
pub const R2_BUCKET_MEDIA: &str = "R2_BUCKET_MEDIA";
/// The URL of another server with R2's S3 API, or R2's own URL as the dashboard shows it.
pub const R2_ENDPOINT: &str = "R2_ENDPOINT";
/// The bucket's jurisdiction: `eu`, `fedramp` or `us`.
pub const R2_JURISDICTION: &str = "R2_JURISDICTION";
/// The region in signatures: `auto` by default, which is R2's.
pub const R2_REGION: &str = "R2_REGION";
/// The account id for Workers KV: 32 characters of 0-9 and a-f for Cloudflare's accounts.
pub const CLOUDFLARE_ACCOUNT_ID: &str = "CLOUDFLARE_ACCOUNT_ID";
/// A Cloudflare API token with permission to read or write Workers KV.
pub const CLOUDFLARE_API_TOKEN: &str = "CLOUDFLARE_API_TOKEN";
/// The URL of another server with Cloudflare's REST API. It has the same name in wrangler.
pub const CLOUDFLARE_API_BASE_URL: &str = "CLOUDFLARE_API_BASE_URL";
/// The id of the Workers KV namespace: 32 hexadecimal characters.
pub const KV_NAMESPACE_ID: &str = "KV_NAMESPACE_ID";

/// Variables that hold credentials. Errors say so.
const CREDENTIALS: [&str; 4] =
    [R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, R2_SESSION_TOKEN, CLOUDFLARE_API_TOKEN];

/// Reads variables, and reports all missing or malformed ones in one error.
///
/// White space around a value is ignored, and an empty value counts as missing.
pub(crate) struct Variables<'a> {
    variable: &'a dyn Fn(&str) -> Option<OsString>,
    missing: Vec<&'static str>,
    /// Each malformed variable with its fault. The fault's text starts with the variable's name.
    malformed: Vec<(&'static str, String)>,
}

impl<'a> Variables<'a> {
    pub(crate) fn new(variable: &'a dyn Fn(&str) -> Option<OsString>) -> Self {
        Self { variable, missing: Vec::new(), malformed: Vec::new() }
    }

    /// The value. An empty one stands for a value that is not Unicode, which [`check`](Self::check) reports.
    pub(crate) fn optional(&mut self, name: &'static str) -> Option<String> {
        let Ok(value) = (self.variable)(name)?.into_string() else {
            let of = if CREDENTIALS.contains(&name) { " (a credential)" } else { "" };
            self.malformed(name, format_args!("{name}{of} is not Unicode text"));
            return Some(String::new());
        };
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The value. An empty one stands for a missing value, which [`check`](Self::check) reports.
    pub(crate) fn required(&mut self, name: &'static str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.missing.push(name);
            String::new()
        })
    }

    /// Records what is wrong with a variable, in words that begin with its name. Only the first fault counts.
    pub(crate) fn malformed(&mut self, name: &'static str, what: impl fmt::Display) {
        if !self.missing.contains(&name) && !self.malformed.iter().any(|(other, _)| *other == name) {
            self.malformed.push((name, what.to_string()));
        }
    }

    /// Fails if a required variable for `service` is missing or a variable is malformed.
    pub(crate) fn check(self, service: &str) -> Result<()> {
        let missing = (!self.missing.is_empty())
            .then(|| format!("Missing {service} environment variables: {}", self.missing.join(", ")));
        let lacks_credentials = self.missing.iter().any(|name| CREDENTIALS.contains(name));
        let malformed = self.malformed.into_iter().map(|(_, what)| what);
        let faults: Vec<_> = missing.into_iter().chain(malformed).collect();
        if faults.is_empty() {
            return Ok(());
        }
        let mut message = faults.join("; ");
        if lacks_credentials {
            message.push_str(". To get credentials, create an API token in Cloudflare's dashboard");
        }
        Err(Error::invalid_input(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_does_not_count_and_a_variable_is_named_once() {
        let of = |name: &str| match name {
            "R2_REGION" => Some(OsString::from(" a\r\n")),
            "R2_ENDPOINT" => Some(OsString::from(" \t")),
            _ => None,
        };
        let mut variables = Variables::new(&of);
        assert_eq!(variables.optional(R2_REGION).as_deref(), Some("a"));
        assert_eq!(variables.optional(R2_ENDPOINT), None);
        assert_eq!(variables.required(R2_ACCOUNT_ID), "");
        for name in [R2_ACCOUNT_ID, R2_REGION, R2_REGION] {
            variables.malformed(name, format_args!("{name} is wrong"));
        }
        let error = variables.check("R2").unwrap_err();
        assert_eq!(error.message(), "Missing R2 environment variables: R2_ACCOUNT_ID; R2_REGION is wrong");
        Variables::new(&of).check("R2").unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_unicode_is_named_and_not_missing() {
        use std::os::unix::ffi::OsStringExt as _;

        let latin_1 = |_: &str| Some(OsString::from_vec(vec![b'm', 0xe9]));
        let mut variables = Variables::new(&latin_1);
        variables.required(R2_BUCKET_MEDIA);
        variables.optional(R2_SESSION_TOKEN);
        let error = variables.check("R2").unwrap_err();
        assert_eq!(
            error.message(),
            "R2_BUCKET_MEDIA is not Unicode text; R2_SESSION_TOKEN (a credential) is not Unicode text"
        );
    }
}
