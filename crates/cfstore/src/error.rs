//! Why a command failed, and what to do next.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use cloudflare_clients::ErrorKind;

use crate::misreading;

/// What the process ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    Success,
    Failed,
    Usage,
    NotFound,
}

impl ExitStatus {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
        }
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Error {
    /// The library's, of R2.
    Service(cloudflare_clients::Error),
    /// The library's, of Workers KV.
    Kv(cloudflare_clients::Error),
    /// There is no object of this key.
    NotFound(String),
    /// The namespace has no such key.
    NoSuchKey(String),
    /// No object begins so, and what was given looks like something else.
    NothingBegins { prefix: String, hint: String },
    /// No key matches this pattern.
    NothingMatches(String),
    /// There is no unfinished upload of this key.
    NoSuchUpload(String),
    /// This bucket has no CORS rules.
    NoCors(String),
    /// The account has no bucket of this name.
    MissingBucket(String),
    /// The account has no namespace of this title or id.
    MissingNamespace(String),
    /// This bucket has no lifecycle rules.
    NoLifecycle(String),
    /// There is no lifecycle rule of this name.
    NoLifecycleRule(String),
    /// The embedded store has no such bucket, but these.
    NoBucket { name: String, buckets: String },
    /// There is no embedded store in this folder.
    NoStore(PathBuf),
    /// What was asked for makes no sense.
    Usage { message: String, hint: String },
    /// Something on this machine failed.
    Local(String),
    /// The address cannot be listened at.
    Listen(cloudflare_clients::Error),
    /// A server is not well, or does not answer.
    Unhealthy(String),
    /// Stdout cannot be written to.
    Output(io::Error),
    /// By Ctrl-C or SIGTERM.
    Interrupted,
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: hint.into() }
    }

    /// That nothing begins so, where what was given looks like something else.
    pub(crate) fn if_misread(prefix: &str, command: &str) -> Result<()> {
        misreading::hint(prefix, command)
            .map_or(Ok(()), |hint| Err(Self::NothingBegins { prefix: prefix.to_owned(), hint }))
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(path: &Path, what: &str, error: &io::Error) -> Self {
        Self::Local(format!("\"{}\" {what}: {error}", path.display()))
    }

    /// The same, where it is the library's and comes from Workers KV.
    pub(crate) fn about_kv(self) -> Self {
        match self {
            Self::Service(error) => Self::Kv(error),
            other => other,
        }
    }

    /// The same, of a command that is not done when nobody reads its output any more.
    pub(crate) fn unfinished(self) -> Self {
        match self {
            Self::Output(error) => {
                Self::Local(format!("the output cannot be written, and not all was done: {error}"))
            }
            other => other,
        }
    }

    /// The library's error.
    pub(crate) fn service(&self) -> Option<&cloudflare_clients::Error> {
        match self {
            Self::Service(error) | Self::Kv(error) | Self::Listen(error) => Some(error),
            _ => None,
        }
    }

    /// What is behind the error, as far as its text does not say that already.
    pub(crate) fn causes(&self) -> Vec<String> {
        let mut said = self.to_string();
        let mut causes = Vec::new();
        let mut next = self.service().and_then(std::error::Error::source);
        while let Some(cause) = next {
            let text = cause.to_string();
            if !said.contains(&text) {
                said.push_str(&text);
                causes.push(text);
            }
            next = cause.source();
        }
        causes
    }

    pub(crate) fn exit_status(&self) -> ExitStatus {
        match self {
            Self::NotFound(_)
            | Self::NoSuchKey(_)
            | Self::NothingBegins { .. }
            | Self::NothingMatches(_)
            | Self::NoSuchUpload(_)
            | Self::NoCors(_)
            | Self::MissingBucket(_)
            | Self::MissingNamespace(_)
            | Self::NoLifecycle(_)
            | Self::NoLifecycleRule(_)
            | Self::NoBucket { .. }
            | Self::NoStore(_) => ExitStatus::NotFound,
            Self::Service(error) if error.kind() == ErrorKind::NoSuchKey => ExitStatus::NotFound,
            Self::Usage { .. } => ExitStatus::Usage,
            // Refused before anything was sent: the key, the expiry and the like.
            Self::Service(error) | Self::Kv(error)
                if error.kind() == ErrorKind::InvalidInput && error.attempts() == 0 =>
            {
                ExitStatus::Usage
            }
            _ => ExitStatus::Failed,
        }
    }

    /// What to do next, where there is more to say than the message does.
    pub(crate) fn hint(&self) -> Option<Cow<'_, str>> {
        let fixed = match self {
            Self::Usage { hint, .. } | Self::NothingBegins { hint, .. } => Some(hint.as_str()),
            Self::Service(error) => service_hint(error),
            Self::Kv(error) => kv_hint(error),
            Self::NotFound(key) => return Some(missing_hint(key, "r2")),
            Self::NoSuchKey(key) => return Some(missing_hint(key, "kv")),
            Self::NothingMatches(_) => Some(
                "* and ? stop at a slash, and ** does not; --literal takes them as characters of a key; `cfstore r2 ls` lists what \
                 there is",
            ),
            Self::NoSuchUpload(_) => Some("`cfstore r2 uploads ls` lists those that are unfinished"),
            Self::NoLifecycle(_) => Some(
                "`cfstore r2 lifecycle set --id logs --prefix logs/ --delete-after 90days` deletes what is old; objects stay as they \
                 are without rules, and so do uploads that were not finished",
            ),
            Self::NoLifecycleRule(_) => Some("`cfstore r2 lifecycle show` lists the rules with their ids"),
            Self::NoCors(_) => Some(
                "`cfstore r2 cors set --origin https://app.example.com --method GET --header range` lets pages of an origin \
                 read",
            ),
            Self::MissingBucket(_) => Some(
                "`cfstore r2 bucket ls` lists what there is; a bucket of a jurisdiction is seen only with its R2_JURISDICTION",
            ),
            Self::MissingNamespace(_) => Some("`cfstore kv namespace ls` lists what there is"),
            Self::NoBucket { buckets, .. } => {
                return Some(
                    format!("it has these: {buckets}; `cfstore r2 bucket create NAME` makes another one")
                        .into(),
                );
            }
            Self::NoStore(_) => Some(
                "`cfstore r2 put FILE KEY` and `cfstore kv put KEY VALUE` make one; to use Cloudflare, set its variables: \
                 `cfstore --help` lists them",
            ),
            Self::Listen(_) => Some(
                "is another server running there, or the address not this machine's? --listen 127.0.0.1:0 takes a free port",
            ),
            Self::Unhealthy(_) => Some("a server answers there that was started with --admin-listen"),
            Self::Local(_) | Self::Output(_) | Self::Interrupted => None,
        };
        fixed.map(Cow::Borrowed)
    }
}

