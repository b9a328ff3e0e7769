//! The words behind a status.

/// The reason phrase of an answer's status line, such as `Server Error` of `HTTP/1.1 500 Server Error`.
///
/// An [`HttpClient`](crate::HttpClient) puts it into the extensions of a response where it differs from HTTP's own, which would be
/// `Internal Server Error` here. The errors of answers without a document say it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReasonPhrase(String);

impl ReasonPhrase {
    /// A reason phrase of these words.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
