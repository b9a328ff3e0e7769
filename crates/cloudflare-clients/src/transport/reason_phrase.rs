//! The text after a status code.

/// The reason phrase of an answer's status line, such as `Server Error` in `HTTP/1.1 500 Server Error`.
///
/// An [`HttpClient`](crate::HttpClient) adds it to the extensions of a response if it differs from HTTP's
/// standard one, which would be `Internal Server Error` here. It is part of the message of errors from
/// answers without a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReasonPhrase(String);

impl ReasonPhrase {
    /// Creates a reason phrase.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
