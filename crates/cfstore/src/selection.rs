//! Many objects: those whose keys begin so, or match a pattern.

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
    /// A pattern, or what keys begin with.
    pub(crate) fn parse(text: String, literal: bool) -> Result<Self> {
        Ok(match KeyArgument::parse(text, literal)? {
            KeyArgument::Key(prefix) => Self::Prefix(prefix),
            KeyArgument::Pattern(pattern) => Self::Pattern(pattern),
        })
    }

    /// What all of its keys begin with.
    pub(crate) fn prefix(&self) -> &str {
        match self {
            Self::Prefix(prefix) => prefix,
            Self::Pattern(pattern) => pattern.prefix(),
        }
    }

    /// Of a key that begins with the prefix.
    pub(crate) fn has(&self, key: &str) -> bool {
        match self {
            Self::Prefix(_) => true,
            Self::Pattern(pattern) => pattern.matches(key),
        }
    }

    /// The key, without the directory that all of its keys lie in.
    pub(crate) fn name_of<'k>(&self, key: &'k str) -> &'k str {
        let folder = match self {
            Self::Prefix(prefix) => &prefix[..prefix.rfind('/').map_or(0, |slash| slash + 1)],
            Self::Pattern(pattern) => pattern.folder(),
        };
        // By slashes: a listed key may have another form of its letters than what was asked for.
        key.splitn(folder.matches('/').count() + 1, '/').last().unwrap_or_default()
    }

    /// Whether directories below need not be looked into.
    pub(crate) fn is_shallow(&self) -> bool {
        matches!(self, Self::Pattern(pattern) if pattern.is_shallow())
    }

    /// Its objects in the order of their keys, a page at a time.
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

    /// Fails where nothing is found for a pattern, or what looks like one: something was meant by it.
    pub(crate) fn check_found(&self, found: bool) -> Result<()> {
        match self {
            _ if found => Ok(()),
            Self::Prefix(prefix) => Error::if_misread(prefix, "r2"),
            Self::Pattern(pattern) => Err(Error::NothingMatches(pattern.as_str().to_owned())),
        }
    }

    /// Refuses a pattern that is itself the key of an object, which may be all that was meant.
    pub(crate) async fn refuse_key(&self, service: &R2Service) -> Result<()> {
        let Self::Pattern(pattern) = self else { return Ok(()) };
        let text = pattern.as_str();
        if service.head(text).await?.is_none() {
            return Ok(());
        }
        Err(Error::usage(
            format!("{text:?} is a pattern, and an object has just this key"),
            "--literal takes the object of this key; for the pattern, write a letter of it in brackets, as in [a]*",
        ))
    }
}
