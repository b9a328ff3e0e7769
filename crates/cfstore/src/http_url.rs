//! Checks of URLs that `http::Uri` accepts.

use cloudflare_clients::http::Uri;

/// Whether the URL has a port that is not a number up to 65535. `Uri` would use the scheme's port instead.
pub(crate) fn has_wrong_port(url: &Uri) -> bool {
    url.authority().is_some_and(|authority| {
        let host_and_port = authority.as_str().rsplit('@').next().unwrap_or_default();
        authority.port_u16().is_none() && host_and_port != authority.host()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_are_too_large_are_noticed() {
        for (url, expected) in [
            ("http://a", false),
            ("http://a:1", false),
            ("http://user:99999@[::1]:65535/", false),
            ("http://a:65536", true),
            ("http://u@a:99999/x", true),
            ("http://[::1]:123456789/", true),
        ] {
            assert_eq!(has_wrong_port(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
