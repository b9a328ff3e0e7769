//! Finds the CORS rule that allows a request, or the reasons why none does.

use std::error::Error as StdError;
use std::fmt;

use http::Method;

use super::{ANY, CorsPolicy, CorsRule};

/// A page's request, as a browser describes it in a preflight.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorsRequest {
    /// The page's origin, as the browser sends it: `https://app.example.com`.
    pub origin: String,
    /// The method of the request, not of the preflight.
    pub method: Method,
    /// The request's headers that need permission: `content-type` (except for forms and plain text), `range`,
    /// `x-amz-meta-…`, and every other header that the browser does not add itself.
    pub headers: Vec<String>,
}

impl CorsRequest {
    /// Creates a request without custom headers.
    pub fn new(origin: impl Into<String>, method: Method) -> Self {
        Self { origin: origin.into(), method, headers: Vec::new() }
    }

    /// Adds headers of the request.
    #[must_use]
    pub fn headers<H: Into<String>>(mut self, names: impl IntoIterator<Item = H>) -> Self {
        self.headers.extend(names.into_iter().map(Into::into));
        self
    }
}

/// The rule that allows a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorsMatch<'a> {
    /// The rule's position in the policy, from 1.
    pub number: usize,
    /// The rule itself.
    pub rule: &'a CorsRule,
}

/// Why no rule allows a request.
///
/// `Display` writes one line for each rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorsRefusal {
    /// The mismatches of each rule, in the order of the rules. Empty if the bucket has no rules.
    pub rules: Vec<Vec<CorsMismatch>>,
}

/// One reason why a rule does not allow a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CorsMismatch {
    /// The rule does not allow the origin.
    Origin {
        /// The request's origin.
        origin: String,
        /// The origins that the rule allows.
        allowed: Vec<String>,
    },
    /// The rule does not allow the method.
    Method {
        /// The request's method.
        method: Method,
        /// The methods that the rule allows.
        allowed: Vec<Method>,
    },
    /// The rule does not allow all headers.
    Headers {
        /// The request's headers that the rule does not allow.
        names: Vec<String>,
        /// The headers that the rule allows.
        allowed: Vec<String>,
    },
}

impl CorsPolicy {
    /// Finds the first rule that allows the request's origin, its method and all of its headers. Origins and
    /// methods are compared exactly, header names without regard to case.
    ///
    /// # Errors
    /// The mismatches of each rule.
    pub fn check(&self, request: &CorsRequest) -> Result<CorsMatch<'_>, CorsRefusal> {
        let mut rules = Vec::new();
        for (number, rule) in (1..).zip(&self.rules) {
            let mismatches = rule.mismatches(request);
            if mismatches.is_empty() {
                return Ok(CorsMatch { number, rule });
            }
            rules.push(mismatches);
        }
        Err(CorsRefusal { rules })
    }
}

impl CorsRule {
    fn mismatches(&self, request: &CorsRequest) -> Vec<CorsMismatch> {
        let mut mismatches = Vec::new();
        if !self.allowed_origins.iter().any(|allowed| allowed == ANY || *allowed == request.origin) {
            let (origin, allowed) = (request.origin.clone(), self.allowed_origins.clone());
            mismatches.push(CorsMismatch::Origin { origin, allowed });
        }
        if !self.allowed_methods.contains(&request.method) {
            let (method, allowed) = (request.method.clone(), self.allowed_methods.clone());
            mismatches.push(CorsMismatch::Method { method, allowed });
        }
        let refused =
            |name: &&String| !self.allowed_headers.iter().any(|allowed| allows_header(allowed, name));
        let names: Vec<_> = request.headers.iter().filter(refused).cloned().collect();
        if !names.is_empty() {
            mismatches.push(CorsMismatch::Headers { names, allowed: self.allowed_headers.clone() });
        }
        mismatches
    }
}

