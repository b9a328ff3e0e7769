//! The cost of a DASH manifest, whose signed form has a URL for every segment of every representation.

use std::fmt::Write as _;
use std::hint::black_box;

use cloudflare_clients::playlist::PlaylistOptions;
use serde_json::{Value, json};

use crate::implementations::{Result, client};
use crate::{EXPIRES_IN, cpu_time};

const KEY: &str = "creator-123/dash/media-456/film.mpd";
const ROUNDS: usize = 101;

/// A film of two hours, and the qualities that a platform has of it.
const SEGMENTS: usize = 1200;
const REPRESENTATIONS: usize = 6;

/// Nanoseconds of CPU for a manifest: of all representations, and of one that is chosen.
pub fn time() -> Result<Value> {
    let client = client()?;
    let film = film()?;
    let whole = PlaylistOptions::new().expires_in(EXPIRES_IN);
    let chosen = PlaylistOptions::new()
        .expires_in(EXPIRES_IN)
        .representations(|representation| representation.id == Some("0"));
    let mut results = Vec::new();
    for (case, options, media) in
        [("dash-7200", &whole, SEGMENTS * REPRESENTATIONS), ("dash-1200", &chosen, SEGMENTS)]
    {
        let mut samples = Vec::new();
        for _ in 0..ROUNDS {
            let before = cpu_time();
            let signed = black_box(client.sign_dash_manifest(&film, KEY, options)?);
            samples.push((cpu_time() - before).as_nanos());
            let urls = signed.as_str().matches("X-Amz-Signature=").count();
            // Each representation has an initialization too.
            if urls != media + media / SEGMENTS {
                return Err(format!("the manifest has {urls} URLs for {media} segments").into());
            }
        }
        results.push(json!({ "impl": "cloudflare-clients", "case": case, "samples": samples }));
    }
    Ok(results.into())
}

fn film() -> Result<String> {
    let mut film = "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" mediaPresentationDuration=\"PT7200S\">\n\
                    <Period><AdaptationSet mimeType=\"video/mp4\">\n\
                    <SegmentTemplate timescale=\"1000\" duration=\"6000\" initialization=\"$RepresentationID$/init.mp4\" \
                    media=\"$RepresentationID$/segment_$Number%05d$.m4s\"/>\n"
        .to_owned();
    for id in 0..REPRESENTATIONS {
        writeln!(film, "<Representation id=\"{id}\" bandwidth=\"{}\"/>", 500_000 * (id + 1))?;
    }
    film.push_str("</AdaptationSet></Period></MPD>\n");
    Ok(film)
}
