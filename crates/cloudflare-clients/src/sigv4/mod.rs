//! AWS Signature Version 4, as R2's S3 API requires it: signing and verifying.
//!
//! Nothing here does I/O or reads a clock: the time is a parameter. Each file is a step of [AWS's
//! description](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html):
//! [`canonical_request`], [`string_to_sign`], [`SigningKey`], and then the `Authorization` header
//! ([`Signer::sign_headers`]) or a presigned query ([`Signer::presign`]). [`ParsedAuth`] is for servers.
//!
//! Semantic versioning covers this module: a breaking change here is a breaking change of the crate.
//!
//! S3 differs from AWS's other services in two ways: the path is percent-encoded only once, and it is never
//! normalized.

mod authorization;
mod canonical_path;
mod canonical_query;
mod canonical_request;
mod chunk_signatures;
mod credentials;
mod parsed_auth;
mod payload;
mod percent_encoding;
mod presign;
mod presigner;
mod sha256;
mod signer;
mod signing_key;
mod string_to_sign;
mod timestamp;
mod verify;
mod verify_error;

#[cfg(test)]
mod goldens;

pub use authorization::is_signed_header;
pub use canonical_query::{canonical_query, query_pairs};
pub use canonical_request::{CanonicalHeaders, canonical_request};
pub use chunk_signatures::ChunkSignatures;
pub use credentials::Credentials;
pub use parsed_auth::ParsedAuth;
pub use payload::Payload;
pub use percent_encoding::{encode, encode_path};
pub(crate) use percent_encoding::{encoded_path_len, stays_in_path};
pub use presign::MAX_EXPIRES_IN;
pub use presigner::{Presigner, Signature, Signatures};
pub use signer::{RequestTarget, Signer};
pub use signing_key::SigningKey;
use string_to_sign::string_to_sign_head;
pub use string_to_sign::{ALGORITHM, SERVICE, Scope, TERMINATOR, string_to_sign};
pub use timestamp::Timestamp;
pub use verify_error::{SignatureMismatch, VerifyError};
