//! Signed playlists for private video: every reference to a segment becomes a presigned URL.
//!
//! A presigned URL of the playlist alone is not enough to play it, because each segment needs its own
//! signature. [`R2SigningClient::sign_hls_playlist`](crate::r2::R2SigningClient::sign_hls_playlist) and
//! [`sign_dash_manifest`](crate::r2::R2SigningClient::sign_dash_manifest) return the playlist with all
//! signatures in it. The player then reads the segments directly from R2. Nothing here does any I/O.
//!
//! A DASH manifest lists every segment of every representation, so each adds about half a kilobyte: choose
//! the representations that a viewer may need with [`PlaylistOptions::representations`]. An HLS multivariant
//! ("master") playlist names other playlists, which are signed when a player requests them:
//! [`PlaylistOptions::child_url`] sets the URL of the route that signs them, and [`TokenRoute`] creates
//! expiring URLs for such a route.
//!
//! # The URIs of an HLS playlist
//!
//! The table shows what happens to URIs that lead into the bucket, by tag. Every other URI, and every other
//! byte, stays unchanged.
//!
//! | Tag | URI | becomes |
//! |---|---|---|
//! | `EXTINF` | the next line | presigned |
//! | `EXT-X-MAP` | `URI` | presigned |
//! | `EXT-X-KEY` | `URI` | presigned |
//! | `EXT-X-PART` | `URI` | presigned |
//! | `EXT-X-PRELOAD-HINT` | `URI` | presigned |
//! | `EXT-X-PREFETCH` | its value | presigned |
//! | `EXT-X-TWITCH-PREFETCH` | its value | presigned |
//! | `EXT-X-SESSION-KEY` | `URI` | presigned |
//! | `EXT-X-SESSION-DATA` | `URI` | presigned |
//! | `EXT-X-STREAM-INF` | the next line | child route |
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
//! In a media playlist, a line without an `EXTINF` is a segment too. In a multivariant playlist, a line
//! without an `EXT-X-STREAM-INF` stays unchanged, because players skip it.
//!
//! `X-ASSET-LIST`, `X-URI` and `SERVER-URI` lead to JSON, which the child route signs with
//! [`sign_hls_json`](crate::r2::R2SigningClient::sign_hls_json). Players add parameters (`_HLS_primary_id`,
//! `_HLS_start_offset`, `_HLS_pathway`, `_HLS_throughput`) to these URLs and to that of `X-ASSET-URI`, which
//! a presigned URL does not allow.
//!
//! # Live HLS
//!
//! A player reads the playlist again for every segment, and each time gets URLs that are valid from then on.
//!
//! - [`PlaylistOptions::expires_in`] must be longer than the time for which a viewer pauses and then plays
//!   from the segments already listed. With a [`signing_window`](PlaylistOptions::signing_window), a reload
//!   changes only the new segments.
//! - [`PlaylistOptions::dvr_window`] keeps the playlist of a long stream short.
//! - A player that waits for the next segment or part requests it with a [`BlockingReload`].
//! - Delta updates are not offered (`CAN-SKIP-UNTIL` is removed): with them a player keeps the URLs of older
//!   segments forever, and those expire. A stored delta update (`EXT-X-SKIP`) is signed as it is, because the
//!   player has requested it and has the rest.
//!
//! # Live DASH
//!
//! A player reads a manifest of type `dynamic` again and again. Each time it gets a list of the segments that
//! are available by the signer's clock. The list contains the start time of each segment. Players recognize
//! segments by it, so removing the first ones moves nothing. With a
//! [`signing_window`](PlaylistOptions::signing_window) the URL of a segment stays the same too.
//!
//! - A template with a `duration` lists the available segments (`availabilityStartTime`,
//!   `availabilityTimeOffset`), back to `timeShiftBufferDepth`. Without that attribute it lists all segments
//!   since the start of the stream: with many segments, set a [`dvr_window`](PlaylistOptions::dvr_window).
//! - A `SegmentTimeline` lists its segments. If the last one repeats without an end, it lists those that are
//!   available.
//! - A period that has not started or has no segments is omitted until each of its representations has an
//!   available segment. If no period has, the last one that has started is listed with its first segments.
//! - `minimumUpdatePeriod` becomes the duration of a segment if the list grows with the clock and the
//!   attribute is longer or missing.
//! - With [`PlaylistOptions::dvr_window`], segments that ended before the window are omitted, and
//!   `timeShiftBufferDepth` is set accordingly. One segment of each period remains, and three of the newest.
//!   The window is never shorter than `suggestedPresentationDelay` plus three segments.
//! - URLs must be valid for longer than `minimumUpdatePeriod`, `suggestedPresentationDelay` and the longest
//!   segment together; otherwise signing fails. Their validity is [`PlaylistOptions::expires_in`] minus the
//!   signing window, or the time left until [`PlaylistOptions::expires_at`].
//! - Shaka Player keeps the URLs of periods that are neither the first nor the last. For viewers who seek
//!   back into them, URLs must be valid for as long as the window.
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
