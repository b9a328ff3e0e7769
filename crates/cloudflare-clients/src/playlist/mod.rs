//! Playlists for private video: every segment's reference becomes a presigned URL.
//!
//! A presigned URL of a playlist alone plays nothing, since the segments behind it need signatures of their own.
//! [`R2SigningClient::sign_hls_playlist`](crate::r2::R2SigningClient::sign_hls_playlist) and
//! [`sign_dash_manifest`](crate::r2::R2SigningClient::sign_dash_manifest) give the playlist with all of them in it; the player then
//! reads the segments straight from R2. Nothing here does any I/O.
//!
//! A DASH manifest names every segment of every representation, and so grows by half a kilobyte for each:
//! [`PlaylistOptions::representations`] chooses those that a viewer may need. An HLS multivariant ("master") playlist names other
//! playlists, and those have to be signed in their turn when a player asks for them: [`PlaylistOptions::child_url`] says where,
//! and a [`TokenRoute`] makes URLs for a route of yours.

mod dash;
mod hls;
mod line;
mod options;
mod reference;
mod representation;
mod sign;
mod signed_playlist;
#[cfg(test)]
mod testing;
mod token;

pub use self::hls::{BlockingReload, ReloadState};
use self::line::at_line;
pub use self::options::PlaylistOptions;
pub use self::representation::Representation;
pub use self::signed_playlist::SignedPlaylist;
pub use self::token::TokenRoute;
