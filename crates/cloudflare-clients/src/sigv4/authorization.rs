use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{ALGORITHM, CanonicalHeaders, Payload, RequestTarget, Signer, Timestamp, canonical_request};
use crate::{Error, Result};

/// Whether [`Signer::sign_headers`] signs a header that is sent.
///
/// It signs headers that change the meaning of a request and that proxies do not rewrite: every `x-amz-*` and
/// `cf-*` header, `content-type`, `content-md5`, `range` and the conditions (`if-*`). It never signs
/// `content-length`, `accept-encoding`, `user-agent` and similar headers, because R2 refuses a request if a
/// signed header arrives changed.
pub fn is_signed_header(name: &HeaderName) -> bool {
    let text = name.as_str();
    text.starts_with("x-amz-")
        || text.starts_with("cf-")
        || text.starts_with("if-")
        || [header::CONTENT_TYPE, header::RANGE].contains(name)
        || text == "content-md5"
}

impl Signer {
    /// Signs a request with headers: adds `x-amz-date`, `x-amz-content-sha256`, `x-amz-security-token` for
    /// temporary credentials, and `authorization`. `headers` must contain all headers that are sent. The
    /// signature covers the host and the headers of [`is_signed_header`].
    ///
    /// R2 accepts the request for 15 minutes before and after `now`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): a header to sign is not UTF-8, the credentials cannot
    /// be sent in a header, or `now` is not in the years 1970 to 9999.
    pub fn sign_headers(
        &self,
        target: RequestTarget<'_>,
        headers: &mut HeaderMap,
        payload: &Payload,
        now: SystemTime,
    ) -> Result<()> {
        let timestamp = Timestamp::new(now)?;
        headers.insert("x-amz-date", header_value("time", timestamp.as_str())?);
        headers.insert("x-amz-content-sha256", header_value("payload hash", &payload.as_str())?);
        if let Some(token) = self.credentials().session_token() {
            let mut token = header_value("session token", token)?;
            token.set_sensitive(true);
            headers.insert("x-amz-security-token", token);
        }

        let signed = CanonicalHeaders::to_sign(target.host, headers, is_signed_header)?;
        let RequestTarget { method, path, query, .. } = target;
        let request = canonical_request(method, path, query, &signed, &payload.as_str());
        let signature = self.signature(&timestamp, &request);

        let mut authorization = header_value(
            "access key id",
            &format!(
                "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={signature}",
                self.credentials().access_key_id(),
                self.scope(&timestamp),
                signed.names(),
            ),
        )?;
        authorization.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, authorization);
        Ok(())
    }
}

fn header_value(what: &str, value: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(value).map_err(|_| {
        Error::invalid_input(format!("the {what} has characters that HTTP headers cannot carry"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_what_matters_and_nothing_that_a_proxy_rewrites() {
        for (name, signed) in [
            ("x-amz-meta-a", true),
            ("cf-copy-destination-if-none-match", true),
            ("if-match", true),
            ("range", true),
            ("content-type", true),
            ("content-md5", true),
            ("content-length", false),
            ("accept-encoding", false),
            ("user-agent", false),
            ("cache-control", false),
        ] {
            assert_eq!(is_signed_header(&HeaderName::from_static(name)), signed, "{name}");
        }
    }
}
