//! A text of the manifest for an error.

/// The text in quotes. Of a long one, it is the beginning.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(100).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}
