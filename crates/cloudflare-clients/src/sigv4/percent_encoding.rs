//! `UriEncode` of the SigV4 specification.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
pub(super) const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// Appends `bytes` to `out`, with every byte except `A-Za-z0-9-._~` as upper-case `%XX`. For names and values
/// of a query.
pub fn encode(bytes: impl AsRef<[u8]>, out: &mut String) {
    out.extend(percent_encode(bytes.as_ref(), RESERVED));
}

/// Like [`encode`], but keeps `/`. For object keys in a path. Nothing is normalized or decoded.
#[inline]
pub fn encode_path(key: &str, out: &mut String) {
    let mut rest = key;
    while let Some(at) = rest.bytes().position(|byte| !STAYS_IN_PATH[usize::from(byte)]) {
        // Unencoded bytes are ASCII, so a character starts here.
        let (plain, reserved) = rest.split_at(at);
        out.push_str(plain);
        let length = reserved.chars().next().map_or(0, char::len_utf8);
        let (reserved, behind) = reserved.split_at(length);
        encode(reserved, out);
        rest = behind;
    }
    out.push_str(rest);
}

/// The length of what [`encode_path`] appends.
#[inline]
pub(crate) fn encoded_path_len(key: &str) -> usize {
    // Few keys need encoding. Without a branch, this loop is short.
    if key.bytes().fold(true, |plain, byte| plain & STAYS_IN_PATH[usize::from(byte)]) {
        return key.len();
    }
    key.len() + 2 * key.bytes().filter(|byte| !STAYS_IN_PATH[usize::from(*byte)]).count()
}

/// Whether [`encode_path`] keeps this byte unchanged.
#[inline]
pub(crate) fn stays_in_path(byte: u8) -> bool {
    STAYS_IN_PATH[usize::from(byte)]
}

static STAYS_IN_PATH: [bool; 256] = {
    let unreserved = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    let mut stays = [false; 256];
    let mut at = 0;
    while at < unreserved.len() {
        stays[unreserved[at] as usize] = true;
        at += 1;
    }
    stays
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_bytes_stay() {
        for byte in 0..=u8::MAX {
            let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            let expected = if unreserved { char::from(byte).to_string() } else { format!("%{byte:02X}") };
            let mut query = String::new();
            encode([byte], &mut query);
            assert_eq!(query, expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_path_is_encoded_but_for_its_slashes(key in "\\PC{0,20}|[ -~]{0,20}") {
            let (mut whole, mut path) = (String::new(), String::new());
            encode(&key, &mut whole);
            encode_path(&key, &mut path);
            proptest::prop_assert_eq!(encoded_path_len(&key), path.len());
            proptest::prop_assert_eq!(path, whole.replace("%2F", "/"));
        }
    }
}
