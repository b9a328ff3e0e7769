use percent_encoding::percent_encode;

use super::percent_encoding::RESERVED_IN_PATH;

/// The path of a canonical request, from the path as it was sent: decoded once, and encoded as SigV4
/// requires. Clients may send `(`, `%28` or `%c3`, but sign `%28` and `%C3`. An encoded slash is the same as
/// a slash, because the key is the same.
///
/// `None` for a `%` without two hexadecimal digits.
pub(super) fn canonical_path(raw: &str) -> Option<String> {
    let mut pieces = raw.split('%');
    let mut decoded = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.as_bytes().split_at_checked(2)?;
        let mut byte = [0];
        hex::decode_to_slice(digits, &mut byte).ok()?;
        decoded.extend_from_slice(&byte);
        decoded.extend_from_slice(rest);
    }
    Some(percent_encode(&decoded, RESERVED_IN_PATH).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigv4::encode_path;

    #[test]
    fn any_spelling_of_a_path_has_one_canonical_form() {
        for (raw, canonical) in [
            ("/media/photo%20%281%29.jpg", "/media/photo%20%281%29.jpg"),
            ("/media/photo%20(1).jpg", "/media/photo%20%281%29.jpg"),
            ("/media/a!'()*b", "/media/a%21%27%28%29%2Ab"),
            ("/media/%c3%a9%7E%61", "/media/%C3%A9~a"),
            ("/media/a+b", "/media/a%2Bb"),
            ("/media/a%2Bb", "/media/a%2Bb"),
            ("/media/a%2Fb", "/media/a/b"),
            ("/media/a%252Fb", "/media/a%252Fb"),
            ("/media/%ff%00", "/media/%FF%00"),
            ("/media//./../%2e%2E/", "/media//./../../"),
            ("/", "/"),
            ("", ""),
        ] {
            assert_eq!(canonical_path(raw).as_deref(), Some(canonical), "{raw}");
        }
        for broken in ["/media/%zz", "/%", "/%f", "/%%20", "/%+1"] {
            assert_eq!(canonical_path(broken), None, "{broken}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_the_library_sends_is_canonical(key in "\\PC{0,20}|[ -~]{0,20}") {
            let mut path = "/media/".to_owned();
            encode_path(&key, &mut path);
            proptest::prop_assert_eq!(canonical_path(&path), Some(path));
        }
    }
}
