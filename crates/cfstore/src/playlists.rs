//! Signing of playlists with the playlists they name.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cloudflare_clients::ErrorKind;
use cloudflare_clients::playlist::{PlaylistOptions, Representation, SignedPlaylist};
use cloudflare_clients::r2::R2Service;

use crate::error::{Error, Result};

/// Maximum size of a playlist, in bytes.
const MAX_SIZE: usize = 16 * 1024 * 1024;
/// Maximum number of playlists that are signed together: one, and all that it leads to.
const MAX_PLAYLISTS: usize = 200;

/// Default maximum of URLs in one playlist. Ten hours in six representations have 54,000.
pub(crate) const MAX_URLS: usize = 100_000;

/// Options of signing.
#[derive(Debug)]
pub(crate) struct Signing {
    pub(crate) expires_in: Duration,
    /// Zero signs as of now.
    pub(crate) window: Duration,
    /// Required prefix of all keys. Defaults to the first folder of the playlist's key.
    pub(crate) prefix: Option<String>,
    /// Ids of the representations of a DASH manifest to include. Empty includes all.
    pub(crate) representations: Vec<String>,
    /// Length of a live stream to list, from its end.
    pub(crate) dvr_window: Option<Duration>,
    /// Values of the variables that HLS playlists import.
    pub(crate) variables: Vec<(String, String)>,
    /// Maximum number of URLs in one playlist.
    pub(crate) max_urls: usize,
}

impl Signing {
    pub(crate) fn new(expires_in: Duration, prefix: impl Into<String>) -> Self {
        Self {
            expires_in,
            window: Duration::ZERO,
            prefix: Some(prefix.into()),
            representations: Vec::new(),
            dvr_window: None,
            variables: Vec::new(),
            max_urls: MAX_URLS,
        }
    }

    /// Signs the playlist at `key`, and all playlists that it leads to, and returns them in this order. A
    /// reference to a playlist is replaced by what `reference` returns for its index in the result and its
    /// key. Without `reference`, a playlist that names others is refused.
    pub(crate) async fn sign(
        &self,
        r2: &R2Service,
        key: &str,
        reference: Option<impl Fn(usize, &str) -> cloudflare_clients::Result<String> + Send + Sync>,
    ) -> Result<Vec<SignedPlaylist>> {
        // Each key with the playlist that names it.
        let keys = Mutex::new(vec![(key.to_owned(), None)]);
        let number_of = |key: &str, parent: &str| {
            let mut keys = keys.lock().unwrap_or_else(PoisonError::into_inner);
            keys.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
                keys.push((key.to_owned(), Some(parent.to_owned())));
                keys.len() - 1
            })
        };
        let next = |number: usize| keys.lock().unwrap_or_else(PoisonError::into_inner).get(number).cloned();

        let mut signed = Vec::new();
        while let Some((key, parent)) = next(signed.len()) {
            let text = read(r2, &key).await.map_err(|error| match (error, &parent) {
                (Error::NotFound(key), Some(parent)) => {
                    Error::Local(format!("{parent:?} names the playlist {key:?}, which does not exist"))
                }
                (error, _) => error,
            })?;
            let mut options = self.options();
            if let Some(reference) = &reference {
                let (number_of, key) = (&number_of, &key);
                options = options.child_url(move |child| match number_of(child, key) {
                    number if number < MAX_PLAYLISTS => reference(number, child),
                    _ => Err(cloudflare_clients::Error::new(
                        ErrorKind::InvalidInput,
                        format!("the playlist leads to more than {MAX_PLAYLISTS} playlists"),
                    )),
                });
            }
            signed.push(if is_dash(&text) {
                self.sign_dash(r2, &text, &key, options)?
            } else {
                self.refuse_representations(&key)?;
                let signed = if is_json(&key) {
                    r2.sign_hls_json(&text, &key, &options)
                } else {
                    r2.sign_hls_playlist(&text, &key, &options)
                };
                signed.map_err(|error| by_flags(&error))?
            });
        }
        Ok(signed)
    }

    fn options<'a>(&self) -> PlaylistOptions<'a> {
        let mut options = PlaylistOptions::new()
            .expires_in(self.expires_in)
            .signing_window(self.window)
            .max_urls(self.max_urls)
            .max_line(MAX_SIZE)
            .max_manifest(MAX_SIZE);
        if let Some(prefix) = &self.prefix {
            options = options.prefix(prefix);
        }
        if let Some(window) = self.dvr_window {
            options = options.dvr_window(window);
        }
        self.variables.iter().fold(options, |options, (name, value)| options.variable(name, value))
    }

    fn sign_dash(
        &self,
        r2: &R2Service,
        text: &str,
        key: &str,
        options: PlaylistOptions<'_>,
    ) -> Result<SignedPlaylist> {
        if let Some((name, _)) = self.variables.first() {
            let message = format!("--variable {name}: {key:?} is a DASH manifest, which has no variables");
            return Err(Error::usage(message, "leave --variable out: it is only for HLS playlists"));
        }
        if self.representations.is_empty() {
            return r2.sign_dash_manifest(text, key, &options).map_err(|error| by_flags(&error));
        }
        // The representations of the manifest, by id.
        let seen = Mutex::new(BTreeMap::new());
        let options = options.representations(|it| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            it.id.is_some_and(|id| {
                seen.entry(id.to_owned()).or_insert_with(|| described(it));
                self.representations.iter().any(|wanted| wanted == id)
            })
        });
        let signed = r2.sign_dash_manifest(text, key, &options);
        drop(options);
        let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let unknown = self.representations.iter().find(|wanted| !seen.contains_key(*wanted));
        let about_choice = |error: &cloudflare_clients::Error| error.message().contains("::representations`");
        match (signed, unknown) {
            (Ok(_), Some(unknown)) => {
                let message = format!("--representations: {key:?} has no representation {unknown:?}");
                Err(Error::usage(message, those_of(&seen)))
            }
            (Err(error), _) if about_choice(&error) => {
                Err(Error::usage(flags_in(&error.to_string()), those_of(&seen)))
            }
            (signed, _) => signed.map_err(|error| by_flags(&error)),
        }
    }

    fn refuse_representations(&self, key: &str) -> Result<()> {
        if self.representations.is_empty() {
            return Ok(());
        }
        Err(Error::usage(
            format!("--representations is for DASH manifests, but {key:?} is an HLS playlist"),
            "leave --representations out: the player chooses between the playlists of a master playlist",
        ))
    }
}

