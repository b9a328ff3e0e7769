//! The references of a playlist, and the playlist with the references replaced.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use crate::playlist::SignedPlaylist;
use crate::signing::url_signer::{FolderSigner, Paths, UrlSigner};
use crate::{Error, Result};

pub(super) fn too_many_urls(limit: usize) -> Error {
    Error::invalid_input(format!(
        "the playlist has more than {limit} URLs, the limit that `PlaylistOptions::max_urls` sets"
    ))
}

/// What replaces a piece of the text.
#[derive(Debug)]
enum Replacement {
    /// The presigned URL of the object in the playlist's folder that the piece names.
    Named,
    /// The presigned URL of the path with this number.
    Signed(usize),
    Text(Cow<'static, str>),
}

/// The references to replace, and the other changes.
#[derive(Debug)]
pub(super) struct References<'a> {
    signer: &'a UrlSigner,
    /// The folder of the playlist, unless it is outside the prefix.
    folder: Option<FolderSigner<'a>>,
    /// Maximum number of references.
    limit: usize,
    count: usize,
    /// The replacements, ordered by their position in the text.
    list: Vec<(Range<usize>, Replacement)>,
    paths: Paths,
    /// The numbers of paths by key, only for keys that may occur again.
    numbers: HashMap<String, usize>,
}

impl<'a> References<'a> {
    pub(super) fn new(signer: &'a UrlSigner, folder: Option<FolderSigner<'a>>, limit: usize) -> Self {
        Self {
            signer,
            folder,
            limit,
            count: 0,
            list: Vec::new(),
            paths: Paths::default(),
            numbers: HashMap::new(),
        }
    }

    /// Reserves memory for the references of a typical playlist of this many bytes.
    pub(super) fn reserve(&mut self, text_len: usize) {
        self.list.reserve(text_len / 40);
    }

    /// Replaces a reference that is only the name of an object in the playlist's folder. Returns whether it
    /// is one.
    pub(super) fn sign_name(&mut self, at: Range<usize>, reference: &str) -> Result<bool> {
        let Some(folder) = &self.folder else { return Ok(false) };
        let is_name = folder.takes(reference)?;
        if is_name {
            self.push(at, Replacement::Named)?;
        }
        Ok(is_name)
    }

    /// Replaces a reference to the object with this key. A `shared` object is signed once.
    pub(super) fn sign(&mut self, at: Range<usize>, key: String, shared: bool) -> Result<()> {
        let number = self.number(key, shared)?;
        self.push(at, Replacement::Signed(number))
    }

    /// Replaces a reference to a playlist by the URL of its route.
    pub(super) fn replace(&mut self, at: Range<usize>, child_url: String) -> Result<()> {
        self.push(at, Replacement::Text(child_url.into()))
    }

    /// Puts quotes around the last reference, if it starts here.
    pub(super) fn quote(&mut self, start: usize) {
        if let Some((at, _)) = self.list.last()
            && at.start == start
        {
            let end = at.end;
            self.list.insert(self.list.len() - 1, (start..start, Replacement::Text("\"".into())));
            self.edit(end..end, "\"");
        }
    }

    /// Changes a part of the text that is not a reference.
    pub(super) fn edit(&mut self, at: Range<usize>, text: impl Into<Cow<'static, str>>) {
        self.list.push((at, Replacement::Text(text.into())));
    }

    /// Returns the number of a key's path.
    fn number(&mut self, key: String, shared: bool) -> Result<usize> {
        let paths = &mut self.paths;
        if !shared {
            self.signer.push_path(&key, paths)?;
            return Ok(paths.len() - 1);
        }
        match self.numbers.entry(key) {
            Entry::Occupied(number) => Ok(*number.get()),
            Entry::Vacant(number) => {
                self.signer.push_path(number.key(), paths)?;
                Ok(*number.insert(paths.len() - 1))
            }
        }
    }

    fn push(&mut self, at: Range<usize>, replacement: Replacement) -> Result<()> {
        if self.count == self.limit {
            return Err(too_many_urls(self.limit));
        }
        self.count += 1;
        self.list.push((at, replacement));
        Ok(())
    }

    /// Returns the text with the replacements.
    pub(super) fn into_playlist(self, text: &str) -> SignedPlaylist {
        let signer = self.signer;
        let removed: usize = self.list.iter().map(|(at, _)| at.len()).sum();
        let added: usize = self.list.iter().map(|(at, replacement)| self.len_of(at, replacement)).sum();
        let mut out = String::with_capacity(text.len() - removed + added);
        let names = self.names().map(|at| &text[at.clone()]);
        let mut named = self.folder.as_ref().map(|folder| (folder, folder.signatures(names)));
        let mut signatures = signer.signatures(&self.paths);
        // Where the URL of each path was first written.
        let mut written: Vec<Range<usize>> = Vec::with_capacity(self.paths.len());
        let mut copied = 0;
        for (at, replacement) in &self.list {
            out.push_str(&text[copied..at.start]);
            copied = at.end;
            match replacement {
                Replacement::Text(text) => out.push_str(text),
                Replacement::Named => {
                    if let Some((folder, signatures)) = &mut named
                        && let Some(signature) = signatures.next()
                    {
                        folder.push_url(&text[at.clone()], &signature, &mut out);
                    }
                }
                Replacement::Signed(number) => {
                    if let Some(url) = written.get(*number) {
                        out.extend_from_within(url.clone());
                    } else if let Some((path, signature)) = signatures.next() {
                        let start = out.len();
                        signer.push_url(path, &signature, &mut out);
                        written.push(start..out.len());
                    }
                }
            }
        }
        out.push_str(&text[copied..]);
        SignedPlaylist::new(out, signer.expires_at(), self.count)
    }

    /// Returns the positions of the names that are signed.
    fn names(&self) -> impl Iterator<Item = &Range<usize>> {
        self.list
            .iter()
            .filter(|(_, replacement)| matches!(replacement, Replacement::Named))
            .map(|(at, _)| at)
    }

    fn len_of(&self, at: &Range<usize>, replacement: &Replacement) -> usize {
        match replacement {
            Replacement::Named => self.folder.as_ref().map_or(0, |folder| folder.url_len(at.len())),
            Replacement::Text(text) => text.len(),
            Replacement::Signed(number) => self.signer.url_len(self.paths.path_len(*number)),
        }
    }

    /// Returns how many objects are signed.
    #[cfg(test)]
    pub(super) fn path_count(&self) -> usize {
        self.paths.len() + self.names().count()
    }
}
