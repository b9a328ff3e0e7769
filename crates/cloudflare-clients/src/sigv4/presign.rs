use std::time::{Duration, SystemTime};

use http::HeaderMap;

use super::{
    ALGORITHM, CanonicalHeaders, Payload, RequestTarget, Signer, Timestamp, canonical_query,
    canonical_request, query_pairs,
};
use crate::{Error, Result};

/// How long a presigned URL can live: seven days.
pub const MAX_EXPIRES_IN: Duration = Duration::from_hours(7 * 24);

impl Signer {
    /// Signs a request in its query. Returns the whole query, that of `target` included, without `?`.
    ///
    /// All of `headers` are signed: whoever uses the URL has to send them with these values, and R2 refuses the request
    /// otherwise. The payload is `UNSIGNED-PAYLOAD`.
    ///
    /// # Errors
    /// `expires_in` is not a whole number of seconds from 1 to 604,800; a header is not UTF-8; `now` is before 1970.
    pub fn presign(
        &self,
        target: RequestTarget<'_>,
        headers: &HeaderMap,
        expires_in: Duration,
        now: SystemTime,
    ) -> Result<String> {
        if expires_in.subsec_nanos() != 0 || expires_in.is_zero() || expires_in > MAX_EXPIRES_IN {
            return Err(Error::invalid_input(format!(
                "a presigned URL lives for 1 to 604800 whole seconds, not {expires_in:?}"
            )));
        }
        let timestamp = Timestamp::new(now)?;
        let (mut query, canonical_request) = self.presign_request(target, headers, expires_in, &timestamp)?;
        let signature = self.signature(&timestamp, &canonical_request);
        query.push_str("&X-Amz-Signature=");
        query.push_str(&signature);
        Ok(query)
    }

    /// The query without the signature, and the canonical request.
    pub(super) fn presign_request(
        &self,
        target: RequestTarget<'_>,
        headers: &HeaderMap,
        expires_in: Duration,
        timestamp: &Timestamp,
    ) -> Result<(String, String)> {
        let signed = CanonicalHeaders::to_sign(target.host, headers, |_| true)?;
        let credentials = self.credentials();
        let credential = format!("{}/{}", credentials.access_key_id(), self.scope(timestamp));
        let expires = expires_in.as_secs().to_string();
        let signing = [
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", timestamp.as_str()),
            ("X-Amz-Expires", &expires),
            ("X-Amz-SignedHeaders", signed.names()),
        ];
        let token = credentials.session_token().map(|token| ("X-Amz-Security-Token", token));
        let signing = signing
            .into_iter()
            .chain(token)
            .map(|(name, value)| (name.as_bytes().into(), value.as_bytes().into()));
        let query = canonical_query(query_pairs(target.query).chain(signing));

        let payload = Payload::Unsigned.as_str();
        let canonical = canonical_request(target.method, target.path, &query, &signed, &payload);
        Ok((query, canonical))
    }
}
