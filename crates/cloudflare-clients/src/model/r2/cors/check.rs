//! Which rule allows a request, or why none does.

use std::error::Error as StdError;
use std::fmt;

use http::Method;

use super::{ANY, CorsPolicy, CorsRule};

/// A request of a page, as a browser asks about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorsRequest {
    /// The page's origin, as its browser sends it: `https://app.example.com`.
    pub origin: String,
    /// The method of the request, not of the preflight.
    pub method: Method,
    /// The names of its headers that a browser asks about: `content-type` but for forms and plain text,
    /// `range`, `x-amz-meta-…`, and every other one that it does not send by itself.
    pub headers: Vec<String>,
}

impl CorsRequest {
    /// A request without headers of its own.
    pub fn new(origin: impl Into<String>, method: Method) -> Self {
        Self { origin: origin.into(), method, headers: Vec::new() }
    }

    /// Headers that it has.
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
    /// Its place in the policy, from 1.
    pub number: usize,
    /// The rule.
    pub rule: &'a CorsRule,
}

/// Why no rule allows a request.
///
/// Its text says so in a line for each rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorsRefusal {
    /// What the rules have against it: a list for each rule, in their order. Empty: the bucket has no rules.
    pub rules: Vec<Vec<CorsMismatch>>,
}

/// One thing that a rule has against a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CorsMismatch {
    /// It allows other origins.
    Origin {
        /// That of the request.
        origin: String,
        /// Those of the rule.
        allowed: Vec<String>,
    },
    /// It allows other methods.
    Method {
        /// That of the request.
        method: Method,
        /// Those of the rule.
        allowed: Vec<Method>,
    },
    /// It allows other headers.
    Headers {
        /// Those of the request that it does not allow.
        names: Vec<String>,
        /// Those of the rule.
        allowed: Vec<String>,
    },
}

impl CorsPolicy {
    /// The first rule that allows a request: its origin, its method and all of its headers. Origins and
    /// methods are compared exactly, names of headers without regard to case.
    ///
    /// # Errors
    /// What each rule has against it.
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

/// A `*` of an allowed name stands for any text, as with AWS.
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
            return f.write_str("the bucket has no CORS rules, and so refuses every page");
        }
        for (number, mismatches) in (1..).zip(&self.rules) {
            if number > 1 {
                f.write_str("\n")?;
            }
            write!(f, "rule {number} does not allow ")?;
            for (index, mismatch) in mismatches.iter().enumerate() {
                if index > 0 {
                    f.write_str("; nor ")?;
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
                write!(f, "the origin {origin}, but {}", list(allowed))?;
                let nearly =
                    |allowed: &&String| allowed.trim_end_matches('/') == origin && *allowed != origin;
                if let Some(allowed) = allowed.iter().find(nearly) {
                    write!(f, " ({allowed} matches no page: an origin does not end with a slash)")?;
                } else if let Some(pattern) = allowed.iter().find(|allowed| allowed.contains('*')) {
                    write!(f, " (origins are compared exactly: {pattern} is no pattern)")?;
                }
                Ok(())
            }
            Self::Method { method, allowed } => write!(f, "the method {method}, but {}", list(allowed)),
            Self::Headers { names, allowed } => {
                let noun = if names.len() == 1 { "header" } else { "headers" };
                write!(f, "the {noun} {}, but {}", list(names), list(allowed))
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
            "rule 1 does not allow the origin https://b.example, but https://app.example.com; nor the header x-trace, but \
             Content-Type, x-amz-meta-*\n\
             rule 2 does not allow the method PUT, but GET, HEAD"
        );
        assert_eq!(
            CorsPolicy::default().check(&request).unwrap_err().to_string(),
            "the bucket has no CORS rules, and so refuses every page"
        );
        for (allowed, said) in [
            ("https://b.example/", "https://b.example/ matches no page"),
            ("https://*.example", "https://*.example is no pattern"),
        ] {
            let rule = CorsRule::new([allowed], [Method::PUT]).allow_headers(["*"]);
            let refused = CorsPolicy::new([rule]).check(&request).unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
        }
    }
}
