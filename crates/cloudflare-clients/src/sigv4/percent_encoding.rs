//! `UriEncode` of the SigV4 specification.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// Appends `bytes` to `out`, every byte but `A-Za-z0-9-._~` as upper-case `%XX`: for names and values of a query.
pub fn encode(bytes: impl AsRef<[u8]>, out: &mut String) {
    out.extend(percent_encode(bytes.as_ref(), RESERVED));
}

/// [`encode`], but `/` stays as it is: for object keys in a path. Nothing is normalised or decoded.
pub fn encode_path(bytes: impl AsRef<[u8]>, out: &mut String) {
    out.extend(percent_encode(bytes.as_ref(), RESERVED_IN_PATH));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_bytes_stay() {
        for byte in 0..=u8::MAX {
            let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            let expected = if unreserved { char::from(byte).to_string() } else { format!("%{byte:02X}") };
            let (mut query, mut path) = (String::new(), String::new());
            encode([byte], &mut query);
            encode_path([byte], &mut path);
            assert_eq!(query, expected);
            assert_eq!(path, if byte == b'/' { "/".to_owned() } else { expected });
        }
    }
}
