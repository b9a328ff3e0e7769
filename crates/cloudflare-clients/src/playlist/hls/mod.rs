//! HLS playlists ([RFC 8216](https://www.rfc-editor.org/rfc/rfc8216) and the draft of its successor).
//!
//! A playlist is parsed completely before anything is signed. Then the URLs are written between the unchanged
//! parts.

mod attributes;
mod blocking_reload;
mod child;
mod dvr_window;
mod json;
mod parser;
mod references;
mod seconds;
mod tags;
mod variables;

pub use self::blocking_reload::{BlockingReload, ReloadState};
pub(super) use self::json::sign_json;
use self::parser::Parser;
use super::{PlaylistOptions, SignedPlaylist};
use crate::Result;
use crate::signing::url_signer::UrlSigner;

/// Replaces the references of a playlist by URLs.
pub(super) fn sign(
    text: &str,
    key: &str,
    options: &PlaylistOptions<'_>,
    signer: &UrlSigner,
) -> Result<SignedPlaylist> {
    let edits = options.dvr_window.map(|window| dvr_window::edits(text, window)).transpose()?;
    Ok(Parser::new(key, options, signer)?.parse(text, edits.unwrap_or_default())?.into_playlist(text))
}

#[cfg(test)]
mod tests;
