//! Playlists of a store, signed with all that they name.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cloudflare_clients::ErrorKind;
use cloudflare_clients::playlist::{PlaylistOptions, SignedPlaylist};
use cloudflare_clients::r2::R2Service;

use crate::error::{Error, Result};

/// The largest playlist that is read, in bytes.
const MAX_SIZE: u64 = 16 * 1024 * 1024;
/// How many playlists one may lead to, itself included.
const MAX_PLAYLISTS: usize = 200;

/// How they are signed.
#[derive(Debug)]
pub(crate) struct Signing {
    pub(crate) expires_in: Duration,
    /// Zero: as of now.
    pub(crate) window: Duration,
    /// What the key of every object has to begin with.
    pub(crate) prefix: String,
}

impl Signing {
    /// The playlist of `key`, and behind it those that it names, and those that they name. In the place of each reference to a
    /// playlist stands what `reference` makes of its number, which is its place in the list, and its key.
    pub(crate) async fn sign(
        &self,
        r2: &R2Service,
        key: &str,
        reference: impl Fn(usize, &str) -> cloudflare_clients::Result<String> + Send + Sync,
    ) -> Result<Vec<SignedPlaylist>> {
        let keys = Mutex::new(vec![key.to_owned()]);
        let number_of = |key: &str| {
            let mut keys = keys.lock().unwrap_or_else(PoisonError::into_inner);
            keys.iter().position(|known| known == key).unwrap_or_else(|| {
                keys.push(key.to_owned());
                keys.len() - 1
            })
        };
        let next = |number: usize| keys.lock().unwrap_or_else(PoisonError::into_inner).get(number).cloned();

        let mut signed = Vec::new();
        while let Some(key) = next(signed.len()) {
            if signed.len() == MAX_PLAYLISTS {
                return Err(Error::Local(format!("the playlist leads to more than {MAX_PLAYLISTS} others")));
            }
            let Some(object) = r2.get(&key).await? else {
                return Err(Error::NotFound(key));
            };
            let text = object.limit(MAX_SIZE).text().await.map_err(|error| match error.kind() {
                ErrorKind::Serialization => Error::Local(format!("{key:?} is no playlist: it is not UTF-8")),
                _ => error.into(),
            })?;
            let options = PlaylistOptions::new()
                .expires_in(self.expires_in)
                .signing_window(self.window)
                .prefix(&self.prefix)
                .child_url(|child| reference(number_of(child), child));
            signed.push(if is_dash(&text) {
                r2.sign_dash_manifest(&text, &key, &options)?
            } else {
                r2.sign_hls_playlist(&text, &key, &options)?
            });
        }
        Ok(signed)
    }
}

/// Whether it is XML, as DASH manifests are and HLS playlists are not.
pub(crate) fn is_dash(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with('<')
}

/// A name for the HLS playlist of a number. It is safe where the stem is: no player encodes or decodes it.
pub(crate) fn file_name(stem: &str, number: usize) -> String {
    if number == 0 { format!("{stem}.m3u8") } else { format!("{stem}.{number}.m3u8") }
}
