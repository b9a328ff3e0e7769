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
//!
//! # The URIs of an HLS playlist
//!
//! Those that lead into the bucket, by their tags. Every other URI, and every other byte, stays as it is.
//!
//! | Tag | URI | becomes |
//! |---|---|---|
//! | `EXTINF` | the line behind it | presigned |
//! | `EXT-X-MAP` | `URI` | presigned |
//! | `EXT-X-KEY` | `URI` | presigned |
//! | `EXT-X-PART` | `URI` | presigned |
//! | `EXT-X-PRELOAD-HINT` | `URI` | presigned |
//! | `EXT-X-PREFETCH` | its value | presigned |
//! | `EXT-X-TWITCH-PREFETCH` | its value | presigned |
//! | `EXT-X-SESSION-KEY` | `URI` | presigned |
//! | `EXT-X-SESSION-DATA` | `URI` | presigned |
//! | `EXT-X-STREAM-INF` | the line behind it | child route |
//! | `EXT-X-MEDIA` | `URI` | child route |
//! | `EXT-X-I-FRAME-STREAM-INF` | `URI` | child route |
//! | `EXT-X-IMAGE-STREAM-INF` | `URI` | child route |
//! | `EXT-X-RENDITION-REPORT` | `URI` | child route |
//! | `EXT-X-DATERANGE` | `X-ASSET-URI` | child route |
//! | `EXT-X-DATERANGE` | `X-ASSET-LIST` | child route |
//! | `EXT-X-DATERANGE` | `X-URI` | child route |
//! | `EXT-X-CONTENT-STEERING` | `SERVER-URI` | child route |
//! | any other | any | stays |
//!
//! A line of a media playlist is a segment's without an `EXTINF` too. One of a multivariant playlist without
//! an `EXT-X-STREAM-INF` stays, since players skip it.
//!
//! `X-ASSET-LIST`, `X-URI` and `SERVER-URI` lead to JSON, which the child route makes with
//! [`sign_hls_json`](crate::r2::R2SigningClient::sign_hls_json). To these URLs, and to that of `X-ASSET-URI`,
//! players add parameters (`_HLS_primary_id`, `_HLS_start_offset`, `_HLS_pathway`, `_HLS_throughput`), which
//! a presigned URL does not allow.
//!
//! # Live HLS
//!
//! A player reads the playlist again for every segment, and gets URLs that are good from then on.
//!
//! - [`PlaylistOptions::expires_in`] has to be longer than a viewer pauses and then plays from what was
//!   listed. With a [`signing_window`](PlaylistOptions::signing_window), a reload changes only what is new.
//! - [`PlaylistOptions::dvr_window`] keeps the playlist of a long stream short.
//! - A player that waits for the next segment or part asks for it by [`BlockingReload`].
//! - Delta updates are not offered (`CAN-SKIP-UNTIL` is left out): with them a player keeps the URLs of older
//!   segments for ever, and those expire. One that is given all the same (`EXT-X-SKIP`) is signed as it is,
//!   for the player has asked for it, and has the rest.
//!
//! # Live DASH
//!
//! A player reads a manifest of the type `dynamic` again and again, and each time gets a list of the segments
//! that are available by the signer's clock. The list says when each segment begins, by which players know
//! it again, so that nothing moves when the first ones are left out; with a
//! [`signing_window`](PlaylistOptions::signing_window) its URL stays the same too.
//!
//! - A template with a `duration` lists what is available (`availabilityStartTime`,
//!   `availabilityTimeOffset`), as far back as `timeShiftBufferDepth`. Without one, it lists all since its
//!   beginning: with many segments, it needs a [`dvr_window`](PlaylistOptions::dvr_window).
//! - A `SegmentTimeline` lists its segments. Where the last one repeats without an end, it lists those that
//!   are available.
//! - A period that has not begun, or has no segments, is left out until each of its representations has a
//!   segment by the clock. If no period has, the last that has begun is listed with its first segments.
//! - `minimumUpdatePeriod` becomes the duration of a segment, where the list grows by the clock and it is
//!   longer or missing.
//! - With [`PlaylistOptions::dvr_window`], segments that ended before it are left out, but for one of each
//!   period, and three of the newest, and `timeShiftBufferDepth` says so. The window is never shorter than
//!   `suggestedPresentationDelay` and three segments.
//! - URLs have to be good for longer than `minimumUpdatePeriod`, `suggestedPresentationDelay` and the longest
//!   segment together, or the manifest is refused. That is [`PlaylistOptions::expires_in`] less the signing
//!   window, or the time that is left until [`PlaylistOptions::expires_at`].
//! - Shaka Player keeps the URLs of periods that are neither the first nor the last: for viewers who go back
//!   into them, URLs have to be good for as long as the window is.

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
