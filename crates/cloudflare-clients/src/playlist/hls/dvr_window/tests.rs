use std::collections::BTreeMap;
use std::fmt::Write as _;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::ErrorKind;

const HEAD: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n";

fn shortened(text: &str, seconds: u64) -> String {
    let mut out = String::new();
    let mut copied = 0;
    for edit in edits(text, Duration::from_secs(seconds)).unwrap() {
        assert!(copied <= edit.at.start, "the edits are in order");
        out.push_str(&text[copied..edit.at.start]);
        out.push_str(&edit.text);
        copied = edit.at.end;
    }
    out + &text[copied..]
}

fn refused(text: &str) -> String {
    let error = edits(text, Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    error.message().to_owned()
}

#[test]
fn what_is_in_force_is_kept_where_it_stands() {
    let text = "#EXTM3U\n#EXT-X-VERSION:7\n## made by a packager\n#EXT-X-TARGETDURATION:4\n#EXT-X-PLAYLIST-TYPE:EVENT\n\
        #EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-START:TIME-OFFSET=-12\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"\n\
        #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"1.key\"\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://1\",KEYFORMAT=\"apple\"\n\
        #EXT-X-MAP:URI=\"1.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000+01:00\n#EXT-X-BITRATE:900\n\
        #EXTINF:4,\n0.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"2.key\"\n\
        #EXT-X-DATERANGE:ID=\"ad\",START-DATE=\"2026-01-01T00:00:04+01:00\"\n#EXT-X-CUE-OUT:8\n#EXTINF:3.5,\n1.m4s\n\
        #EXT-X-GAP\n#EXTINF:4,\n2.m4s\n\
        #EXT-X-PART:DURATION=4,URI=\"3.0\"\n#EXTINF:4,\n3.m4s\n#EXT-X-DISCONTINUITY\n#EXTINF:4,\n4.m4s\n\
        #EXTINF:4,\n5.m4s\n#EXT-X-PART:DURATION=1,URI=\"6.0\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"6.1\"\n";
    assert_snapshot!(shortened(text, 10), @r#"
    #EXTM3U
    #EXT-X-DISCONTINUITY-SEQUENCE:1
    #EXT-X-VERSION:7
    #EXT-X-TARGETDURATION:4
    #EXT-X-MEDIA-SEQUENCE:3
    #EXT-X-START:TIME-OFFSET=-12
    #EXT-X-DEFINE:NAME="a",VALUE="b"
    #EXT-X-KEY:METHOD=SAMPLE-AES,URI="1.key"
    #EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://1",KEYFORMAT="apple"
    #EXT-X-MAP:URI="1.mp4"
    #EXT-X-BITRATE:900
    #EXT-X-KEY:METHOD=SAMPLE-AES,URI="2.key"
    #EXT-X-DATERANGE:ID="ad",START-DATE="2026-01-01T00:00:04+01:00"
    #EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:11.500+01:00
    #EXT-X-PART:DURATION=4,URI="3.0"
    #EXTINF:4,
    3.m4s
    #EXT-X-DISCONTINUITY
    #EXTINF:4,
    4.m4s
    #EXTINF:4,
    5.m4s
    #EXT-X-PART:DURATION=1,URI="6.0"
    #EXT-X-PRELOAD-HINT:TYPE=PART,URI="6.1"
    "#);
}

#[test]
fn three_segments_and_three_target_durations_remain() {
    let playlist = |target: u64, durations: &[&str]| {
        let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:{target}\n");
        for duration in durations {
            writeln!(text, "#EXTINF:{duration},\na.ts").unwrap();
        }
        text
    };
    let kept = |text: &str, window| shortened(text, window).matches("a.ts").count();
    assert_eq!(kept(&playlist(2, &["2"; 20]), 0), 3);
    assert_eq!(kept(&playlist(2, &["2"; 20]), 10), 5);
    assert_eq!(kept(&playlist(2, &["2"; 20]), 11), 6);
    assert_eq!(kept(&playlist(2, &["2"; 20]), 1000), 20);
    assert_eq!(kept(&playlist(6, &["2"; 20]), 0), 9);
    assert_eq!(kept(&playlist(2, &["1000"; 20]), 10), 3);
    assert_eq!(kept(&playlist(2, &["0", "x", "-1", "1e300"]), 10), 4);
}

#[test]
fn what_has_ended_or_is_a_delta_update_is_left_as_it_is() {
    let segments = "#EXTINF:2,\na.ts\n".repeat(9);
    for text in [
        format!("{HEAD}{segments}#EXT-X-ENDLIST\n"),
        format!("{HEAD}#EXT-X-PLAYLIST-TYPE:VOD\n{segments}"),
        format!("{HEAD}#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n{segments}"),
        format!("{HEAD}#EXT-X-PLAYLIST-TYPE:EVENT\n{segments}#EXT-X-ENDLIST"),
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n".repeat(9),
        format!("{HEAD}{}", &segments[..30]),
        String::new(),
    ] {
        assert_eq!(shortened(&text, 0), text);
    }
    // Segments may be removed as soon as there are more of them.
    let event = format!("{HEAD}#EXT-X-PLAYLIST-TYPE:EVENT\r\n#EXTINF:2,\na.ts\n");
    assert_eq!(shortened(&event, 0), format!("{HEAD}#EXTINF:2,\na.ts\n"));
    let twice = event.replace("#EXTINF", "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXTINF");
    assert_eq!(shortened(&twice, 0), shortened(&event, 0));
}

#[test]
fn what_cannot_be_shortened_is_refused() {
    let segments = "#EXTINF:2,\na.ts\n".repeat(4);
    for sequence in ["#EXT-X-MEDIA-SEQUENCE:x\n", "#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-MEDIA-SEQUENCE:1\n"] {
        let line = 2 + sequence.lines().count();
        let why =
            "EXT-X-MEDIA-SEQUENCE is not a number, or appears twice: it cannot be raised for the DVR window";
        assert_eq!(refused(&format!("{HEAD}{sequence}{segments}")), format!("line {line}: {why}"));
    }
    // The playlist of a film is not shortened, whatever its sequence numbers are.
    let film = format!("{HEAD}#EXT-X-MEDIA-SEQUENCE:x\n{segments}#EXT-X-ENDLIST\n");
    assert_eq!(shortened(&film, 0), film);
    let mut keys = HEAD.to_owned();
    for number in 0..65 {
        writeln!(keys, "#EXT-X-KEY:METHOD=AES-128,URI=\"a\",KEYFORMAT=\"{number}\"").unwrap();
    }
    assert_eq!(refused(&(keys + &segments)), "line 67: more than 64 keys apply to one segment");
}

/// A segment as a player sees it.
#[derive(Debug, Clone, Default, PartialEq)]
struct Seen {
    uri: String,
    number: u64,
    discontinuity: u64,
    millis: u64,
    keys: BTreeMap<String, String>,
    map: Option<(String, BTreeMap<String, String>)>,
    bit_rate: Option<String>,
    gap: bool,
    parts: usize,
    time: Option<u64>,
    range: Option<(u64, u64)>,
}

/// Parses a generated playlist.
fn seen(text: &str) -> Vec<Seen> {
    let (mut segments, mut now, mut end) = (Vec::new(), Seen::default(), 0);
    for line in text.trim_start_matches('\u{feff}').lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        match name {
            "#EXT-X-MEDIA-SEQUENCE" => now.number = value.parse().unwrap(),
            "#EXT-X-DISCONTINUITY-SEQUENCE" => now.discontinuity = value.parse().unwrap(),
            "#EXT-X-DISCONTINUITY" => now.discontinuity += 1,
            "#EXT-X-KEY" if value == "METHOD=NONE" => now.keys.clear(),
            "#EXT-X-KEY" => {
                let format = value.split_once("KEYFORMAT=").map_or("identity", |(_, format)| format);
                now.keys.insert(format.to_owned(), value.to_owned());
            }
            "#EXT-X-MAP" => now.map = Some((value.to_owned(), now.keys.clone())),
            "#EXT-X-BITRATE" => now.bit_rate = Some(value.to_owned()),
            "#EXT-X-GAP" => now.gap = true,
            "#EXT-X-PART" => now.parts += 1,
            "#EXT-X-PROGRAM-DATE-TIME" => {
                let time = humantime::parse_rfc3339(value).unwrap();
                now.time = Some(crate::time::to_millis(time));
            }
            "#EXT-X-BYTERANGE" => {
                let (length, offset) = value.split_once('@').unwrap_or((value, ""));
                let start = if offset.is_empty() { end } else { offset.parse().unwrap() };
                now.range = Some((start, start + length.parse::<u64>().unwrap()));
            }
            "#EXTINF" => {
                let (seconds, millis) = value.trim_end_matches(',').split_once('.').unwrap();
                now.millis = seconds.parse::<u64>().unwrap() * 1000 + millis.parse::<u64>().unwrap();
            }
            _ if name.starts_with('#') || name.is_empty() => {}
            _ => {
                line.clone_into(&mut now.uri);
                end = now.range.map_or(0, |range| range.1);
                segments.push(now.clone());
                now.number += 1;
                now.time = now.time.map(|time| time + now.millis);
                (now.gap, now.range, now.parts) = (false, None, 0);
            }
        }
    }
    segments
}

/// The tags before a segment.
fn tags() -> impl Strategy<Value = String> {
    let tag = prop_oneof![
        Just("#EXT-X-DISCONTINUITY".to_owned()),
        Just("#EXT-X-GAP".to_owned()),
        Just("# a comment".to_owned()),
        Just("#EXT-X-CUE-OUT:30".to_owned()),
        Just("#EXT-X-KEY:METHOD=NONE".to_owned()),
        "#EXT-X-KEY:METHOD=AES-128,URI=\"[ab]\\.key\"",
        "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"[ab]\\.key\",KEYFORMAT=\"[xy]\"",
        "#EXT-X-MAP:URI=\"[ab]\\.mp4\"",
        "#EXT-X-BITRATE:[1-9]00",
        "#EXT-X-PROGRAM-DATE-TIME:2026-01-0[1-9]T00:00:0[0-9]\\.[0-9]{3}Z",
        "#EXT-X-BYTERANGE:[1-9]00(@[1-9]00)?",
        "#EXT-X-PART:DURATION=1,URI=\"[ab]\"",
        "#EXT-X-DATERANGE:ID=\"[a-z]\"",
        "#EXT-X-DEFINE:NAME=\"[a-z]\",VALUE=\"1\"",
    ];
    prop::collection::vec(tag, 0..4)
        .prop_map(|tags| tags.into_iter().fold(String::new(), |text, tag| text + &tag + "\n"))
}

proptest! {
    #[test]
    fn what_remains_means_the_same(
        segments in prop::collection::vec((tags(), 0_u32..9000), 0..20),
        sequence in prop::option::of(0_u64..1000),
        discontinuity in prop::option::of(0_u64..1000),
        window in 0_u64..60,
        tail in tags(),
        mark in prop::sample::select(&["", "\u{feff}"]),
    ) {
        let mut text = format!("{mark}{HEAD}");
        for (name, number) in [("MEDIA", sequence), ("DISCONTINUITY", discontinuity)] {
            if let Some(number) = number {
                writeln!(text, "#EXT-X-{name}-SEQUENCE:{number}").unwrap();
            }
        }
        for (number, (tags, millis)) in segments.iter().enumerate() {
            writeln!(text, "{tags}#EXTINF:{}.{:03},\n{number}.ts", millis / 1000, millis % 1000).unwrap();
        }
        text += &tail;
        let result = shortened(&text, window);
        let (before, after) = (seen(&text), seen(&result));
        prop_assert_eq!(&before[before.len() - after.len()..], &after[..], "{}", result);
        let filled = |segments: &[Seen]| segments.iter().map(|segment| segment.millis).sum::<u64>();
        let least = (window * 1000).max(6000);
        prop_assert!(after.len() == before.len() || (after.len() >= 3 && filled(&after) >= least));
        prop_assert!(after.len() <= 3 || filled(&after[1..]) < least);
        let lines = |text: &str, tag: &str| -> Vec<String> {
            text.lines().filter(|line| line.starts_with(tag)).map(str::to_owned).collect()
        };
        for tag in ["#EXT-X-DATERANGE", "#EXT-X-DEFINE"] {
            prop_assert_eq!(lines(&text, tag), lines(&result, tag));
        }
        prop_assert!(result.ends_with(&tail));
        let first = format!("{mark}#EXTM3U\n");
        prop_assert!(result.starts_with(&first));
        prop_assert_eq!(shortened(&result, window), result);
    }
}