fn missing_hint(key: &str, command: &str) -> Cow<'static, str> {
    misreading::missing_hint(key, command)
        .unwrap_or_else(|| format!("`cfstore {command} ls` lists what there is"))
        .into()
}

/// Whether an object takes a customer's key that was not given. These are AWS's words, which the local server
/// has, too.
pub(crate) fn is_encrypted(error: &cloudflare_clients::Error) -> bool {
    error.kind() == ErrorKind::InvalidInput
        && error.message().contains("using a form of Server Side Encryption")
}

fn service_hint(error: &cloudflare_clients::Error) -> Option<&'static str> {
    Some(match error.kind() {
        _ if error.code() == Some("RequestTimeTooSkewed") => "set this machine's clock: R2 allows 15 minutes",
        ErrorKind::NoSuchKey => "`cfstore r2 ls` lists what there is",
        _ if error.code() == Some("BucketNotEmpty") => {
            "`cfstore r2 rm --all --bucket NAME` empties it; unfinished uploads go with the bucket"
        }
        ErrorKind::Conflict if error.operation() == Some("create_bucket") => {
            "`cfstore r2 bucket info NAME` shows what is known of it"
        }
        ErrorKind::Forbidden if error.operation().is_some_and(|operation| operation.contains("bucket")) => {
            "buckets take a token with Admin Read & Write, or Admin Read to list them"
        }
        _ if is_encrypted(error) => "it is encrypted with a customer's key: give that with --sse-c-key-file",
        ErrorKind::InvalidInput if error.message().contains("encryption parameters are not applicable") => {
            "it is not encrypted with a customer's key: leave --sse-c-key-file out, or give --source-sse-c-key-file none \
             for the source of a copy"
        }
        ErrorKind::Forbidden if error.message().contains("must provide the correct secret key") => {
            "it is encrypted with another customer's key than that of --sse-c-key-file"
        }
        _ if is_about_proxy(error) => PROXY_HINT,
        ErrorKind::InvalidInput if error.operation() == Some("head") && error.code().is_none() => {
            "with --sse-c-key-file: perhaps the object is not encrypted with a customer's key"
        }
        ErrorKind::Credentials => {
            "credentials rejected: check R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY, and that the token is of this account"
        }
        ErrorKind::Forbidden if matches!(error.operation(), Some("cors" | "set_cors" | "delete_cors")) => {
            "CORS rules take a token with Admin Read & Write; the bucket's settings on the dashboard have them too"
        }
        ErrorKind::Forbidden => {
            "check that R2_SECRET_ACCESS_KEY is the token's, and that the token has Object Read & Write on this bucket; \
             temporary credentials may do what they were made for, until they end; with --sse-c-key-file, that it is the \
             object's key"
        }
        ErrorKind::NoSuchBucket => {
            "`cfstore r2 bucket create NAME` creates it; or check its name (in the address, --bucket or R2_BUCKET_MEDIA) and \
             R2_ACCOUNT_ID; a bucket of a jurisdiction also needs R2_JURISDICTION"
        }
        ErrorKind::NotFound => "check R2_ENDPOINT: nothing there speaks R2's S3 API at this path",
        ErrorKind::PreconditionFailed if error.operation() != Some("get") => {
            "there is an object of this key: leave --if-absent out to replace it"
        }
        ErrorKind::PreconditionFailed => "the object was replaced while it was read: run it again",
        ErrorKind::Connection if is_about_certificate(error) => CERTIFICATE_HINT,
        ErrorKind::UnexpectedResponse if error.message().contains("did not answer in HTTP") => {
            "check R2_ENDPOINT: the server may speak https where http is written"
        }
        ErrorKind::Dns | ErrorKind::Connection => {
            "check the network and R2_ENDPOINT (http or https?) or R2_ACCOUNT_ID; a local server has to run: `cfstore serve`"
        }
        ErrorKind::RateLimited | ErrorKind::Server | ErrorKind::Timeout => {
            "try again later; -vv shows each attempt"
        }
        ErrorKind::Integrity => "the bytes were damaged on their way, or where they are stored: run it again",
        _ => return None,
    })
}

