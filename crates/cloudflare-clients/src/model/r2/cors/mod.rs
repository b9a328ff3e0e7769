//! CORS policies: which web pages may use a bucket.

mod check;
mod json;

use http::{HeaderName, Method, Uri};

pub use self::check::{CorsMatch, CorsMismatch, CorsRefusal, CorsRequest};
use crate::error::{Error, Result};

/// The wildcard for every origin or every header.
const ANY: &str = "*";

/// The methods that a rule can allow. A preflight's `OPTIONS` needs no rule.
const METHODS: [Method; 5] = [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE];

/// The maximum number of rules in a policy,
/// [as with AWS](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html).
const MAX_RULES: usize = 100;

/// The maximum length of a rule's name, in bytes, as with AWS.
const MAX_ID: usize = 255;

/// The CORS policy of a bucket: which web pages may use it, and how.
///
/// Without a policy, a bucket refuses all pages: it answers their preflights with 403, and browsers withhold
/// the responses to other requests. Programs outside a browser need no policy. See
/// [Configure CORS](https://developers.cloudflare.com/r2/buckets/cors/).
///
/// ```
/// use cloudflare_clients::http::Method;
/// use cloudflare_clients::r2::{CorsPolicy, CorsRequest, CorsRule};
///
/// let uploads = CorsRule::new(["https://app.example.com"], [Method::GET, Method::HEAD, Method::PUT])
///     .allow_headers(["content-type"])
///     .expose_headers(["etag"])
///     .max_age_seconds(3600);
/// let policy = CorsPolicy::new([uploads]);
///
/// let put = CorsRequest::new("https://app.example.com", Method::PUT);
/// assert!(policy.check(&put.clone().headers(["content-type"])).is_ok());
/// let refused = policy.check(&put.headers(["x-trace"])).unwrap_err();
/// assert_eq!(refused.to_string(), "rule 1 does not allow the header x-trace (allowed: content-type)");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorsPolicy {
    /// The rules. The first one that allows a request applies.
    pub rules: Vec<CorsRule>,
}

/// One rule of a [`CorsPolicy`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorsRule {
    /// The rule's name, at most 255 bytes.
    pub id: Option<String>,
    /// The origins of the pages: `https://app.example.com`, with a port if it is not the scheme's default,
    /// without a path or a slash at the end. `*` allows every page. R2 compares origins exactly; patterns
    /// such as `https://*.example.com` are not known to work.
    pub allowed_origins: Vec<String>,
    /// The methods that the pages may use: `GET`, `HEAD`, `PUT`, `POST`, `DELETE`.
    pub allowed_methods: Vec<Method>,
    /// The request headers that the pages may send, such as `content-type`, `range` and `x-amz-meta-*`. `*`
    /// allows every header.
    pub allowed_headers: Vec<String>,
    /// The response headers that the pages may read, such as `etag`, which an upload in parts needs.
    pub expose_headers: Vec<String>,
    /// How long a browser may cache the response to a preflight, in seconds. Browsers limit it to two hours
    /// or less.
    pub max_age_seconds: Option<u32>,
}

impl CorsPolicy {
    /// Creates a policy from these rules.
    pub fn new(rules: impl IntoIterator<Item = CorsRule>) -> Self {
        Self { rules: rules.into_iter().collect() }
    }

    /// Checks the policy against the rules of R2 and AWS. An origin with a path, which no browser sends, is
    /// refused too.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the policy has no rule or more than 100, or a rule
    /// lacks an origin or a method, or has an invalid one.
    pub fn validate(&self) -> Result<()> {
        if self.rules.is_empty() {
            return Err(Error::invalid_input(
                "the CORS policy has no rules: add one, or delete the bucket's policy instead",
            ));
        }
        if self.rules.len() > MAX_RULES {
            return Err(Error::invalid_input(format!("the CORS policy has more than {MAX_RULES} rules")));
        }
        let mut numbered = (1..).zip(&self.rules);
        numbered.try_for_each(|(number, rule)| rule.validate(number))
    }
}

