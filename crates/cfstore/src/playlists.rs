//! Playlists of a store, signed with all that they name.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cloudflare_clients::ErrorKind;
use cloudflare_clients::playlist::{PlaylistOptions, Representation, SignedPlaylist};
use cloudflare_clients::r2::R2Service;

use crate::error::{Error, Result};

/// The largest playlist that is read, in bytes.
const MAX_SIZE: usize = 16 * 1024 * 1024;
/// How many playlists may be signed together: one, and those that it leads to.
const MAX_PLAYLISTS: usize = 200;

/// How many URLs one has, unless somebody asks for more: ten hours in six representations have 54,000.
pub(crate) const MAX_URLS: usize = 100_000;

/// How they are signed.
#[derive(Debug)]
pub(crate) struct Signing {
    pub(crate) expires_in: Duration,
    /// Zero: as of now.
    pub(crate) window: Duration,
    /// What the key of every object has to begin with, if not with the first folder of the playlist's.
    pub(crate) prefix: Option<String>,
    /// The ids of those of a DASH manifest; empty: all.
    pub(crate) representations: Vec<String>,
    /// How much of a live stream, from its end.
    pub(crate) dvr_window: Option<Duration>,
    /// Those that HLS playlists take from outside.
    pub(crate) variables: Vec<(String, String)>,
    /// Of one playlist.
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

    /// The playlist of `key`, and behind it those that it names, and those that they name. In the place of
    /// each reference to a playlist stands what `reference` makes of its number, which is its place in the
    /// list, and its key. Without `reference`, it may name none.
    pub(crate) async fn sign(
        &self,
        r2: &R2Service,
        key: &str,
        reference: Option<impl Fn(usize, &str) -> cloudflare_clients::Result<String> + Send + Sync>,
    ) -> Result<Vec<SignedPlaylist>> {
        // Each with that which names it.
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
                (Error::NotFound(key), Some(parent)) => Error::Local(format!(
                    "{parent:?} names the playlist {key:?}, and no such object is stored"
                )),
                (error, _) => error,
            })?;
            let mut options = self.options();
            if let Some(reference) = &reference {
                let (number_of, key) = (&number_of, &key);
                options = options.child_url(move |child| match number_of(child, key) {
                    number if number < MAX_PLAYLISTS => reference(number, child),
                    _ => Err(cloudflare_clients::Error::new(
                        ErrorKind::InvalidInput,
                        format!("more than {MAX_PLAYLISTS} playlists belong together"),
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
            return Err(Error::usage(message, "leave --variable out: it is for HLS playlists"));
        }
        if self.representations.is_empty() {
            return r2.sign_dash_manifest(text, key, &options).map_err(|error| by_flags(&error));
        }
        // By their ids, those of the manifest.
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
            format!("--representations is for DASH manifests, and {key:?} is an HLS playlist"),
            "leave it out: the player chooses between the playlists that a master playlist names",
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
        ErrorKind::Serialization => Error::Local(format!("{key:?} is no playlist: {}", error.message())),
        ErrorKind::InvalidInput if error.code() == Some("EntityTooLarge") => Error::Local(format!(
            "{key:?} is longer than {MAX_SIZE} bytes: no playlist of that length is signed"
        )),
        _ => error.into(),
    })
}

/// What there is to choose from.
fn those_of(seen: &BTreeMap<String, String>) -> String {
    if seen.is_empty() {
        return "its representations have no ids to choose by".to_owned();
    }
    let listed: Vec<_> = seen.iter().map(|(id, what)| format!("{id}{what}")).collect();
    format!("it has {}", listed.join(", "))
}

/// ` (3000000 bit/s, 1280x720)`, as far as it is known.
fn described(it: &Representation<'_>) -> String {
    let size = it.width.zip(it.height).map(|(width, height)| format!("{width}x{height}"));
    let bandwidth = it.bandwidth.map(|bandwidth| format!("{bandwidth} bit/s"));
    let known: Vec<_> = [bandwidth, size, it.language.map(str::to_owned)].into_iter().flatten().collect();
    if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) }
}

/// The library's error, which names options of its own, with flags in their place.
fn by_flags(error: &cloudflare_clients::Error) -> Error {
    let text = error.to_string();
    match flags_in(&text) {
        named if named == text => error.clone().into(),
        named => cloudflare_clients::Error::new(error.kind(), named).into(),
    }
}

/// The text with `--max-urls` in place of `PlaylistOptions::max_urls`.
fn flags_in(text: &str) -> String {
    let mut parts = text.split("`PlaylistOptions::");
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (option, rest) = part.split_once('`').unwrap_or((part, ""));
        named.push_str("--");
        named.push_str(&match option {
            "expires_in" | "expires_at" => "expires".into(),
            "signing_window" => "window".into(),
            // What says where other playlists are is where they are written.
            "child_url" => "output DIR".into(),
            option => option.replace('_', "-"),
        });
        named.push_str(rest);
    }
    named
}

/// Whether it is XML, as DASH manifests are and HLS playlists are not.
fn is_dash(text: &str) -> bool {
    begins_with(text, '<')
}

/// Whether the key is that of a JSON document which HLS playlists name: an asset list, or a steering manifest.
fn is_json(key: &str) -> bool {
    key.strip_suffix(".json").is_some()
}

fn begins_with(text: &str, first: char) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with(first)
}

/// What the name of a file with this text ends with.
pub(crate) fn extension(text: &str) -> &'static str {
    match text {
        text if is_dash(text) => "mpd",
        text if begins_with(text, '{') => "json",
        _ => "m3u8",
    }
}

/// What the name of the file ends with that the playlist or JSON document of this key is written to.
pub(crate) fn child_extension(key: &str) -> &'static str {
    match key.rsplit_once('.') {
        Some((_, "json")) => "json",
        Some((_, "mpd")) => "mpd",
        _ => "m3u8",
    }
}

/// A name for the playlist of a number. It is safe where the stem is: no player encodes or decodes it.
pub(crate) fn file_name(stem: &str, number: usize, extension: &str) -> String {
    if number == 0 { format!("{stem}.{extension}") } else { format!("{stem}.{number}.{extension}") }
}
