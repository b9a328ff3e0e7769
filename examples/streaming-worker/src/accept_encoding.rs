//! Which encodings of an answer a client takes.

/// Whether a list as `Accept-Encoding` has it takes gzip
/// ([RFC 9110, 12.5.3](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3)). What it does not name at all is not wanted here.
pub fn takes_gzip(accepted: &str) -> bool {
    let weight_of = |name: &str| {
        accepted.split(',').find_map(|element| {
            let (coding, parameters) = element.split_once(';').unwrap_or((element, ""));
            coding.trim().eq_ignore_ascii_case(name).then_some(parameters)
        })
    };
    // A weight of zero has no digit but zeros.
    let positive = |parameters: &str| {
        let weight = parameters.trim().strip_prefix(['q', 'Q']).unwrap_or("=1");
        weight.contains(|c: char| matches!(c, '1'..='9'))
    };
    weight_of("gzip").or_else(|| weight_of("*")).is_some_and(positive)
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
            "*",
            "gzip ; q=0.001",
        ] {
            assert!(takes_gzip(accepted), "{accepted}");
        }
        for accepted in
            ["", "identity", "br", "gzip;q=0", "gzip; q=0.000, *", "*;q=0", "x-gzipped", "deflate, br;q=1"]
        {
            assert!(!takes_gzip(accepted), "{accepted}");
        }
    }
}
