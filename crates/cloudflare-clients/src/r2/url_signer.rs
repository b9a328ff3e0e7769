//! URLs to download the objects of one bucket, all with one time and expiry.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, Method};

use super::{R2SigningClient, SignedUrl};
use crate::Result;
use crate::s3::endpoint::validate_key;
use crate::sigv4::{Presigner, encode_path};

#[derive(Debug)]
pub(crate) struct UrlSigner {
    presigner: Presigner,
    /// The URL's start: the scheme, the host, and the path as far as the key.
    base: String,
    path_at: usize,
    expires_in: Duration,
    second: Option<u64>,
}

/// The length of a signature.
const SIGNATURE: usize = 64;

impl UrlSigner {
    pub(super) fn new(client: &R2SigningClient, expires_in: Duration, now: SystemTime) -> Result<Self> {
        let (endpoint, bucket) = (client.endpoint(), Some(client.bucket_name()));
        let host = endpoint.host_for(bucket)?;
        let presigner =
            client.signer().presigner(&Method::GET, &host, "", &HeaderMap::new(), expires_in, now)?;
        let mut base = format!("{}://{host}", endpoint.scheme());
        let path_at = base.len();
        base += endpoint.path_for(bucket, None)?.trim_end_matches('/');
        base.push('/');
        Ok(Self { presigner, base, path_at, expires_in, second: second(now) })
    }

    /// Whether it signs at this time, in whole seconds, and for this expiry.
    #[inline]
    pub(super) fn is_for(&self, expires_in: Duration, now: SystemTime) -> bool {
        self.expires_in == expires_in && self.second == second(now)
    }

    pub(crate) fn expires_at(&self) -> SystemTime {
        self.presigner.expires_at()
    }

    pub(super) fn signed_url(&self, key: &str) -> Result<SignedUrl> {
        let mut url = String::new();
        self.append(key, &mut url)?;
        Ok(SignedUrl::new(url, self.expires_at(), HeaderMap::new()))
    }

    pub(super) fn append(&self, key: &str, out: &mut String) -> Result<()> {
        let path = self.append_unsigned(key, out)?;
        let signature = self.presigner.sign(&out[path..]);
        self.append_signed(signature.as_str(), out);
        Ok(())
    }

    pub(super) fn signed_urls<K: AsRef<str>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<SignedUrl>> {
        let urls: Result<Vec<String>> = keys
            .into_iter()
            .map(|key| {
                let mut url = String::new();
                self.append_unsigned(key.as_ref(), &mut url)?;
                Ok(url)
            })
            .collect();
        let mut urls = urls?;
        let paths = urls.iter().map(|url| &url[self.path_at..]);
        let signatures: Vec<_> = self.presigner.signatures(paths).collect();
        for (url, signature) in urls.iter_mut().zip(signatures) {
            self.append_signed(signature.as_str(), url);
        }
        Ok(urls.into_iter().map(|url| SignedUrl::new(url, self.expires_at(), HeaderMap::new())).collect())
    }

    /// Appends the URL as far as its path, which begins where this returns. There is room for the rest.
    fn append_unsigned(&self, key: &str, out: &mut String) -> Result<usize> {
        validate_key(key)?;
        // Every byte of the key may become three.
        out.reserve(self.base.len() + 3 * key.len() + self.rest_len());
        let path = out.len() + self.path_at;
        out.push_str(&self.base);
        encode_path(key, out);
        Ok(path)
    }

    fn append_signed(&self, signature: &str, out: &mut String) {
        out.push('?');
        out.push_str(self.presigner.query());
        out.push_str(signature);
    }

    /// What a URL has behind its path.
    fn rest_len(&self) -> usize {
        1 + self.presigner.query().len() + SIGNATURE
    }
}

fn second(time: SystemTime) -> Option<u64> {
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}
