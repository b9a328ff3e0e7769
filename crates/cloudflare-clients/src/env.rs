//! The variables that credentials and places are read from, in the environment of a process or of a Worker.

use std::ffi::OsString;
use std::fmt;

use crate::error::{Error, Result};

/// The id of the account whose buckets are meant. Cloudflare's are 32 characters of 0-9 and a-f.
pub const R2_ACCOUNT_ID: &str = "R2_ACCOUNT_ID";
/// The access key id of an [R2 API token](https://developers.cloudflare.com/r2/api/tokens/).
pub const R2_ACCESS_KEY_ID: &str = "R2_ACCESS_KEY_ID";
/// The secret access key of the token.
pub const R2_SECRET_ACCESS_KEY: &str = "R2_SECRET_ACCESS_KEY";
/// The session token of [temporary credentials](https://developers.cloudflare.com/r2/api/s3/tokens/#temporary-access-credentials).
pub const R2_SESSION_TOKEN: &str = "R2_SESSION_TOKEN";
/// The bucket's name.
pub const R2_BUCKET_MEDIA: &str = "R2_BUCKET_MEDIA";
/// The URL of another server that speaks R2's S3 API, or R2's own, as the dashboard shows it.
pub const R2_ENDPOINT: &str = "R2_ENDPOINT";
/// The jurisdiction of the bucket: `eu`, `fedramp` or `us`.
pub const R2_JURISDICTION: &str = "R2_JURISDICTION";
/// The region that is signed for: `auto` by default, R2's.
pub const R2_REGION: &str = "R2_REGION";
/// The id of the account whose namespaces are meant.
pub const CLOUDFLARE_ACCOUNT_ID: &str = "CLOUDFLARE_ACCOUNT_ID";
/// A token of Cloudflare's API that may read or write Workers KV.
pub const CLOUDFLARE_API_TOKEN: &str = "CLOUDFLARE_API_TOKEN";
/// The URL of another server that speaks Cloudflare's API, as wrangler has it.
pub const CLOUDFLARE_API_BASE_URL: &str = "CLOUDFLARE_API_BASE_URL";
/// The id of the namespace of Workers KV.
pub const KV_NAMESPACE_ID: &str = "KV_NAMESPACE_ID";

/// Those that are credentials, of which an error says so.
const CREDENTIALS: [&str; 4] =
    [R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, R2_SESSION_TOKEN, CLOUDFLARE_API_TOKEN];

/// Variables, of which all that are missing or malformed are named together.
///
/// White space around a value does not count, and an empty value counts as missing.
pub(crate) struct Variables<'a> {
    variable: &'a dyn Fn(&str) -> Option<OsString>,
    missing: Vec<&'static str>,
    /// What is wrong with each, in words that begin with its name.
    malformed: Vec<(&'static str, String)>,
}

impl<'a> Variables<'a> {
    pub(crate) fn new(variable: &'a dyn Fn(&str) -> Option<OsString>) -> Self {
        Self { variable, missing: Vec::new(), malformed: Vec::new() }
    }

    /// The value; an empty one where it is not Unicode, which [`check`](Self::check) tells.
    pub(crate) fn optional(&mut self, name: &'static str) -> Option<String> {
        let Ok(value) = (self.variable)(name)?.into_string() else {
            let of = if CREDENTIALS.contains(&name) { ", of the credentials," } else { "" };
            self.malformed(name, format_args!("{name}{of} is not Unicode text"));
            return Some(String::new());
        };
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

    /// Says what is wrong with a variable, in words that begin with its name. What was found first counts.
    pub(crate) fn malformed(&mut self, name: &'static str, what: impl fmt::Display) {
        if !self.missing.contains(&name) && !self.malformed.iter().any(|(other, _)| *other == name) {
            self.malformed.push((name, what.to_string()));
        }
    }

    /// Refuses an environment of `service` that lacks some of what was required, or has something malformed.
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
            message.push_str(". Credentials are those of an API token, which Cloudflare's dashboard makes");
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
            "R2_BUCKET_MEDIA is not Unicode text; R2_SESSION_TOKEN, of the credentials, is not Unicode text"
        );
    }
}
