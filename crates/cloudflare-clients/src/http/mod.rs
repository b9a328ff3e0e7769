//! What `S3Bucket` and `RestNamespace` send their requests with, and how they read the answers.

mod answer;
mod client;
mod reason_phrase;
mod timeouts;

pub(crate) use self::answer::{Answer, exchange};
pub use self::client::HttpClient;
pub use self::reason_phrase::ReasonPhrase;
pub use self::timeouts::Timeouts;
