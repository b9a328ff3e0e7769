//! DASH manifests: what does not say where media is stays, and what is signed is a manifest that says the same.

#![no_main]

use cloudflare_clients::playlist::PlaylistOptions;
use fuzz::{CLIENT, check};
use libfuzzer_sys::fuzz_target;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

const KEY: &str = "creator-1/dash/v/manifest.mpd";

fuzz_target!(|text: &str| {
    let options = PlaylistOptions::new().max_urls(500);
    if let Ok(signed) = CLIENT.sign_dash_manifest(text, KEY, &options) {
        check(text, &signed);
        assert_eq!(rest(text), rest(signed.as_str()));
        let again = CLIENT.sign_dash_manifest(signed.as_str(), KEY, &options);
        assert_eq!(without_space(again.expect("it is a manifest").as_str()), without_space(signed.as_str()));
    }
    let some = PlaylistOptions::new()
        .max_urls(500)
        .representations(|it| it.bandwidth.is_none_or(|bits| bits % 2 == 0));
    if let Ok(signed) = CLIENT.sign_dash_manifest(text, KEY, &some) {
        check(text, &signed);
    }
});

/// All but what says where media is, and but space.
fn rest(text: &str) -> String {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().expand_empty_elements = true;
    let (mut rest, mut depth, mut dropped) = (String::new(), 0, None);
    loop {
        let event = reader.read_event().expect("it is XML");
        if let Event::Start(start) = &event {
            let name = start.local_name();
            let drops = name.as_ref().starts_with("Segment")
                || matches!(name.as_ref(), "BaseURL" | "Location" | "PatchLocation" | "ContentSteering");
            if drops && dropped.is_none() {
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

fn without_space(text: &str) -> String {
    text.replace(|c: char| c.is_ascii_whitespace(), "")
}