/// A `*` in an allowed name matches any text, as with AWS.
fn allows_header(allowed: &str, name: &str) -> bool {
    let (allowed, name) = (allowed.to_ascii_lowercase(), name.to_ascii_lowercase());
    match allowed.split_once('*') {
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| rest.ends_with(after)),
        None => allowed == name,
    }
}

impl fmt::Display for CorsRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rules.is_empty() {
            return f.write_str("the bucket has no CORS rules, so no page may use it");
        }
        for (number, mismatches) in (1..).zip(&self.rules) {
            if number > 1 {
                f.write_str("\n")?;
            }
            write!(f, "rule {number} does not allow ")?;
            for (index, mismatch) in mismatches.iter().enumerate() {
                if index > 0 {
                    f.write_str(", nor ")?;
                }
                write!(f, "{mismatch}")?;
            }
        }
        Ok(())
    }
}

impl StdError for CorsRefusal {}

impl fmt::Display for CorsMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin { origin, allowed } => {
                write!(f, "the origin {origin} (allowed: {}", list(allowed))?;
                let nearly =
                    |allowed: &&String| allowed.trim_end_matches('/') == origin && *allowed != origin;
                if let Some(allowed) = allowed.iter().find(nearly) {
                    write!(f, "; {allowed} matches no page: an origin does not end with a slash")?;
                } else if let Some(pattern) = allowed.iter().find(|allowed| allowed.contains('*')) {
                    write!(f, "; {pattern} is not a pattern: origins are compared exactly")?;
                }
                f.write_str(")")
            }
            Self::Method { method, allowed } => write!(f, "the method {method} (allowed: {})", list(allowed)),
            Self::Headers { names, allowed } => {
                let noun = if names.len() == 1 { "header" } else { "headers" };
                write!(f, "the {noun} {} (allowed: {})", list(names), list(allowed))
            }
        }
    }
}

fn list(items: &[impl fmt::Display]) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> CorsPolicy {
        CorsPolicy::new([
            CorsRule::new(["https://app.example.com"], [Method::PUT])
                .allow_headers(["Content-Type", "x-amz-meta-*"]),
            CorsRule::new(["*"], [Method::GET, Method::HEAD]).allow_headers(["*"]),
        ])
    }

    #[test]
    fn the_first_rule_that_allows_all_of_it_counts() {
        let app = "https://app.example.com";
        for (origin, method, headers, number) in [
            (app, Method::PUT, vec!["content-type", "X-Amz-Meta-Name"], Some(1)),
            (app, Method::GET, vec!["range", "x-anything"], Some(2)),
            ("null", Method::HEAD, vec![], Some(2)),
            (app, Method::PUT, vec!["content-typed"], None),
            (app, Method::PUT, vec!["x-amz-met"], None),
            ("https://app.example.com:8443", Method::PUT, vec![], None),
            ("http://app.example.com", Method::PUT, vec![], None),
            (app, Method::DELETE, vec![], None),
        ] {
            let request = CorsRequest::new(origin, method).headers(headers);
            let policy = policy();
            assert_eq!(policy.check(&request).ok().map(|found| found.number), number, "{request:?}");
        }
    }

    #[test]
    fn a_refusal_says_what_each_rule_lacks() {
        let request = CorsRequest::new("https://b.example", Method::PUT).headers(["x-trace"]);
        assert_eq!(
            policy().check(&request).unwrap_err().to_string(),
            "rule 1 does not allow the origin https://b.example (allowed: https://app.example.com), nor the header \
             x-trace (allowed: Content-Type, x-amz-meta-*)\n\
             rule 2 does not allow the method PUT (allowed: GET, HEAD)"
        );
        assert_eq!(
            CorsPolicy::default().check(&request).unwrap_err().to_string(),
            "the bucket has no CORS rules, so no page may use it"
        );
        for (allowed, said) in [
            ("https://b.example/", "https://b.example/ matches no page"),
            ("https://*.example", "https://*.example is not a pattern"),
        ] {
            let rule = CorsRule::new([allowed], [Method::PUT]).allow_headers(["*"]);
            let refused = CorsPolicy::new([rule]).check(&request).unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
        }
    }
}
