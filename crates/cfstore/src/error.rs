//! Errors of commands, with hints at what to do next.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use cloudflare_clients::ErrorKind;

use crate::misreading;

/// Exit status of the process.
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

/// Error of a command.
#[derive(Debug)]
pub(crate) enum Error {
    /// Error of the library in an R2 operation.
    Service(cloudflare_clients::Error),
    /// Error of the library in a Workers KV operation.
    Kv(cloudflare_clients::Error),
    /// No object has this key.
    NotFound(String),
    /// The namespace does not have this key.
    NoSuchKey(String),
    /// No key has this prefix, which looks like something else.
    NothingBegins { prefix: String, hint: String },
    /// No key matches this pattern.
    NothingMatches(String),
    /// This key has no unfinished upload.
    NoSuchUpload(String),
    /// This bucket has no CORS rules.
    NoCors(String),
    /// The account has no bucket of this name.
    MissingBucket(String),
    /// The account has no namespace of this title or id.
    MissingNamespace(String),
    /// This bucket has no lifecycle rules.
    NoLifecycle(String),
    /// The bucket has no lifecycle rule of this name.
    NoLifecycleRule(String),
    /// The embedded store does not have the bucket `name`. It has `buckets`, a list separated by commas.
    NoBucket { name: String, buckets: String },
    /// This folder does not hold an embedded store.
    NoStore(PathBuf),
    /// Wrong usage, with a hint at the right one.
    Usage { message: String, hint: String },
    /// Failure on this machine, such as of a file.
    Local(String),
    /// The server cannot listen on its address.
    Listen(cloudflare_clients::Error),
    /// A server is unhealthy or does not answer.
    Unhealthy(String),
    /// Stdout cannot be written to.
    Output(io::Error),
    /// Interrupted by Ctrl-C, SIGTERM or SIGHUP.
    Interrupted,
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: hint.into() }
    }

    /// Returns [`NothingBegins`](Self::NothingBegins) if the prefix looks like a pattern.
    pub(crate) fn if_misread(prefix: &str, command: &str) -> Result<()> {
        misreading::hint(prefix, command)
            .map_or(Ok(()), |hint| Err(Self::NothingBegins { prefix: prefix.to_owned(), hint }))
    }

    /// Adds to a usage error that the variables come from this file.
    pub(crate) fn in_file(self, env_file: Option<&Path>) -> Self {
        match (self, env_file) {
            (Self::Usage { message, hint }, Some(path)) => {
                Self::Usage { message: format!("{message} (--env-file {})", path.display()), hint }
            }
            (error, _) => error,
        }
    }

    /// Creates the error of a file; `what` says what failed, such as "cannot be read".
    pub(crate) fn file(path: &Path, what: &str, error: &io::Error) -> Self {
        Self::Local(format!("\"{}\" {what}: {error}", path.display()))
    }

    /// Marks an error of the library as one of Workers KV.
    pub(crate) fn about_kv(self) -> Self {
        match self {
            Self::Service(error) => Self::Kv(error),
            other => other,
        }
    }

    /// Turns a failed write to stdout into a failure, for commands that still had work to do.
    pub(crate) fn unfinished(self) -> Self {
        match self {
            Self::Output(error) => Self::Local(format!(
                "cannot write the output, so the command stopped before its end: {error}"
            )),
            other => other,
        }
    }

    /// Returns the error of the library, if it is one.
    pub(crate) fn service(&self) -> Option<&cloudflare_clients::Error> {
        match self {
            Self::Service(error) | Self::Kv(error) | Self::Listen(error) => Some(error),
            _ => None,
        }
    }

    /// Returns the causes that the text of the error does not contain.
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
            Self::Service(error) | Self::Kv(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NoSuchKey | ErrorKind::NoSuchBucket | ErrorKind::NoSuchNamespace
                ) =>
            {
                ExitStatus::NotFound
            }
            Self::Usage { .. } => ExitStatus::Usage,
            // Refused before a request was sent: the key, the expiry and the like.
            Self::Service(error) | Self::Kv(error)
                if error.kind() == ErrorKind::InvalidInput && error.attempts() == 0 =>
            {
                ExitStatus::Usage
            }
            _ => ExitStatus::Failed,
        }
    }

    /// Returns what to do next, if the message does not say it.
    pub(crate) fn hint(&self) -> Option<Cow<'_, str>> {
        let fixed = match self {
            Self::Usage { hint, .. } | Self::NothingBegins { hint, .. } => Some(hint.as_str()),
            Self::Service(error) => service_hint(error),
            Self::Kv(error) => kv_hint(error),
            Self::NotFound(key) => return Some(missing_hint(key, "r2")),
            Self::NoSuchKey(key) => return Some(missing_hint(key, "kv")),
            Self::NothingMatches(_) => Some(
                "* and ? do not match slashes, ** does; --literal makes them plain characters of a key; `cfstore r2 ls` lists \
                 the keys",
            ),
            Self::NoSuchUpload(_) => Some("`cfstore r2 uploads ls` lists the unfinished uploads"),
            Self::NoLifecycle(_) => Some(
                "`cfstore r2 lifecycle set --id logs --prefix logs/ --delete-after 90days` adds a rule that deletes old objects; \
                 without rules, objects and unfinished uploads stay until you delete them",
            ),
            Self::NoLifecycleRule(_) => Some("`cfstore r2 lifecycle show` lists the rules with their ids"),
            Self::NoCors(_) => Some(
                "`cfstore r2 cors set --origin https://app.example.com --method GET --header range` allows pages of an origin \
                 to read",
            ),
            Self::MissingBucket(_) => Some(
                "`cfstore r2 bucket ls` lists the buckets; a bucket in a jurisdiction is visible only with its R2_JURISDICTION",
            ),
            Self::MissingNamespace(_) => Some("`cfstore kv namespace ls` lists the namespaces"),
            Self::NoBucket { buckets, .. } => {
                return Some(
                    format!("it has these: {buckets}; `cfstore r2 bucket create NAME` creates another one")
                        .into(),
                );
            }
            Self::NoStore(_) => Some(
                "`cfstore r2 put FILE KEY` and `cfstore kv put KEY VALUE` create one; to use Cloudflare, set its variables: \
                 `cfstore --help` lists them",
            ),
            Self::Listen(_) => Some(
                "--listen 127.0.0.1:0 picks a free port; the address must be one of this machine, and no other server may use it",
            ),
            Self::Unhealthy(_) => Some(
                "start the server with `cfstore serve --admin-listen 127.0.0.1:9711`, or give the address of its --admin-listen \
                 with --url",
            ),
            Self::Local(_) | Self::Output(_) | Self::Interrupted => None,
        };
        fixed.map(Cow::Borrowed)
    }
}

