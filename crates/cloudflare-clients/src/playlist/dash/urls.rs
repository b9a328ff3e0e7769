//! The URLs of a manifest while it is planned. Each object is signed once, and their number is limited.

use std::collections::HashMap;

use quick_xml::escape::escape;

use super::place::Place;
use super::plan::Url;
use crate::playlist::PlaylistOptions;
use crate::playlist::reference::{Resolver, folder_of};
use crate::signing::url_signer::{Folder, Paths, UrlSigner};
use crate::{Error, Result};

/// Maximum total size of all URLs of a manifest, in bytes.
const MAX_BYTES: usize = 32 * 1024 * 1024;

pub(super) struct Urls<'a> {
    /// The key of the manifest.
    key: &'a str,
    options: &'a PlaylistOptions<'a>,
    signer: &'a UrlSigner,
    pub(super) resolver: Resolver<'a>,
    pub(super) paths: Paths,
    /// The numbers of paths by key, only for keys that may occur again.
    numbers: HashMap<String, usize>,
    pub(super) count: usize,
    /// Total size of the URLs, in bytes.
    pub(super) bytes: usize,
    /// Size of the longest URL, in bytes.
    pub(super) longest: usize,
}

impl<'a> Urls<'a> {
    pub(super) fn new(key: &'a str, options: &'a PlaylistOptions<'a>, signer: &'a UrlSigner) -> Result<Self> {
        Ok(Self {
            key,
            options,
            signer,
            resolver: Resolver::new(signer, options.prefix_for(key)?),
            paths: Paths::default(),
            numbers: HashMap::new(),
            count: 0,
            bytes: 0,
            longest: 0,
        })
    }

    /// Whether a place is an object that may be signed, or a URL of another host.
    pub(super) fn is_object(&self, place: &Place) -> bool {
        match place {
            Place::Bucket(key) => !self.is_folder(key) && self.resolver.check(key).is_ok(),
            Place::Elsewhere(_) => true,
        }
    }

    fn is_folder(&self, key: &str) -> bool {
        key == self.key || key.is_empty() || key.ends_with('/')
    }

    /// Returns the URL of the target of the `BaseURL`s.
    pub(super) fn media(&mut self, place: &Place) -> Result<Url> {
        if matches!(place, Place::Bucket(key) if self.is_folder(key)) {
            return Err(Error::invalid_input(
                "the media of the Representation has no URL: neither its segments nor a BaseURL name an object",
            ));
        }
        self.url(place.clone())
    }

    /// Returns the URL of an object. Each object is signed once.
    pub(super) fn url(&mut self, place: Place) -> Result<Url> {
        let key = match place {
            Place::Bucket(key) => key,
            Place::Elsewhere(url) => {
                let url = escape(url.as_str()).into_owned();
                self.add(url.len())?;
                return Ok(Url::Elsewhere(url));
            }
        };
        self.resolver.check(&key)?;
        if let Some(number) = self.numbers.get(&key) {
            let number = *number;
            self.add(self.signer.url_len(self.paths.path_len(number)))?;
            return Ok(Url::Signed(number));
        }
        self.signer.push_path(&key, &mut self.paths)?;
        self.numbers.insert(key, self.paths.len() - 1);
        self.add_path()
    }

    /// Counts the URL of the last path.
    #[inline]
    pub(super) fn add_path(&mut self) -> Result<Url> {
        let number = self.paths.len() - 1;
        self.add(self.signer.url_len(self.paths.path_len(number)))?;
        Ok(Url::Signed(number))
    }

    /// Counts a URL.
    #[inline]
    pub(super) fn add(&mut self, length: usize) -> Result<()> {
        self.count += 1;
        self.longest = self.longest.max(length);
        if self.count > self.options.max_urls {
            return Err(self.too_many());
        }
        self.add_bytes(length)
    }

    /// Counts bytes of a URL or of text next to it.
    #[inline]
    pub(super) fn add_bytes(&mut self, length: usize) -> Result<()> {
        self.bytes += length;
        if self.bytes > MAX_BYTES {
            return Err(Error::invalid_input(format!(
                "the URLs of the manifest would have more than {MAX_BYTES} bytes together"
            )));
        }
        Ok(())
    }

    /// Returns how many more URLs are allowed.
    pub(super) fn left(&self) -> usize {
        self.options.max_urls.saturating_sub(self.count)
    }

    pub(super) fn too_many(&self) -> Error {
        Error::invalid_input(format!(
            "the manifest has more than {} URLs, the limit that `PlaylistOptions::max_urls` sets: \
             choose fewer representations with `PlaylistOptions::representations`",
            self.options.max_urls
        ))
    }

    /// Returns the folder that references are relative to, if it is below the prefix.
    pub(super) fn folder(&self, place: &Place) -> Option<Folder> {
        match place {
            Place::Bucket(key) => {
                let folder = folder_of(key);
                folder.starts_with(self.resolver.prefix).then(|| self.signer.folder(folder))
            }
            Place::Elsewhere(_) => None,
        }
    }
}
