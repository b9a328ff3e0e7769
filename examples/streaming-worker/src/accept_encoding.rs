//! The content encodings that a client accepts.

/// Returns whether the value of an `Accept-Encoding` header accepts gzip
/// ([RFC 9110, 12.5.3](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3)).
pub fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|element| {
        let mut parts = element.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        // A weight of zero consists of zeros.
        coding.eq_ignore_ascii_case("gzip")
            && weight.is_none_or(|weight| weight.contains(|c: char| matches!(c, '1'..='9')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_say_whether_they_take_gzip() {
        for accepted in [
            "gzip",
            "br, GZIP",
            "gzip, deflate, br, zstd",
            "br;q=1.0, gzip;q=0.8, *;q=0.1",
            "gzip ; q=0.001",
            "gzip;a=0",
        ] {
            assert!(takes_gzip(accepted), "{accepted}");
        }
        for accepted in [
            "",
            "identity",
            "br",
            "gzip;q=0",
            "gzip;a=1;Q=0",
            "gzip; q=0.000, *",
            "*;q=0",
            "x-gzipped",
            "deflate, br;q=1",
        ] {
            assert!(!takes_gzip(accepted), "{accepted}");
        }
    }
}
