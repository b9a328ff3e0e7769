use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method};

use super::{
    ALGORITHM, CanonicalHeaders, Payload, Presigner, RequestTarget, Signer, Timestamp, canonical_query,
    canonical_request, query_pairs, string_to_sign_head,
};
use crate::{Error, Result};

/// Maximum lifetime of a presigned URL: seven days.
pub const MAX_EXPIRES_IN: Duration = Duration::from_secs(7 * 24 * 3600);

impl Signer {
    /// Signs a request with its query. Returns the whole query, including that of `target`, without `?`.
    ///
    /// All `headers` are signed: users of the URL must send them with these values, otherwise R2 refuses the
    /// request. The payload is `UNSIGNED-PAYLOAD`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): `expires_in` is not 1 to 604,800 whole seconds, a
    /// header is not UTF-8, or `now` is not in the years 1970 to 9999.
    pub fn presign(
        &self,
        target: RequestTarget<'_>,
        headers: &HeaderMap,
        expires_in: Duration,
        now: SystemTime,
    ) -> Result<String> {
        let RequestTarget { method, host, path, query } = target;
        let presigner = self.presigner(method, host, query, headers, expires_in, now)?;
        Ok([presigner.query(), presigner.sign(path).as_str()].concat())
    }

    /// Prepares to sign many paths of one host with the same time and expiry, so that [`Presigner::sign`]
    /// costs little more than the hashing. Arguments and errors are those of [`presign`](Self::presign).
    pub fn presigner(
        &self,
        method: &Method,
        host: &str,
        query: &str,
        headers: &HeaderMap,
        expires_in: Duration,
        now: SystemTime,
    ) -> Result<Presigner> {
        validate_expires_in(expires_in)?;
        let timestamp = Timestamp::new(now)?;
        let headers = CanonicalHeaders::to_sign(host, headers, |_| true)?;
        let credentials = self.credentials();
        let credential = format!("{}/{}", credentials.access_key_id(), self.scope(&timestamp));
        let expires = expires_in.as_secs().to_string();
        let signing = [
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", timestamp.as_str()),
            ("X-Amz-Expires", &expires),
            ("X-Amz-SignedHeaders", headers.names()),
        ];
        let token = credentials.session_token().map(|token| ("X-Amz-Security-Token", token));
        let signing = signing
            .into_iter()
            .chain(token)
            .map(|(name, value)| (name.as_bytes().into(), value.as_bytes().into()));
        let query = canonical_query(query_pairs(query).chain(signing));

        let request = canonical_request(method, "/", &query, &headers, &Payload::Unsigned.as_str());
        let (before_path, after_path) = request.split_at(method.as_str().len() + 1);
        Ok(Presigner::new(
            (before_path, &after_path[1..]),
            &string_to_sign_head(&timestamp, self.scope(&timestamp)),
            &self.key(&timestamp),
            query,
            timestamp.time() + expires_in,
        ))
    }
}

fn validate_expires_in(expires_in: Duration) -> Result<()> {
    if expires_in.subsec_nanos() == 0 && !expires_in.is_zero() && expires_in <= MAX_EXPIRES_IN {
        return Ok(());
    }
    Err(Error::invalid_input(format!(
        "a presigned URL can be valid for 1 to 604800 whole seconds, not {expires_in:?}"
    )))
}