fn missing_hint(key: &str, command: &str) -> Cow<'static, str> {
    misreading::missing_hint(key, command)
        .unwrap_or_else(|| format!("`cfstore {command} ls` lists the keys"))
        .into()
}

/// Whether an object needs a customer's key that was not given. The text is AWS's, which the local server
/// uses too.
pub(crate) fn is_encrypted(error: &cloudflare_clients::Error) -> bool {
    error.kind() == ErrorKind::InvalidInput
        && error.message().contains("using a form of Server Side Encryption")
}

fn service_hint(error: &cloudflare_clients::Error) -> Option<&'static str> {
    Some(match error.kind() {
        _ if error.code() == Some("RequestTimeTooSkewed") => {
            "set the clock of this machine: R2 allows a difference of 15 minutes"
        }
        ErrorKind::NoSuchKey => "`cfstore r2 ls` lists the keys",
        _ if error.code() == Some("BucketNotEmpty") => {
            "`cfstore r2 rm --all --bucket NAME` empties it; unfinished uploads go with the bucket"
        }
        ErrorKind::Conflict if error.operation() == Some("create_bucket") => {
            "`cfstore r2 bucket info NAME` shows the bucket"
        }
        ErrorKind::Forbidden if error.operation().is_some_and(|operation| operation.contains("bucket")) => {
            "use an API token with Admin Read & Write, or Admin Read to list buckets"
        }
        _ if is_encrypted(error) => {
            "the object is encrypted with a customer's key: give the key with --sse-c-key-file"
        }
        ErrorKind::InvalidInput if error.message().contains("encryption parameters are not applicable") => {
            "the object is not encrypted with a customer's key: leave --sse-c-key-file out, or give \
             --source-sse-c-key-file none for the source of a copy"
        }
        ErrorKind::Forbidden if error.message().contains("must provide the correct secret key") => {
            "the object is encrypted with another key: give the file of that key with --sse-c-key-file"
        }
        _ if is_about_proxy(error) => PROXY_HINT,
        _ if error.code() == Some("InvalidBucketName") => {
            "correct the bucket's name, in the address, in --bucket or in the argument"
        }
        ErrorKind::InvalidInput if error.operation() == Some("head") && error.code().is_none() => {
            "the object may not be encrypted with a customer's key: try without --sse-c-key-file"
        }
        ErrorKind::Credentials => {
            "credentials rejected: check R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY, and that the token belongs to this account"
        }
        ErrorKind::Forbidden if matches!(error.operation(), Some("cors" | "set_cors" | "delete_cors")) => {
            "CORS rules need an API token with Admin Read & Write; you can also edit them in the bucket's settings on the \
             dashboard"
        }
        ErrorKind::Forbidden => {
            "check that R2_SECRET_ACCESS_KEY belongs to R2_ACCESS_KEY_ID, that the token has Object Read & Write on this \
             bucket, that temporary credentials have not expired and allow this, and that --sse-c-key-file, if given, \
             is the key of the object"
        }
        ErrorKind::NoSuchBucket => {
            "check the bucket's name (in the address, --bucket or R2_BUCKET_MEDIA), and R2_ACCOUNT_ID or R2_ENDPOINT; a bucket \
             in a jurisdiction also needs R2_JURISDICTION; `cfstore r2 bucket create NAME` creates a bucket"
        }
        ErrorKind::NotFound => "check R2_ENDPOINT: R2's S3 API does not answer at this path",
        ErrorKind::PreconditionFailed if error.operation() != Some("get") => {
            "leave --if-absent out to replace the object"
        }
        ErrorKind::PreconditionFailed => "the object was replaced while it was read: run the command again",
        ErrorKind::Connection if is_about_certificate(error) => certificate_hint(error),
        ErrorKind::UnexpectedResponse if error.message().contains("did not answer in HTTP") => {
            "check R2_ENDPOINT: the server may need https:// instead of http://"
        }
        ErrorKind::Dns | ErrorKind::Connection => {
            "check the network, and R2_ENDPOINT (http or https?) or R2_ACCOUNT_ID; `cfstore serve` starts a local server"
        }
        ErrorKind::RateLimited | ErrorKind::Server | ErrorKind::Timeout => {
            "try again later; -vv shows each attempt"
        }
        ErrorKind::Integrity => "the bytes were damaged in transit or in the store: run the command again",
        _ => return None,
    })
}

