//! Signed DASH manifests.

use std::borrow::Cow;
use std::time::Duration;

use cloudflare_clients::playlist::PlaylistOptions;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use crate::playlists::{CLIENT, NOW, ROUTE, check};

const KEY: &str = "creator-1/dash/v/manifest.mpd";

fn options() -> PlaylistOptions<'static> {
    PlaylistOptions::new().max_urls(500)
}

/// Everything that does not say where media is stays unchanged. The signed text is a manifest with the same
/// content. Live manifests are signed with a window, at any time.
pub fn dash_manifest(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(signed) = CLIENT.sign_dash_manifest(text, KEY, &options()) {
        check(text, &signed);
        if !is_live(text) {
            assert_eq!(rest(text), rest(signed.as_str()));
        }
        let again = CLIENT.sign_dash_manifest(signed.as_str(), KEY, &options()).unwrap();
        assert_eq!(without_space(again.as_str()), without_space(signed.as_str()));
    }
    let some = options()
        .representations(|it| it.bandwidth.is_none_or(|bits| bits % 2 == 0))
        .child_url(|key| Ok(format!("{ROUTE}{}", key.escape_unicode())))
        .dvr_window(Duration::from_secs(10));
    for later in [0, 3, 1_000_000] {
        let client = CLIENT.at(*NOW + Duration::from_secs(later));
        if let Ok(signed) = client.sign_dash_manifest(text, KEY, &some) {
            check(text, &signed);
        }
    }
}

fn is_live(text: &str) -> bool {
    attributes_of_root(text).any(|(name, value)| name == "type" && value == "dynamic")
}

fn attributes_of_root(text: &str) -> impl Iterator<Item = (String, String)> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let root = loop {
        match reader.read_event().unwrap() {
            Event::Start(root) | Event::Empty(root) => break root.into_owned(),
            _ => {}
        }
    };
    let attributes: Vec<_> =
        attributes(&root).map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
    attributes.into_iter()
}

fn attributes<'a>(start: &'a BytesStart<'_>) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> {
    let mut attributes = start.attributes();
    attributes.with_checks(false);
    attributes.flatten().map(|attribute| (attribute.key.0, attribute.value))
}

/// Returns the text without the parts that say where media is, and without space.
fn rest(text: &str) -> String {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().expand_empty_elements = true;
    let (mut rest, mut depth, mut dropped) = (String::new(), 0, None);
    loop {
        let event = reader.read_event().unwrap();
        if let Event::Start(start) = &event {
            if dropped.is_none() && is_dropped(start) {
                dropped = Some(depth);
            }
            depth += 1;
        }
        if dropped.is_none() {
            let what = match &event {
                Event::Start(start) => format!("<{}>", start.trim_ascii_end()),
                Event::End(end) => format!("</{}>", end.name().0),
                Event::Text(text) => without_space(text),
                event => format!("{event:?}"),
            };
            rest.push_str(&what);
        }
        match event {
            Event::Eof => return rest,
            Event::End(_) => {
                depth -= 1;
                dropped = dropped.filter(|dropped| *dropped != depth);
            }
            _ => {}
        }
    }
}

/// Whether the element says where media is, or may be removed.
fn is_dropped(start: &BytesStart<'_>) -> bool {
    let name = start.local_name();
    let is_nothing = |(name, value): (&str, Cow<'_, str>)| {
        (name.ends_with(":href") && value.contains("resolve-to-zero"))
            || value.contains("urn:mpeg:dash:urlparam:")
    };
    name.as_ref().starts_with("Segment")
        || matches!(name.as_ref(), "BaseURL" | "Location" | "PatchLocation" | "ContentSteering")
        || attributes(start).any(is_nothing)
}

fn without_space(text: &str) -> String {
    text.replace(|c: char| c.is_ascii_whitespace(), "")
}