const CERTIFICATE_HINT: &str = "SSL_CERT_FILE names a file of certificates to trust: `cfstore serve --tls` prints the one that it made; \
     CFSTORE_SYSTEM_ROOTS=1 trusts what this system trusts";

const PROXY_HINT: &str =
    "HTTPS_PROXY, HTTP_PROXY and ALL_PROXY name proxies, and NO_PROXY the hosts that are reached without one";

/// Whether it is of a proxy, or of what is behind one.
fn is_about_proxy(error: &cloudflare_clients::Error) -> bool {
    let is_kind = matches!(
        error.kind(),
        ErrorKind::Connection | ErrorKind::Dns | ErrorKind::Timeout | ErrorKind::UnexpectedResponse
    );
    is_kind && !is_about_certificate(error) && error.message().contains("the proxy ")
        || error.kind() == ErrorKind::InvalidInput && error.message().contains("_PROXY cannot be used")
}

fn is_about_certificate(error: &cloudflare_clients::Error) -> bool {
    error.message().contains("invalid peer certificate")
}

fn kv_hint(error: &cloudflare_clients::Error) -> Option<&'static str> {
    Some(match error.kind() {
        ErrorKind::Credentials | ErrorKind::Forbidden => {
            "check CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID, and that the token has Workers KV Storage Write"
        }
        ErrorKind::NotFound => "check CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_BASE_URL",
        ErrorKind::Connection if is_about_certificate(error) => CERTIFICATE_HINT,
        _ if is_about_proxy(error) => PROXY_HINT,
        ErrorKind::NoSuchNamespace => "check KV_NAMESPACE_ID: `cfstore kv namespace ls` shows the ids",
        ErrorKind::Dns | ErrorKind::Connection => {
            "check the network and CLOUDFLARE_API_BASE_URL; a local server has to run: `cfstore serve`"
        }
        ErrorKind::RateLimited => {
            "KV takes one write a second to a key, and Cloudflare's API 1,200 requests in five minutes: try again later"
        }
        ErrorKind::Server | ErrorKind::Timeout => "try again later; -vv shows each attempt",
        _ => return None,
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(error) | Self::Kv(error) | Self::Listen(error) => write!(f, "{error}"),
            Self::NotFound(key) => write!(f, "there is no object {key:?}"),
            Self::NoSuchKey(key) => write!(f, "there is no key {key:?}"),
            Self::NothingBegins { prefix, .. } => write!(f, "no key begins with {prefix:?}"),
            Self::NothingMatches(pattern) => write!(f, "no key matches {pattern:?}"),
            Self::NoSuchUpload(key) => write!(f, "there is no unfinished upload of {key:?}"),
            Self::NoCors(target) => write!(f, "{target} has no CORS rules: it refuses every page"),
            Self::MissingBucket(name) => write!(f, "there is no bucket {name:?}"),
            Self::MissingNamespace(named) => write!(f, "there is no namespace {named:?}"),
            Self::NoLifecycle(target) => write!(f, "{target} has no lifecycle rules"),
            Self::NoLifecycleRule(id) => write!(f, "there is no lifecycle rule {id:?}"),
            Self::NoBucket { name, .. } => write!(f, "the embedded store has no bucket {name:?}"),
            Self::NoStore(directory) => {
                write!(
                    f,
                    "Cloudflare's variables are not set, and there is no store in {}/ yet",
                    directory.display()
                )
            }
            Self::Usage { message, .. } | Self::Local(message) | Self::Unhealthy(message) => {
                f.write_str(message)
            }
            Self::Output(error) => write!(f, "the output cannot be written: {error}"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl From<cloudflare_clients::Error> for Error {
    fn from(error: cloudflare_clients::Error) -> Self {
        Self::Service(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(
        message: &str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> cloudflare_clients::Error {
        cloudflare_clients::Error::new(ErrorKind::Storage, message).with_source(source)
    }

    #[test]
    fn causes_are_what_the_text_does_not_say() {
        let io = || io::Error::other("disk on fire");
        let nested = service("could not parse the answer", service("the XML is malformed", io()));
        assert_eq!(Error::Service(nested).causes(), ["the XML is malformed", "disk on fire"]);
        let said = service("cannot write: disk on fire", service("disk on fire", io()));
        assert!(Error::Kv(said).causes().is_empty());
        assert!(Error::Interrupted.causes().is_empty());
    }
}
