//! Text of clients in answers and logs.

use std::borrow::Cow;

/// Limits the length of text from a client, for answers and the log. A shortened text ends with `...`.
pub(crate) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return text.into();
    }
    let end = (0..=most).rev().find(|&end| text.is_char_boundary(end)).unwrap_or_default();
    format!("{}...", &text[..end]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_too_long_is_cut_and_between_characters() {
        for (text, most, short) in [("abc", 3, "abc"), ("abcd", 3, "abc..."), ("aé", 2, "a..."), ("", 0, "")]
        {
            assert_eq!(shortened(text, most), short);
        }
    }
}