async fn read(r2: &R2Service, key: &str) -> Result<String> {
    let Some(object) = r2.get(key).await? else {
        return Err(Error::NotFound(key.to_owned()));
    };
    let body = object.decoded().map(|body| body.limit(MAX_SIZE as u64));
    let text = match body {
        Ok(body) => body.text().await,
        Err(error) => Err(error),
    };
    text.map_err(|error| match error.kind() {
        ErrorKind::Serialization => Error::Local(format!("{key:?} is not a playlist: {}", error.message())),
        ErrorKind::InvalidInput if error.code() == Some("EntityTooLarge") => {
            Error::Local(format!("{key:?} is longer than {MAX_SIZE} bytes, the maximum for a playlist"))
        }
        _ => error.into(),
    })
}

/// Lists the representations to choose from.
fn those_of(seen: &BTreeMap<String, String>) -> String {
    if seen.is_empty() {
        return "leave --representations out: the manifest's representations have no ids".to_owned();
    }
    let listed: Vec<_> = seen.iter().map(|(id, what)| format!("{id}{what}")).collect();
    format!("the manifest has {}", listed.join(", "))
}

/// Returns ` (3000000 bit/s, 1280x720)`, with the values that are known.
fn described(it: &Representation<'_>) -> String {
    let size = it.width.zip(it.height).map(|(width, height)| format!("{width}x{height}"));
    let bandwidth = it.bandwidth.map(|bandwidth| format!("{bandwidth} bit/s"));
    let known: Vec<_> = [bandwidth, size, it.language.map(str::to_owned)].into_iter().flatten().collect();
    if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) }
}

/// Replaces the names of the library's options in an error by those of flags.
fn by_flags(error: &cloudflare_clients::Error) -> Error {
    let text = error.to_string();
    match flags_in(&text) {
        named if named == text => error.clone().into(),
        named => cloudflare_clients::Error::new(error.kind(), named).into(),
    }
}

/// Replaces `PlaylistOptions::max_urls` in the text by `--max-urls`.
fn flags_in(text: &str) -> String {
    let mut parts = text.split("`PlaylistOptions::");
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (option, rest) = part.split_once('`').unwrap_or((part, ""));
        named.push_str("--");
        named.push_str(&match option {
            "expires_in" | "expires_at" => "expires".into(),
            "signing_window" => "window".into(),
            // With an output folder, references lead to the files in it.
            "child_url" => "output DIR".into(),
            option => option.replace('_', "-"),
        });
        named.push_str(rest);
    }
    named
}

/// Whether the text is XML: DASH manifests are, HLS playlists are not.
fn is_dash(text: &str) -> bool {
    begins_with(text, '<')
}

/// Whether the key is that of a JSON document that HLS playlists name: an asset list, or a steering manifest.
fn is_json(key: &str) -> bool {
    key.strip_suffix(".json").is_some()
}

fn begins_with(text: &str, first: char) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with(first)
}

/// Returns the file extension for this text.
pub(crate) fn extension(text: &str) -> &'static str {
    match text {
        text if is_dash(text) => "mpd",
        text if begins_with(text, '{') => "json",
        _ => "m3u8",
    }
}

/// Returns the file extension for the playlist or JSON document at this key.
pub(crate) fn child_extension(key: &str) -> &'static str {
    match key.rsplit_once('.') {
        Some((_, "json")) => "json",
        Some((_, "mpd")) => "mpd",
        _ => "m3u8",
    }
}

/// Returns the file name for the playlist at an index. It is as safe as the stem: no player encodes or
/// decodes it.
pub(crate) fn file_name(stem: &str, number: usize, extension: &str) -> String {
    if number == 0 { format!("{stem}.{extension}") } else { format!("{stem}.{number}.{extension}") }
}
