//! HLS playlists ([RFC 8216](https://www.rfc-editor.org/rfc/rfc8216) and its successor's draft).
//!
//! A playlist is parsed whole before anything of it is signed. What becomes a URL is then written between what stays.

mod attributes;
mod parser;
mod references;
mod variables;

use self::parser::Parser;
use super::{PlaylistOptions, SignedPlaylist};
use crate::Result;
use crate::signing::url_signer::UrlSigner;

/// A playlist with URLs in place of its references.
pub(super) fn sign(
    text: &str,
    key: &str,
    options: &PlaylistOptions<'_>,
    signer: &UrlSigner,
) -> Result<SignedPlaylist> {
    Ok(Parser::new(key, options, signer)?.parse(text)?.into_playlist(text))
}

#[cfg(test)]
mod tests;