const CA_HINT: &str = "the server has the certificate of a certificate authority, as `openssl req -x509` creates by default: create one \
     with `-addext basicConstraints=critical,CA:FALSE`";

const CERTIFICATE_HINT: &str = "set SSL_CERT_FILE to a file of certificates to trust: `cfstore serve --tls` prints the one that it \
     uses; or set CFSTORE_SYSTEM_ROOTS=1 to trust the certificates of this system";

const PROXY_HINT: &str =
    "check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, or add the host to NO_PROXY to reach it without a proxy";

/// Whether the error comes from a proxy, or from a server reached through one.
fn is_about_proxy(error: &cloudflare_clients::Error) -> bool {
    let is_kind = matches!(
        error.kind(),
        ErrorKind::Connection | ErrorKind::Dns | ErrorKind::Timeout | ErrorKind::UnexpectedResponse
    );
    is_kind && !is_about_certificate(error) && error.message().contains("the proxy ")
        || is_unusable_proxy(error)
}

/// Whether the error is that a variable names a proxy that cannot be used: it begins with the variable.
pub(crate) fn is_unusable_proxy(error: &cloudflare_clients::Error) -> bool {
    let first = error.message().split_whitespace().next().unwrap_or_default();
    error.kind() == ErrorKind::InvalidInput
        && ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"].iter().any(|name| first.eq_ignore_ascii_case(name))
}

fn is_about_certificate(error: &cloudflare_clients::Error) -> bool {
    error.message().contains("invalid peer certificate")
}

fn certificate_hint(error: &cloudflare_clients::Error) -> &'static str {
    if error.message().contains("CaUsedAsEndEntity") { CA_HINT } else { CERTIFICATE_HINT }
}

