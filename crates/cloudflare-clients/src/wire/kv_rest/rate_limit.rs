//! The rate limit of an account.

use std::time::Duration;

use http::HeaderMap;

/// The content of the `Ratelimit` header: see [the API's rate
/// limits](https://developers.cloudflare.com/fundamentals/api/reference/limits/).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Number of requests that are left.
    pub remaining: u64,
    /// Time until the limit is reset.
    pub resets_in: Duration,
}

impl RateLimit {
    /// Parses `Ratelimit: "default";r=50;t=30`. If there are several limits, returns the one with the fewest
    /// requests left.
    pub fn parse(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all("ratelimit").into_iter().filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .filter_map(Self::parse_item)
            .min_by_key(|limit| limit.remaining)
    }

    fn parse_item(item: &str) -> Option<Self> {
        let parameter = |name| {
            item.split(';').find_map(|parameter| parameter.trim().strip_prefix(name)?.parse::<u64>().ok())
        };
        Some(Self { remaining: parameter("r=")?, resets_in: Duration::from_secs(parameter("t=")?) })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_tightest_limit_counts_and_nonsense_does_not() {
        for (value, expected) in [
            ("\"default\";r=50;t=30", Some((50, 30))),
            ("\"default\"; r=50; t=30", Some((50, 30))),
            ("\"a\";r=50;t=30, \"b\";r=3;t=9", Some((3, 9))),
            ("\"default\";r=-1;t=30", None),
            ("\"default\";t=30", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static("ratelimit"),
                HeaderValue::from_static(value),
            )]);
            let expected =
                expected.map(|(remaining, t)| RateLimit { remaining, resets_in: Duration::from_secs(t) });
            assert_eq!(RateLimit::parse(&headers), expected, "{value}");
        }
    }
}
