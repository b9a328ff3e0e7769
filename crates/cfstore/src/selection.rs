//! Selection of objects by prefix or pattern.

use cloudflare_clients::r2::{Object, R2Service};
use cloudflare_clients::transfer::KeyPattern;
use futures_util::{Stream, TryStreamExt as _};

use crate::error::{Error, Result};
use crate::key_argument::KeyArgument;
use crate::keys::check_listed;

#[derive(Debug, Clone)]
pub(crate) enum Selection {
    Prefix(String),
    Pattern(KeyPattern),
}

impl Selection {
    /// Parses a pattern or a prefix.
    pub(crate) fn parse(text: String, literal: bool) -> Result<Self> {
        Ok(match KeyArgument::parse(text, literal)? {
            KeyArgument::Key(prefix) => Self::Prefix(prefix),
            KeyArgument::Pattern(pattern) => Self::Pattern(pattern),
        })
    }

    /// Returns the prefix of all its keys.
    pub(crate) fn prefix(&self) -> &str {
        match self {
            Self::Prefix(prefix) => prefix,
            Self::Pattern(pattern) => pattern.prefix(),
        }
    }

    /// Whether the selection contains a key that begins with its prefix.
    pub(crate) fn has(&self, key: &str) -> bool {
        match self {
            Self::Prefix(_) => true,
            Self::Pattern(pattern) => pattern.matches(key),
        }
    }

    /// Returns the key without the directory that contains all its keys.
    pub(crate) fn name_of<'k>(&self, key: &'k str) -> &'k str {
        let folder = match self {
            Self::Prefix(prefix) => &prefix[..prefix.rfind('/').map_or(0, |slash| slash + 1)],
            Self::Pattern(pattern) => pattern.folder(),
        };
        // Counts slashes: a listed key may differ from the prefix in its Unicode normalization.
        key.splitn(folder.matches('/').count() + 1, '/').last().unwrap_or_default()
    }

    /// Whether no key in a subdirectory can match.
    pub(crate) fn is_shallow(&self) -> bool {
        matches!(self, Self::Pattern(pattern) if pattern.is_shallow())
    }

    /// Returns its objects in the order of their keys, in pages.
    pub(crate) fn pages(
        &self,
        service: &R2Service,
    ) -> impl Stream<Item = Result<Vec<Object>>> + Unpin + use<> {
        let selection = self.clone();
        let mut list = service.list().prefix(self.prefix());
        if self.is_shallow() {
            list = list.delimiter("/");
        }
        list.pages().map_err(Error::from).and_then(move |page| {
            let mut objects = page.objects;
            let checked = check_listed(selection.prefix(), objects.iter().map(|object| object.key.as_str()));
            objects.retain(|object| selection.has(&object.key));
            std::future::ready(checked.map(|()| objects))
        })
    }

    /// Fails if nothing was found for a pattern, or for a prefix that looks like one.
    pub(crate) fn check_found(&self, found: bool) -> Result<()> {
        match self {
            _ if found => Ok(()),
            Self::Prefix(prefix) => Error::if_misread(prefix, "r2"),
            Self::Pattern(pattern) => Err(Error::NothingMatches(pattern.as_str().to_owned())),
        }
    }

    /// Refuses a pattern that is also the key of an object: it is unclear which one is meant.
    pub(crate) async fn refuse_key(&self, service: &R2Service) -> Result<()> {
        let Self::Pattern(pattern) = self else { return Ok(()) };
        let text = pattern.as_str();
        if service.head(text).await?.is_none() {
            return Ok(());
        }
        Err(Error::usage(
            format!("{text:?} is a pattern, but also the key of an object"),
            "give --literal for the object; for the pattern, write one of its letters in brackets, as in [a]*",
        ))
    }
}
