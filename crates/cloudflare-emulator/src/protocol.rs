//! The two protocols on the port, and which of them a request uses.

use http::header;
use http::request::Parts;

use crate::api_token::is_bearer;
use crate::kv;

/// Protocol of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    S3,
    Kv,
}

impl Protocol {
    /// Returns the name of its service.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "r2",
            Self::Kv => "kv",
        }
    }

    /// Finds the protocol: KV for paths of its API, except for signed requests, which are for an R2 bucket of
    /// that name.
    pub(crate) fn of(parts: &Parts) -> Self {
        let is_signed = match parts.headers.get(header::AUTHORIZATION) {
            Some(authorization) => !is_bearer(authorization),
            None => parts.uri.query().unwrap_or_default().contains("X-Amz-Signature="),
        };
        if parts.uri.path().starts_with(kv::API) && !is_signed { Self::Kv } else { Self::S3 }
    }
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
