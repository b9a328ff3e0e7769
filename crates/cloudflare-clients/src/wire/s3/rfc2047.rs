//! Text in headers that only carry ASCII, encoded as in [RFC 2047](https://www.rfc-editor.org/rfc/rfc2047).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::transport::failure::beginning;

/// Number of bytes that fit into an encoded word of 75 characters.
const BYTES_PER_WORD: usize = 45;

/// Encodes text that a header would change: text with non-ASCII characters, with white space at either end,
/// or that looks encoded.
pub(super) fn encode(text: &str) -> Cow<'_, str> {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && text.trim().len() == text.len()
        && !text.contains("=?");
    if plain {
        return text.into();
    }
    let mut encoded = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(beginning(rest, BYTES_PER_WORD).len());
        if !encoded.is_empty() {
            encoded.push(' ');
        }
        encoded.push_str("=?UTF-8?B?");
        BASE64.encode_string(word, &mut encoded);
        encoded.push_str("?=");
        rest = after;
    }
    encoded.into()
}

/// Decodes the encoded words of a text. Other text, and words that cannot be decoded, are left unchanged.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains("=?") {
        return text.into();
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut after_word = false;
    while let Some(start) = rest.find("=?") {
        let (before, word) = rest.split_at(start);
        if let Some((bytes, after)) = decode_word(word) {
            // White space between two encoded words is not part of the text.
            if !(after_word && before.trim().is_empty()) {
                decoded.extend_from_slice(before.as_bytes());
            }
            decoded.extend_from_slice(&bytes);
            after_word = true;
            rest = after;
        } else {
            let (mark, after) = word.split_at(2);
            decoded.extend_from_slice(before.as_bytes());
            decoded.extend_from_slice(mark.as_bytes());
            after_word = false;
            rest = after;
        }
    }
    decoded.extend_from_slice(rest.as_bytes());
    // A word may end within a character: only the whole text must be UTF-8.
    match String::from_utf8(decoded) {
        Ok(decoded) => decoded.into(),
        Err(_) => text.into(),
    }
}

/// Returns the bytes of the encoded word at the start of `text`, in UTF-8, and the text after it.
fn decode_word(text: &str) -> Option<(Vec<u8>, &str)> {
    let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    // The text of a word contains no question mark, so searching for its end takes no longer than the word.
    let (encoded, after) = rest.split_once('?')?;
    let after = after.strip_prefix('=')?;
    let bytes = match encoding {
        "B" | "b" => BASE64.decode(encoded).ok()?,
        "Q" | "q" => decode_q(encoded)?,
        _ => return None,
    };
    let charset = charset.split_once('*').map_or(charset, |(charset, _language)| charset);
    if ["utf-8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known)) {
        Some((bytes, after))
    } else if charset.eq_ignore_ascii_case("iso-8859-1") {
        Some((bytes.into_iter().map(char::from).collect::<String>().into_bytes(), after))
    } else {
        None
    }
}

fn decode_q(encoded: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'_' => b' ',
            b'=' => {
                let mut decoded = [0];
                hex::decode_to_slice([rest.next()?, rest.next()?], &mut decoded).ok()?;
                decoded[0]
            }
            b' ' => return None,
            _ => byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_text_stays_and_other_text_is_encoded() {
        assert_eq!(encode("plain, text"), "plain, text");
        assert_eq!(encode("é"), "=?UTF-8?B?w6k=?=");
        assert_eq!(encode(" a"), "=?UTF-8?B?IGE=?=");
        assert!(encode(&"é".repeat(100)).split(' ').all(|word| word.len() <= 75));
    }

    #[test]
    fn words_of_others_are_decoded() {
        for (encoded, decoded) in [
            ("=?utf-8?q?caf=C3=A9_au_lait?=", "café au lait"),
            ("=?ISO-8859-1?Q?caf=E9?=", "café"),
            ("a =?UTF-8?B?w6k=?= b", "a é b"),
            ("=?UTF-8?B?w6k=?= =?UTF-8?B?w6k=?=", "éé"),
            ("=?UTF-8?B?ww==?= =?UTF-8?B?qQ==?=", "é"),
            ("=?UTF-8?B?w6k=", "=?UTF-8?B?w6k="),
            ("=?UTF-8?X?w6k=?=", "=?UTF-8?X?w6k=?="),
            ("=?UTF-8?Q?=F?=", "=?UTF-8?Q?=F?="),
            ("=?UTF-8?B?=?UTF-8?B?w6k=?=", "=?UTF-8?B?é"),
            ("=?UTF-8?Q?a?b?=", "=?UTF-8?Q?a?b?="),
            ("=?UTF-8?B?/w==?=", "=?UTF-8?B?/w==?="),
        ] {
            assert_eq!(decode(encoded), decoded, "{encoded}");
        }
    }

    #[test]
    fn many_beginnings_without_an_end_are_read_in_linear_time() {
        let text = "=?a?B?x".repeat(1 << 17);
        assert_eq!(decode(&text), text);
    }

    proptest! {
        #[test]
        fn any_text_round_trips(text in any::<String>()) {
            let encoded = encode(&text);
            prop_assert!(encoded.is_ascii());
            prop_assert_eq!(decode(&encoded), text.as_str());
        }

        #[test]
        fn hostile_text_never_panics(text in r"(=\?|\?|\?=|UTF-8|[BQ]|=[0-9A-F]|é| ){0,20}") {
            let _ = decode(&text);
        }
    }
}
