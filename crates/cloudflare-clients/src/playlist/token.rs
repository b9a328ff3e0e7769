//! Expiring URLs for a route of your service.

use std::fmt;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::model::r2::validate_key;
use crate::sigv4::encode_path;
use crate::time::{from_seconds, to_seconds};
use crate::{Error, ErrorKind, Result};

/// A route of your service that returns signed playlists to clients with a valid token in the URL:
/// `{base}{key}?expires={seconds since 1970}&token={HMAC-SHA-256}`.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use cloudflare_clients::playlist::{PlaylistOptions, TokenRoute};
///
/// let route = TokenRoute::new("https://api.example.com/play/", "at least thirty-two secret bytes")?;
/// let now = SystemTime::now();
/// let tonight = now + Duration::from_secs(6 * 3600);
///
/// // The master playlist is signed with these options.
/// let options = PlaylistOptions::new().child_url(|key| route.url(key, tonight));
///
/// // The route that the player requests next checks the token, and then signs the playlist with this key.
/// let url = route.url("creator-123/hls/720p.m3u8", tonight)?;
/// let (_, query) = url.split_once('?').unwrap();
/// assert!(route.verify("creator-123/hls/720p.m3u8", query, now)? > now);
/// assert!(route.verify("creator-123/hls/other.m3u8", query, now).is_err());
/// # drop(options);
/// # Ok::<_, cloudflare_clients::Error>(())
/// ```
#[derive(Clone)]
pub struct TokenRoute {
    base: String,
    hmac: Hmac<Sha256>,
}

/// Separates tokens from other messages signed with the same secret.
const PURPOSE: &[u8] = b"cloudflare-clients playlist\n";

/// Minimum length of the secret, in bytes.
const MIN_SECRET: usize = 32;

impl TokenRoute {
    /// Creates a route whose URLs start with `base`: an absolute URL, or a path on the host that serves the
    /// playlists. It ends with `/`. The secret has at least 32 bytes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: `base` does not end with `/` or has a query, or the secret is shorter
    /// than 32 bytes.
    pub fn new(base: impl Into<String>, secret: impl AsRef<[u8]>) -> Result<Self> {
        let (base, secret) = (base.into(), secret.as_ref());
        if !base.ends_with('/')
            || base.contains(|c: char| c.is_control() || matches!(c, '?' | '#' | '"' | ' '))
        {
            return Err(Error::invalid_input(format!(
                "the base of a route must be a URL without a query that ends with \"/\", but it is {base:?}"
            )));
        }
        if secret.len() < MIN_SECRET {
            return Err(Error::invalid_input(format!(
                "the secret of a route has {} bytes: it needs at least {MIN_SECRET}",
                secret.len()
            )));
        }
        let hmac = Hmac::new_from_slice(secret).map_err(|error| {
            Error::invalid_input("the secret of a route cannot be used").with_source(error)
        })?;
        Ok(Self { base, hmac })
    }

    /// Returns the URL of a playlist, valid until `expires_at`, cut to whole seconds.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: the key is not a valid key of an object.
    pub fn url(&self, key: &str, expires_at: SystemTime) -> Result<String> {
        validate_key(key)?;
        let expires = to_seconds(expires_at);
        let token = BASE64.encode(self.mac(key, expires).finalize().into_bytes());
        let mut url = self.base.clone();
        encode_path(key, &mut url);
        Ok(format!("{url}?expires={expires}&token={token}"))
    }

    /// Checks that `query` contains a valid token for this key, and returns when it expires. Ignores other
    /// parameters, such as those that players add for low latency, interstitials and content steering
    /// (`_HLS_..`).
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`]: the token is invalid or has expired. The error does not say which.
    pub fn verify(&self, key: &str, query: &str, now: SystemTime) -> Result<SystemTime> {
        self.verified(key, query)
            .filter(|expires_at| now < *expires_at)
            .ok_or_else(|| Error::new(ErrorKind::Forbidden, "the token in the URL is invalid or has expired"))
    }

    fn verified(&self, key: &str, query: &str) -> Option<SystemTime> {
        let parameter = |name| {
            let mut values =
                query.split('&').filter_map(|pair| pair.split_once('=')).filter(|pair| pair.0 == name);
            values.next().map(|pair| pair.1)
        };
        let expires = parameter("expires")?.parse().ok()?;
        let token = BASE64.decode(parameter("token")?).ok()?;
        // Compares in constant time.
        self.mac(key, expires).verify_slice(&token).ok()?;
        from_seconds(expires)
    }

    fn mac(&self, key: &str, expires: u64) -> Hmac<Sha256> {
        let mut mac = self.hmac.clone();
        mac.update(PURPOSE);
        mac.update(&expires.to_be_bytes());
        mac.update(key.as_bytes());
        mac
    }
}

impl fmt::Debug for TokenRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRoute").field("base", &self.base).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    static EXPIRES: LazyLock<SystemTime> = LazyLock::new(|| UNIX_EPOCH + Duration::from_secs(1_800_000_000));

    #[test]
    fn a_url_is_good_for_its_key_until_it_expires() {
        let route = TokenRoute::new("/play/", SECRET).unwrap();
        let url = route.url("c/ä b.m3u8", *EXPIRES).unwrap();
        let (path, query) = url.split_once('?').unwrap();
        assert_eq!(path, "/play/c/%C3%A4%20b.m3u8");
        let before = *EXPIRES - Duration::from_secs(1);
        assert_eq!(route.verify("c/ä b.m3u8", query, before).unwrap(), *EXPIRES);
        assert_eq!(route.verify("c/ä b.m3u8", &format!("_HLS_msn=1&{query}"), before).unwrap(), *EXPIRES);
        for (key, query, now) in [
            ("c/ä b.m3u8", query.to_owned(), *EXPIRES),
            ("c/other", query.to_owned(), before),
            ("c/ä b.m3u8", query.replace("1800000000", "1900000000"), before),
            ("c/ä b.m3u8", String::new(), before),
            ("c/ä b.m3u8", "expires=1800000000&token=".to_owned(), before),
        ] {
            assert_eq!(route.verify(key, &query, now).unwrap_err().kind(), ErrorKind::Forbidden, "{query}");
        }
        let other = TokenRoute::new("/play/", "another secret of thirty-two bytes").unwrap();
        assert_eq!(other.verify("c/ä b.m3u8", query, before).unwrap_err().kind(), ErrorKind::Forbidden);
        assert!(!format!("{route:?}").contains(SECRET));
    }

    #[test]
    fn bad_routes_are_refused() {
        for (base, secret, why) in [
            ("", SECRET, "the base of a route must be a URL without a query"),
            ("https://a.example", SECRET, "the base of a route must be a URL without a query"),
            ("/play/?a/", SECRET, "the base of a route must be a URL without a query"),
            ("/a\n/", SECRET, "the base of a route must be a URL without a query"),
            ("/", &SECRET[1..], "the secret of a route has 31 bytes: it needs at least 32"),
        ] {
            let error = TokenRoute::new(base, secret).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{base:?}");
            assert!(error.message().contains(why), "{base:?}: {error}");
        }
        let error = TokenRoute::new("/", SECRET).unwrap().url("", *EXPIRES).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("the key has 0 bytes"), "{error}");
    }
}
