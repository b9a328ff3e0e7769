//! URLs to download the objects of one bucket, all with the same time and expiry.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method};

use super::endpoint::Endpoint;
use super::signed_url::SignedUrl;
use crate::error::Result;
use crate::model::r2::{validate_key, validate_key_len};
use crate::sigv4::{Presigner, Signature, Signer, encode_path, encoded_path_len, stays_in_path};

#[derive(Debug)]
pub(crate) struct UrlSigner {
    presigner: Presigner,
    /// The start of URLs: the scheme and host, and the path up to the key.
    base: String,
    origin_len: usize,
    /// The query up to the signature, with `?`.
    query: String,
    expires_in: Duration,
    /// The second in which it signs.
    second: Range<SystemTime>,
}

/// A folder of the bucket.
#[derive(Debug)]
pub(crate) struct Folder {
    /// The percent-encoded path, including that of the bucket.
    path: String,
    key_len: usize,
}

/// Signs the objects of a folder by name.
#[derive(Debug)]
pub(crate) struct FolderSigner<'a> {
    signer: &'a UrlSigner,
    folder: Folder,
    presigner: Presigner,
    /// The start of URLs, up to the name.
    base: String,
}

/// Percent-encoded paths in one allocation.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    text: String,
    ends: Vec<usize>,
}

impl UrlSigner {
    pub(super) fn new(
        endpoint: &Endpoint,
        bucket_name: &str,
        signer: &Signer,
        expires_in: Duration,
        now: SystemTime,
    ) -> Result<Self> {
        let bucket = Some(bucket_name);
        let host = endpoint.host_for(bucket)?;
        let presigner = signer.presigner(&Method::GET, &host, "", &HeaderMap::new(), expires_in, now)?;
        let signed_at = presigner.expires_at() - expires_in;
        let origin = format!("{}://{host}", endpoint.scheme());
        Ok(Self {
            origin_len: origin.len(),
            base: format!("{origin}{}/", endpoint.path_for(bucket, None)?.trim_end_matches('/')),
            query: format!("?{}", presigner.query()),
            presigner,
            expires_in,
            second: signed_at..signed_at + Duration::from_secs(1),
        })
    }

    /// Whether it signs at this time, in whole seconds, with this expiry.
    #[inline]
    pub(super) fn is_for(&self, expires_in: Duration, now: SystemTime) -> bool {
        self.expires_in == expires_in && self.second.contains(&now)
    }

    pub(crate) fn expires_at(&self) -> SystemTime {
        self.presigner.expires_at()
    }

    /// The start of URLs: the scheme and host.
    pub(crate) fn origin(&self) -> &str {
        &self.base[..self.origin_len]
    }

    /// The path of URLs up to the key.
    pub(crate) fn bucket_path(&self) -> &str {
        &self.base[self.origin_len..]
    }

    /// The part of URLs between the path and the signature.
    pub(crate) fn query(&self) -> &str {
        &self.query
    }

    /// Adds the path of an object.
    pub(crate) fn push_path(&self, key: &str, paths: &mut Paths) -> Result<()> {
        validate_key(key)?;
        paths.text.push_str(self.bucket_path());
        push_encoded(key, encoded_path_len(key), &mut paths.text);
        paths.ends.push(paths.text.len());
        Ok(())
    }

    pub(crate) fn folder(&self, key: &str) -> Folder {
        let mut path = self.bucket_path().to_owned();
        encode_path(key, &mut path);
        Folder { path, key_len: key.len() }
    }

