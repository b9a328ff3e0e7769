//! Quotes a text of the manifest for an error.

/// Quotes a text, and cuts it after 100 characters.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(100).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}
