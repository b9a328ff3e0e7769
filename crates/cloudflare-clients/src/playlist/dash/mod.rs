//! DASH manifests ([ISO/IEC 23009-1](https://www.iso.org/standard/89027.html)).
//!
//! A presigned URL is valid for one object, so a template of URLs has to become a list. The list has a form
//! that players accept, although they differ from the standard:
//!
//! - dash.js counts the `S` of a list's `SegmentTimeline` and ignores their repetitions, so each segment has
//!   its own `S`.
//! - ffmpeg treats a list's `startNumber` as the index of the first entry to read, so lists have none. It
//!   looks for a timeline in the adaptation set only, so the timeline is there if all representations share
//!   it.
//! - ffmpeg cuts off URLs that are longer than the `BaseURL`s, so there is one that is long enough. In a
//!   `BaseURL` it treats an `&` as the start of an entity, so it cannot play representations that are a
//!   single object (`SegmentBase`), whose only URL is there.
//!
//! - In a live list, dash.js and Shaka Player recognize segments by their times, so each list has a timeline.
//!   They read it again only according to `minimumUpdatePeriod`, so there is one. They ignore `publishTime`.
//! - Shaka Player drops a refresh with an empty list, and dash.js waits forever for an adaptation set that
//!   appears in a period. A set without segments therefore gets a template that produces nothing, and a
//!   period is omitted until it has segments.
//!
//! Everything else stays unchanged, byte for byte.

mod availability;
mod cursor;
mod date_time;
mod duration;
mod inherited;
mod live;
mod manifest;
mod output;
mod parser;
mod place;
mod plan;
mod planner;
mod quoted;
mod template;
mod timeline;
mod urls;
mod values;

use std::time::SystemTime;

use self::planner::Planner;
use super::{PlaylistOptions, SignedPlaylist, at_line};
use crate::signing::url_signer::UrlSigner;
use crate::{Error, Result};

/// Replaces the references of a manifest by URLs, for a client that requests it now.
pub(super) fn sign(
    text: &str,
    key: &str,
    options: &PlaylistOptions<'_>,
    signer: &UrlSigner,
    now: SystemTime,
) -> Result<SignedPlaylist> {
    if text.len() > options.max_manifest {
        return Err(Error::invalid_input(format!(
            "the manifest has {} bytes: the limit is {}, which `PlaylistOptions::max_manifest` sets",
            text.len(),
            options.max_manifest
        )));
    }
    let at_line = |(at, error): (usize, Error)| {
        let before = text.get(..at).unwrap_or(text);
        at_line(before.matches('\n').count() + 1, &error)
    };
    let manifest = parser::parse(text).map_err(at_line)?;
    let plan = Planner::new(text, key, options, signer, now)?.plan(&manifest).map_err(at_line)?;
    let signed = output::write(text, manifest.prefix, &plan, signer);
    Ok(SignedPlaylist::new(signed, signer.expires_at(), plan.url_count))
}

#[cfg(test)]
mod tests;