fn kv_hint(error: &cloudflare_clients::Error) -> Option<&'static str> {
    Some(match error.kind() {
        ErrorKind::Credentials | ErrorKind::Forbidden => {
            "check CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID, and that the token has Workers KV Storage Write"
        }
        ErrorKind::NotFound => "check CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_BASE_URL",
        ErrorKind::Connection if is_about_certificate(error) => certificate_hint(error),
        _ if is_about_proxy(error) => PROXY_HINT,
        ErrorKind::NoSuchNamespace => "check KV_NAMESPACE_ID: `cfstore kv namespace ls` shows the ids",
        ErrorKind::Dns | ErrorKind::Connection => {
            "check the network and CLOUDFLARE_API_BASE_URL; `cfstore serve` starts a local server"
        }
        ErrorKind::Conflict if error.operation() == Some("create_namespace") => {
            "choose another title; `cfstore kv namespace ls` lists the namespaces"
        }
        ErrorKind::InvalidInput if error.message().contains("expiration lies") => {
            "give --expires-at a time at least a minute ahead, or --ttl"
        }
        ErrorKind::RateLimited => {
            "KV accepts one write per second and key, and Cloudflare's API 1,200 requests in five minutes: try again later"
        }
        ErrorKind::Server | ErrorKind::Timeout => "try again later; -vv shows each attempt",
        _ => return None,
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(error) | Self::Kv(error) | Self::Listen(error) => write!(f, "{error}"),
            Self::NotFound(key) => write!(f, "object {key:?} does not exist"),
            Self::NoSuchKey(key) => write!(f, "key {key:?} does not exist"),
            Self::NothingBegins { prefix, .. } => write!(f, "no key begins with {prefix:?}"),
            Self::NothingMatches(pattern) => write!(f, "no key matches {pattern:?}"),
            Self::NoSuchUpload(key) => write!(f, "{key:?} has no unfinished upload"),
            Self::NoCors(target) => write!(f, "{target} has no CORS rules, so it refuses all web pages"),
            Self::MissingBucket(name) => write!(f, "bucket {name:?} does not exist"),
            Self::MissingNamespace(named) => write!(f, "namespace {named:?} does not exist"),
            Self::NoLifecycle(target) => write!(f, "{target} has no lifecycle rules"),
            Self::NoLifecycleRule(id) => write!(f, "lifecycle rule {id:?} does not exist"),
            Self::NoBucket { name, .. } => write!(f, "the embedded store has no bucket {name:?}"),
            Self::NoStore(directory) => {
                write!(
                    f,
                    "Cloudflare's variables are not set, and {}/ does not hold a store yet",
                    directory.display()
                )
            }
            Self::Usage { message, .. } | Self::Local(message) | Self::Unhealthy(message) => {
                f.write_str(message)
            }
            Self::Output(error) => write!(f, "cannot write the output: {error}"),
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
    fn an_unusable_proxy_is_recognized_by_its_variable() {
        for (message, is_proxy) in [
            ("HTTPS_PROXY cannot be used: it is not UTF-8", true),
            ("all_proxy cannot be used: SOCKS is not supported", true),
            ("the key \"all_proxy\" is too long", false),
        ] {
            let error = cloudflare_clients::Error::new(ErrorKind::InvalidInput, message);
            assert_eq!(is_unusable_proxy(&error), is_proxy, "{message}");
            assert_eq!(Error::Service(error).hint().as_deref() == Some(PROXY_HINT), is_proxy, "{message}");
        }
    }

    #[test]
    fn the_certificate_of_an_authority_has_another_hint() {
        for (reason, hint) in
            [("Other(OtherError(CaUsedAsEndEntity))", CA_HINT), ("UnknownIssuer", CERTIFICATE_HINT)]
        {
            let error = || {
                let message = format!("cannot connect: invalid peer certificate: {reason}");
                cloudflare_clients::Error::new(ErrorKind::Connection, message)
            };
            assert_eq!(Error::Service(error()).hint().as_deref(), Some(hint));
            assert_eq!(Error::Kv(error()).hint().as_deref(), Some(hint));
        }
    }

    #[test]
    fn wrong_variables_of_a_file_name_the_file() {
        let error = || Error::usage("R2_ACCOUNT_ID is wrong", "set it");
        let named = error().in_file(Some(Path::new("a.env")));
        assert_eq!(named.to_string(), "R2_ACCOUNT_ID is wrong (--env-file a.env)");
        assert_eq!(error().in_file(None).to_string(), "R2_ACCOUNT_ID is wrong");
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
