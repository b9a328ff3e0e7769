//! DASH manifests ([ISO/IEC 23009-1](https://www.iso.org/standard/89027.html)).
//!
//! A presigned URL is good for one object, so a template of URLs has to become a list. The list is one that players take, in
//! spite of what they make of the standard:
//!
//! - dash.js counts the `S` of a list's `SegmentTimeline` and not their repetitions, so each segment has an `S` of its own.
//! - ffmpeg takes a list's `startNumber` for that of the first entry to read, so there is none; and looks for a timeline in the
//!   adaptation set only, so it is there where all representations share it.
//! - ffmpeg cuts off URLs that are longer than the `BaseURL`s, so there is one that is long enough. In a `BaseURL` it takes an `&` for
//!   the beginning of an entity, so it cannot play representations that are one object (`SegmentBase`), whose only URL is there.
//!
//! - Of a live list, dash.js and Shaka Player know segments by their times, so each list has a timeline; and read it again by
//!   `minimumUpdatePeriod` only, so there is one. They do not look at `publishTime`.
//! - Shaka Player drops a refresh with an empty list, and dash.js waits for ever for an adaptation set that appears in a period,
//!   so a set without segments gets a template that makes nothing; and a period is left out until it has some.
//!
//! Everything else stays as it is, byte for byte.

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

/// A manifest with URLs in place of its references, for a client that asks for it now.
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