    pub(crate) fn folder_signer(&self, key: &str) -> FolderSigner<'_> {
        let folder = self.folder(key);
        let base = [self.origin(), &folder.path].concat();
        FolderSigner { signer: self, presigner: self.presigner.below(&folder.path), folder, base }
    }

    /// The signatures of all paths, in their order.
    pub(crate) fn signatures<'a>(&'a self, paths: &'a Paths) -> impl Iterator<Item = (&'a str, Signature)> {
        paths.iter().zip(self.presigner.signatures(paths.iter()))
    }

    /// The length of a URL with a path of `path_len` bytes.
    pub(crate) fn url_len(&self, path_len: usize) -> usize {
        self.origin_len + path_len + self.query.len() + Signature::LEN
    }

    /// Appends a URL.
    #[inline]
    pub(crate) fn push_url(&self, path: &str, signature: &Signature, out: &mut String) {
        out.push_str(self.origin());
        out.push_str(path);
        out.push_str(&self.query);
        out.push_str(signature.as_str());
    }

    #[inline]
    pub(super) fn signed_url(&self, key: &str) -> Result<SignedUrl> {
        validate_key(key)?;
        let encoded = encoded_path_len(key);
        let mut url = String::with_capacity(self.url_len(self.bucket_path().len() + encoded));
        self.sign_into(key, encoded, &mut url);
        Ok(SignedUrl::without_headers(url, self.expires_at()))
    }

    #[inline]
    pub(super) fn push_signed_url(&self, key: &str, out: &mut String) -> Result<()> {
        validate_key(key)?;
        let encoded = encoded_path_len(key);
        out.reserve(self.url_len(self.bucket_path().len() + encoded));
        self.sign_into(key, encoded, out);
        Ok(())
    }

    #[inline]
    fn sign_into(&self, key: &str, encoded_len: usize, out: &mut String) {
        let path = out.len() + self.origin_len;
        out.push_str(&self.base);
        push_encoded(key, encoded_len, out);
        let signature = self.presigner.sign(&out[path..]);
        out.push_str(&self.query);
        out.push_str(signature.as_str());
    }

    pub(super) fn signed_urls<K: AsRef<str>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<SignedUrl>> {
        let mut paths = Paths::default();
        for key in keys {
            self.push_path(key.as_ref(), &mut paths)?;
        }
        let mut urls = Vec::with_capacity(paths.ends.len());
        urls.extend(self.signatures(&paths).map(|(path, signature)| {
            let mut url = String::with_capacity(self.url_len(path.len()));
            self.push_url(path, &signature, &mut url);
            SignedUrl::without_headers(url, self.expires_at())
        }));
        Ok(urls)
    }
}

impl Folder {
    /// Whether the object with this name can be signed by its name without encoding. Most can.
    fn takes(&self, name: &str) -> Result<bool> {
        let is_plain = is_plain(name);
        if is_plain {
            validate_key_len(self.key_len + name.len())?;
        }
        Ok(is_plain)
    }
}

impl FolderSigner<'_> {
    /// Whether the object with this name can be signed by its name without encoding.
    pub(crate) fn takes(&self, name: &str) -> Result<bool> {
        self.folder.takes(name)
    }

    /// The signatures of all names, in their order.
    pub(crate) fn signatures<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
    ) -> impl Iterator<Item = Signature> {
        self.presigner.signatures(names)
    }

    /// The length of a URL with a name of `name_len` bytes.
    pub(crate) fn url_len(&self, name_len: usize) -> usize {
        self.base.len() + name_len + self.signer.query.len() + Signature::LEN
    }

    /// Appends a URL.
    #[inline]
    pub(crate) fn push_url(&self, name: &str, signature: &Signature, out: &mut String) {
        out.push_str(&self.base);
        out.push_str(name);
        out.push_str(&self.signer.query);
        out.push_str(signature.as_str());
    }
}

impl Paths {
    /// Adds the path of an object in a folder, unless its name needs encoding in a URL, which is rare.
    /// Returns whether it did.
    pub(crate) fn push_plain(&mut self, folder: &Folder, name: &str) -> Result<bool> {
        if !folder.takes(name)? {
            return Ok(false);
        }
        self.text.push_str(&folder.path);
        self.text.push_str(name);
        self.ends.push(self.text.len());
        Ok(true)
    }

    /// Adds the path of an object in a folder. `write` appends its name, which must be [plain](is_plain).
    #[inline]
    pub(crate) fn push_written(&mut self, folder: &Folder, write: impl FnOnce(&mut String)) -> Result<()> {
        self.text.push_str(&folder.path);
        let start = self.text.len();
        write(&mut self.text);
        validate_key_len(folder.key_len + self.text.len() - start)?;
        self.ends.push(self.text.len());
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The length of the path with this index.
    pub(crate) fn path_len(&self, number: usize) -> usize {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.ends[number] - start
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let path = &self.text[start..*end];
            start = *end;
            path
        })
    }
}

/// Whether a relative reference is the end of a key without any change: it has nothing encoded, no empty
/// segment and no dot segment.
#[inline]
pub(crate) fn is_plain(name: &str) -> bool {
    let (plain, _) = name.bytes().fold((!name.is_empty(), b'/'), |(plain, before), byte| {
        (plain & stays_in_path(byte) & !(before == b'/' && matches!(byte, b'.' | b'/')), byte)
    });
    plain
}

/// Appends an encoded key. Most keys need no encoding.
#[inline]
fn push_encoded(key: &str, encoded_len: usize, out: &mut String) {
    if encoded_len == key.len() {
        out.push_str(key);
    } else {
        encode_path(key, out);
    }
}
