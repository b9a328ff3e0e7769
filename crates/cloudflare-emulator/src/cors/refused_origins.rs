//! Origins of refused pages. The log warns about each of them once per bucket.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use cloudflare_clients::r2::{CorsRefusal, CorsRequest};

/// Maximum number of origins that are distinguished.
const MAX_ORIGINS: usize = 64;

/// The buckets and origins of refused pages.
#[derive(Debug, Default)]
pub(crate) struct RefusedOrigins(Mutex<HashSet<(String, String)>>);

impl RefusedOrigins {
    pub(super) fn warn_once(&self, bucket: &str, request: &CorsRequest, refusal: &CorsRefusal) {
        let origin: String = request.origin.chars().take(200).collect();
        if !self.is_new(bucket, &origin) {
            return;
        }
        if let Some(command) = remedy(bucket, request) {
            tracing::warn!(?origin, "a page was refused, as R2 would: {refusal}. To allow it: {command}");
        } else {
            let refusal = refusal.to_string();
            tracing::warn!(?origin, "a page was refused, as R2 would: {}", refusal.escape_debug());
        }
    }

    fn is_new(&self, bucket: &str, origin: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.len() < MAX_ORIGINS && known.insert((bucket.to_owned(), origin.to_owned()))
    }
}

/// Returns the command that allows the request. Pages choose its arguments, so only plain words are put into
/// a line that may be pasted into a shell.
fn remedy(bucket: &str, request: &CorsRequest) -> Option<String> {
    let is_plain = |text: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && text.len() <= 200
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:/".contains(&byte))
    };
    let CorsRequest { origin, method, headers, .. } = request;
    let mut words = [bucket, origin, method.as_str()].into_iter().chain(headers.iter().map(String::as_str));
    if headers.len() > 20 || !words.all(is_plain) {
        return None;
    }
    let headers = headers.iter().flat_map(|name| [" --header ", name]).collect::<String>();
    Some(format!(
        "cfstore r2 --bucket {bucket} cors set --add --origin {origin} --method {method}{headers} --expose etag"
    ))
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn each_origin_is_warned_about_once_and_not_too_many() {
        let origins = RefusedOrigins::default();
        assert!(origins.is_new("media", "http://localhost:3000"));
        assert!(!origins.is_new("media", "http://localhost:3000"));
        assert!(origins.is_new("other", "http://localhost:3000"));
        let new = (0..1000).filter(|n| origins.is_new("media", &n.to_string())).count();
        assert_eq!(new, MAX_ORIGINS - 2);
    }

    #[test]
    fn the_command_has_plain_words_only() {
        let put = CorsRequest::new("http://localhost:3000", Method::PUT).headers(["content-type", "x-a"]);
        assert_eq!(
            remedy("media", &put).unwrap(),
            "cfstore r2 --bucket media cors set --add --origin http://localhost:3000 --method PUT --header content-type \
             --header x-a --expose etag"
        );
        for origin in ["http://a;rm -rf ~", "$(x)", "", "--all", "http://a\nb"] {
            assert_eq!(remedy("media", &CorsRequest::new(origin, Method::GET)), None, "{origin}");
        }
        assert_eq!(remedy("", &put), None);
    }
}