impl CorsRule {
    /// Creates a rule that lets pages of these origins use these methods.
    pub fn new<O: Into<String>>(
        origins: impl IntoIterator<Item = O>,
        methods: impl IntoIterator<Item = Method>,
    ) -> Self {
        Self {
            allowed_origins: origins.into_iter().map(Into::into).collect(),
            allowed_methods: methods.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Adds request headers that the pages may send.
    #[must_use]
    pub fn allow_headers<H: Into<String>>(mut self, names: impl IntoIterator<Item = H>) -> Self {
        self.allowed_headers.extend(names.into_iter().map(Into::into));
        self
    }

    /// Adds response headers that the pages may read.
    #[must_use]
    pub fn expose_headers<H: Into<String>>(mut self, names: impl IntoIterator<Item = H>) -> Self {
        self.expose_headers.extend(names.into_iter().map(Into::into));
        self
    }

    /// Sets how long a browser may cache the response to a preflight, in seconds.
    #[must_use]
    pub fn max_age_seconds(mut self, seconds: u32) -> Self {
        self.max_age_seconds = Some(seconds);
        self
    }

    /// The `Access-Control-Allow-Origin` of a response to a page that the rule allows.
    pub fn answered_origin<'a>(&self, origin: &'a str) -> &'a str {
        if self.allowed_origins.iter().any(|allowed| allowed == ANY) { ANY } else { origin }
    }

    fn validate(&self, number: usize) -> Result<()> {
        let wrong =
            |what: String| Err(Error::invalid_input(format!("rule {number} of the CORS policy {what}")));
        if self.id.as_ref().is_some_and(|id| id.len() > MAX_ID) {
            return wrong(format!("has an ID that is longer than {MAX_ID} bytes"));
        }
        if self.allowed_origins.is_empty() {
            return wrong("allows no origin: name one, such as https://app.example.com".into());
        }
        if self.allowed_methods.is_empty() {
            return wrong("allows no method: name one, such as GET".into());
        }
        if let Some(origin) = self.allowed_origins.iter().find(|origin| !is_origin(origin)) {
            return wrong(format!(
                "has the origin {origin:?}: an origin is scheme://host or scheme://host:port, without a slash at the end"
            ));
        }
        if let Some(method) = self.allowed_methods.iter().find(|method| !METHODS.contains(method)) {
            return wrong(format!(
                "has the method {method}: a rule can allow GET, HEAD, PUT, POST and DELETE, and preflights need no rule"
            ));
        }
        let names = self.allowed_headers.iter().chain(&self.expose_headers);
        if let Some(name) = names.into_iter().find(|name| HeaderName::try_from(name.as_str()).is_err()) {
            return wrong(format!("has the header {name:?}, which is not a header name"));
        }
        if let Some(name) = self.allowed_headers.iter().find(|name| name.matches('*').count() > 1) {
            return wrong(format!("has the header {name:?}: a name can have one * only"));
        }
        Ok(())
    }
}

/// Whether the text is `*`, `null` or an origin that a browser sends. One `*` as a pattern is accepted, as
/// with AWS.
fn is_origin(text: &str) -> bool {
    if text == ANY || text == "null" {
        return true;
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let is_authority = || {
        let authority = rest.replacen('*', "a", 1);
        authority.parse::<Uri>().is_ok_and(|uri| uri.authority().is_some() && uri.path_and_query().is_none())
    };
    let is_scheme = scheme.replacen('*', "a", 1).bytes().all(|byte| byte.is_ascii_alphanumeric());
    !scheme.is_empty() && is_scheme && !rest.contains(['/', '?', '#', '@']) && is_authority()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_policy_that_cannot_work_is_refused_with_what_is_wrong() {
        let good = || CorsRule::new(["https://a.example"], [Method::GET]);
        let long = "i".repeat(256);
        for (rules, said) in [
            (vec![], "the CORS policy has no rules"),
            (vec![good(); 101], "more than 100 rules"),
            (vec![CorsRule::new([""; 0], [Method::GET])], "rule 1 of the CORS policy allows no origin"),
            (vec![good(), CorsRule::new(["*"], [])], "rule 2 of the CORS policy allows no method"),
            (vec![CorsRule::new(["https://a.example/"], [Method::GET])], "without a slash at the end"),
            (vec![CorsRule::new(["a.example"], [Method::GET])], "scheme://host"),
            (vec![CorsRule::new(["*"], [Method::OPTIONS])], "the method OPTIONS"),
            (vec![good().allow_headers(["content type"])], "\"content type\""),
            (vec![good().allow_headers(["x-*-*"])], "one * only"),
            (vec![CorsRule { id: Some(long), ..good() }], "255 bytes"),
        ] {
            let error = CorsPolicy::new(rules).validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.message().contains(said), "{error} and not {said}");
        }
        for origin in
            ["*", "null", "http://localhost:5173", "https://[::1]:8443", "https://*.example.com", "app://a"]
        {
            let rule = CorsRule::new([origin], METHODS).allow_headers(["*", "x-amz-meta-*"]);
            CorsPolicy::new([rule]).validate().unwrap();
        }
    }
}
