//! The two protocols on the one port: which of them a request speaks, and how each answers.

use http::request::Parts;
use http::{StatusCode, header};

use crate::kv;
use crate::response::Response;

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    S3,
    Kv,
}

impl Protocol {
    /// Below the path of its API, KV answers: but for what is signed, which is a request to R2 about a bucket of that name.
    pub(crate) fn of(parts: &Parts) -> Self {
        let is_signed = match parts.headers.get(header::AUTHORIZATION) {
            Some(authorization) => !kv::is_bearer(authorization),
            None => parts.uri.query().unwrap_or_default().contains("X-Amz-Signature="),
        };
        if parts.uri.path().starts_with(kv::API) && !is_signed { Self::Kv } else { Self::S3 }
    }
}

/// What a protocol answers instead of doing what was asked.
pub(crate) trait ProtocolError {
    /// The error that a server with this trouble answers with.
    fn from_status(status: StatusCode) -> Self;

    fn into_response(self) -> Response;
}

/// The answer to a request: a failure that was ordered in place of `handled`, or what that comes to.
pub(crate) async fn answer<E: ProtocolError>(
    ordered: Option<StatusCode>,
    handled: impl Future<Output = Result<Response, E>>,
) -> Response {
    match ordered {
        Some(status) => Err(E::from_status(status)),
        None => handled.await,
    }
    .unwrap_or_else(E::into_response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_means_kv_and_a_signature_r2() {
        for (target, authorization, protocol) in [
            ("/media/key", None, Protocol::S3),
            ("/media/key", Some("AWS4-HMAC-SHA256 Credential=x"), Protocol::S3),
            ("/client/v4/accounts/x", Some("AWS4-HMAC-SHA256 Credential=x"), Protocol::S3),
            ("/client/v4/accounts/x?X-Amz-Signature=0", None, Protocol::S3),
            ("/client/v4/accounts/x", None, Protocol::Kv),
            ("/client/v4/accounts/x", Some("Bearer x"), Protocol::Kv),
            ("/client/v4/accounts/x", Some("bearer x"), Protocol::Kv),
            ("/media/key", Some("Bearer x"), Protocol::S3),
        ] {
            let mut request = http::Request::builder().uri(target);
            if let Some(authorization) = authorization {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(Protocol::of(&parts), protocol, "{target} {authorization:?}");
        }
    }
}
