use std::time::{Duration, SystemTime};

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::ErrorKind;
use crate::playlist::testing::{NOW, abbreviated, client};
use crate::sigv4::MAX_EXPIRES_IN;

const KEY: &str = "creator-1/hls/v/video.m3u8";

fn options() -> PlaylistOptions<'static> {
    PlaylistOptions::new().child_url(|key| Ok(format!("/play/{key}?token=1")))
}

fn sign(text: &str) -> Result<SignedPlaylist> {
    client().sign_hls_playlist(text, KEY, &options())
}

fn signed(text: &str) -> String {
    abbreviated(sign(text).unwrap().as_str())
}

fn refused(text: &str) -> String {
    sign(text).unwrap_err().message().to_owned()
}

#[test]
fn media_playlists_keep_every_other_byte() {
    let text = "\u{feff}#EXTM3U\r\n#EXT-X-VERSION:7 \n\n# a comment, segment.ts\n#EXT-X-MAP:URI=\"init.mp4\"\n\
        #EXT-X-KEY:METHOD=AES-128,URI=\"../keys/1.key\",IV=0x00000000000000000000000000000001\n\
        #EXT-X-KEY:METHOD=NONE\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://license\"\n\
        #EXTINF:6.0,a title, \"quoted\nsegment_00001.ts?old=1#x\n#EXTINF:6,\r\n  sub/a b%2B.ts\t\r\n#EXT-X-UNKNOWN:URI=\"a\"\n\
        #EXT-X-PART:DURATION=0.3,URI=\"p1.mp4\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p2.mp4\"\n\
        #EXT-X-RENDITION-REPORT:URI=\"../w/video.m3u8\",LAST-MSN=2\n\
        https://other.example/a.ts?q\ndata:video/mp2t;base64,AAAA\nlast.ts";
    let expected = "\u{feff}#EXTM3U\r\n#EXT-X-VERSION:7 \n\n# a comment, segment.ts\n#EXT-X-MAP:URI=\"<creator-1/hls/v/init.mp4>\"\n\
        #EXT-X-KEY:METHOD=AES-128,URI=\"<creator-1/hls/keys/1.key>\",IV=0x00000000000000000000000000000001\n\
        #EXT-X-KEY:METHOD=NONE\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://license\"\n\
        #EXTINF:6.0,a title, \"quoted\n<creator-1/hls/v/segment_00001.ts>\n#EXTINF:6,\r\n  <creator-1/hls/v/sub/a b+.ts>\t\r\n#EXT-X-UNKNOWN:URI=\"a\"\n\
        #EXT-X-PART:DURATION=0.3,URI=\"<creator-1/hls/v/p1.mp4>\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"<creator-1/hls/v/p2.mp4>\"\n\
        #EXT-X-RENDITION-REPORT:URI=\"/play/creator-1/hls/w/video.m3u8?token=1\",LAST-MSN=2\n\
        https://other.example/a.ts?q\ndata:video/mp2t;base64,AAAA\n<creator-1/hls/v/last.ts>";
    assert_eq!(signed(text), expected);
    let playlist = sign(text).unwrap();
    assert_eq!(playlist.url_count(), 8);
    assert_eq!(playlist.expires_at(), *NOW + Duration::from_secs(3600));
    assert!(!format!("{playlist:?}").contains("Signature"));
    let text = playlist.into_string();
    assert_eq!(text.len(), text.capacity(), "the text is as long as was reckoned");
}

#[test]
fn multivariant_playlists_name_the_route_of_their_children() {
    assert_snapshot!(signed(
        "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"k.key\"\n\
         #EXT-X-SESSION-DATA:DATA-ID=\"a\",URI=\"data.json\"\n\
         #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"English\",URI=\"audio/en.m3u8\"\n\
         #EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"c\",NAME=\"CC\",INSTREAM-ID=\"CC1\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\n\n# comment\n720p.m3u8\n\
         #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"iframes.m3u8\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=2\nhttps://other.example/1080p.m3u8\n"
    ), @r#"
    #EXTM3U
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXT-X-SESSION-KEY:METHOD=AES-128,URI="<creator-1/hls/v/k.key>"
    #EXT-X-SESSION-DATA:DATA-ID="a",URI="<creator-1/hls/v/data.json>"
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",URI="/play/creator-1/hls/v/audio/en.m3u8?token=1"
    #EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c",NAME="CC",INSTREAM-ID="CC1"
    #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"

    # comment
    /play/creator-1/hls/v/720p.m3u8?token=1
    #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="/play/creator-1/hls/v/iframes.m3u8?token=1"
    #EXT-X-STREAM-INF:BANDWIDTH=2
    https://other.example/1080p.m3u8
    "#);
}

#[test]
fn an_object_of_many_segments_is_signed_once() {
    let mut text = "#EXTM3U\n#EXT-X-MAP:URI=\"all.mp4\",BYTERANGE=\"800@0\"\n".to_owned();
    let mut expected =
        "#EXTM3U\n#EXT-X-MAP:URI=\"<creator-1/hls/v/all.mp4>\",BYTERANGE=\"800@0\"\n".to_owned();
    for number in 0..10 {
        let object = if number % 4 == 3 { "b" } else { "all" };
        text.extend(["#EXTINF:6,\n#EXT-X-BYTERANGE:1000\n", object, ".mp4\n"]);
        expected.extend(["#EXTINF:6,\n#EXT-X-BYTERANGE:1000\n<creator-1/hls/v/", object, ".mp4>\n"]);
    }
    assert_eq!(signed(&text), expected);
    let options = options();
    let hashed = client()
        .with_url_signer(Duration::from_secs(3600), *NOW, |signer| {
            Ok(Parser::new(KEY, &options, signer)?.parse(&text, Vec::new())?.path_count())
        })
        .unwrap();
    assert_eq!(hashed, 2);
}

#[test]
fn variables_are_substituted_in_references_only() {
    assert_eq!(
        signed(
            "#EXTM3U\n#EXT-X-DEFINE:NAME=\"dir\",VALUE=\"x/y\"\n# {$dir}\n{$dir}/a.ts\n#EXT-X-MAP:URI=\"{$dir}.mp4\"\n"
        ),
        "#EXTM3U\n#EXT-X-DEFINE:NAME=\"dir\",VALUE=\"x/y\"\n# {$dir}\n<creator-1/hls/v/x/y/a.ts>\n\
         #EXT-X-MAP:URI=\"<creator-1/hls/v/x/y.mp4>\"\n"
    );
}

/// The documentation of `playlist` describes what happens to the URIs of every tag.
#[test]
fn the_table_of_tags_is_true() {
    let quoted = |cell: &str| Some(cell.strip_prefix('`')?.strip_suffix('`')?.to_owned());
    let mut documented = Vec::new();
    for row in include_str!("../mod.rs").lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let cells: Vec<_> = row.trim_end_matches(" |").split(" | ").collect();
        let [tag, uri, becomes] = cells[..] else { panic!("{row}") };
        if tag == "Tag" {
            continue;
        }
        let name = quoted(tag).unwrap_or_else(|| "EXT-X-ANY-OTHER".to_owned());
        let (line, attribute) = match (uri, quoted(uri)) {
            (_, Some(attribute)) => (format!("#{name}:A=1,{attribute}=\"ref.x\""), Some(attribute)),
            ("the next line", _) => (format!("#{name}:1\nref.x"), None),
            ("its value", _) => (format!("#{name}:ref.x"), Some(String::new())),
            ("any", _) => (format!("#{name}:URI=\"ref.x\""), None),
            _ => panic!("{row}"),
        };
        let reference = match becomes {
            "presigned" => "<creator-1/hls/v/ref.x>",
            "child route" => "/play/creator-1/hls/v/ref.x?token=1",
            "stays" => "ref.x",
            _ => panic!("{row}"),
        };
        assert_eq!(
            signed(&format!("#EXTM3U\n{line}")),
            format!("#EXTM3U\n{}", line.replace("ref.x", reference))
        );
        documented.extend(attribute.map(|attribute| (name, attribute)));
    }
    let known = |tag: &'static tags::Tag| tag.uris.iter().map(|uri| (tag.name.to_owned(), uri.0.to_owned()));
    let mut known: Vec<_> = tags::TAGS.iter().flat_map(known).collect();
    known.sort();
    documented.sort();
    assert_eq!(documented, known);
}

#[test]
fn what_players_take_is_taken() {
    for (text, expected) in [
        ("#EXTM3U x-tvg-url=\"a\"\nb.ts", "#EXTM3U x-tvg-url=\"a\"\n<creator-1/hls/v/b.ts>"),
        ("#EXTM3U\n#EXT-X-MAP:URI=\"a\",,", "#EXTM3U\n#EXT-X-MAP:URI=\"<creator-1/hls/v/a>\",,"),
        (
            "#EXTM3U\n#EXT-X-KEY:METHOD=NONE,URI=\"\"\n#EXT-X-KEY",
            "#EXTM3U\n#EXT-X-KEY:METHOD=NONE,URI=\"\"\n#EXT-X-KEY",
        ),
        ("#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"\",", "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"\","),
        // A list without a reference may be malformed.
        ("#EXTM3U\n#EXT-X-DATERANGE:ID=\"a", "#EXTM3U\n#EXT-X-DATERANGE:ID=\"a"),
        (
            "#EXTM3U\n#EXT-X-MAP:URI=a.mp4,A=1\nb",
            "#EXTM3U\n#EXT-X-MAP:URI=\"<creator-1/hls/v/a.mp4>\",A=1\n<creator-1/hls/v/b>",
        ),
        ("#EXTM3U\n#EXT-X-KEY:METHOD=A,URI=skd://a,A=1", "#EXTM3U\n#EXT-X-KEY:METHOD=A,URI=skd://a,A=1"),
        // Lines that are not variants stay, wherever they are.
        (
            "#EXTM3U\nstray.ts\n#EXT-X-STREAM-INF:A=1\na.m3u8\n../../../stray",
            "#EXTM3U\nstray.ts\n#EXT-X-STREAM-INF:A=1\n/play/creator-1/hls/v/a.m3u8?token=1\n../../../stray",
        ),
        (
            "#EXTM3U\n#EXT-X-STREAM-INF:A=1\n#EXT-X-STREAM-INF:A=2\na.m3u8\n#EXT-X-STREAM-INF:A=3\n",
            "#EXTM3U\n#EXT-X-STREAM-INF:A=1\n#EXT-X-STREAM-INF:A=2\n/play/creator-1/hls/v/a.m3u8?token=1\n#EXT-X-STREAM-INF:A=3\n",
        ),
        (
            "#EXTM3U\n#EXT-X-DATERANGE:X-ASSET-URI=\"a.m3u8\",X-ASSET-LIST=\"data:application/json,{}\"",
            "#EXTM3U\n#EXT-X-DATERANGE:X-ASSET-URI=\"/play/creator-1/hls/v/a.m3u8?token=1\",X-ASSET-LIST=\"data:application/json,{}\"",
        ),
    ] {
        assert_eq!(signed(text), expected);
    }
}

#[test]
fn variables_from_outside_are_written_into_the_playlist() {
    let text = "#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM=\"dir\", \n#EXT-X-DEFINE:IMPORT=\"other\"\n{$dir}/a.ts\n";
    let sign = |value: &str| client().sign_hls_playlist(text, KEY, &options().variable("dir", value));
    assert_eq!(
        abbreviated(sign("x/y").unwrap().as_str()),
        "#EXTM3U\n#EXT-X-DEFINE:NAME=\"dir\",VALUE=\"x/y\" \n#EXT-X-DEFINE:IMPORT=\"other\"\n<creator-1/hls/v/x/y/a.ts>\n"
    );
    assert_eq!(sign("x").unwrap().url_count(), 1);
    assert!(
        sign("../../../creator-2")
            .unwrap_err()
            .message()
            .starts_with("line 4: \"creator-2/a.ts\" lies outside")
    );
    for value in ["a\"b", "a\nb", "a\rb"] {
        assert!(
            sign(value)
                .unwrap_err()
                .message()
                .starts_with("line 2: the value that `PlaylistOptions::variable`")
        );
    }
}

#[test]
fn delta_updates_are_not_offered() {
    let tail = "#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXTINF:4,\n";
    for (control, expected) in [
        (
            "CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24.0,PART-HOLD-BACK=1.0",
            "CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0",
        ),
        ("CAN-SKIP-UNTIL=24,CAN-SKIP-DATERANGES=YES,HOLD-BACK=9", "HOLD-BACK=9"),
        ("CAN-BLOCK-RELOAD=YES, CAN-SKIP-UNTIL=24,X=\"a,b\",", "CAN-BLOCK-RELOAD=YES,X=\"a,b\""),
        ("HOLD-BACK=9, ", "HOLD-BACK=9, "),
    ] {
        let text = format!("#EXTM3U\n#EXT-X-SERVER-CONTROL:{control}\r\n{tail}a.ts");
        let expected = format!("#EXTM3U\n#EXT-X-SERVER-CONTROL:{expected}\r\n{tail}<creator-1/hls/v/a.ts>");
        assert_eq!(signed(&text), expected);
    }
    let text = format!("#EXTM3U\n#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=24\n{tail}a.ts");
    assert_eq!(signed(&text), format!("#EXTM3U\n{tail}<creator-1/hls/v/a.ts>"));
}

#[test]
fn a_window_of_a_live_playlist_is_signed() {
    let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n".to_owned();
    for number in 0..100 {
        text.extend([format!("#EXTINF:6,\n{number}.ts\n")]);
    }
    let options = || options().dvr_window(Duration::from_secs(20)).max_urls(5);
    let playlist = client().sign_hls_playlist(&text, KEY, &options()).unwrap();
    assert_snapshot!(abbreviated(playlist.as_str()), @r#"
    #EXTM3U
    #EXT-X-MEDIA-SEQUENCE:96
    #EXT-X-TARGETDURATION:6
    #EXT-X-KEY:METHOD=AES-128,URI="<creator-1/hls/v/k>"
    #EXTINF:6,
    <creator-1/hls/v/96.ts>
    #EXTINF:6,
    <creator-1/hls/v/97.ts>
    #EXTINF:6,
    <creator-1/hls/v/98.ts>
    #EXTINF:6,
    <creator-1/hls/v/99.ts>
    "#);
    assert_eq!(playlist.url_count(), 5);
    let text = playlist.into_string();
    assert_eq!(text.len(), text.capacity(), "the text is as long as was reckoned");

    let late = "#EXTM3U\n".to_owned() + &"#EXTINF:6,\na.ts\n".repeat(9) + "#EXTINF:6,\n/creator-2/a.ts\n";
    let error = client().sign_hls_playlist(&late, KEY, &options()).unwrap_err();
    assert!(error.message().starts_with("line 21: \"creator-2/a.ts\" lies outside"), "{error}");
}

/// Attacks by someone who can upload a playlist.
#[test]
fn hostile_playlists() {
    let long = format!("#EXTM3U\n{}\n", "a".repeat(16 * 1024));
    let corpus = [
        "",
        "\n#EXTM3U\n",
        "#EXTM3U8\na.ts",
        "<html>",
        "\u{feff}\u{feff}#EXTM3U",
        "#EXTM3U\n../../../creator-2/a.ts",
        "#EXTM3U\n\n/creator-2/a.ts",
        "#EXTM3U\n%2e%2e/%2E%2E/.%2e/creator-2/a.ts",
        "#EXTM3U\nhttp://127.0.0.1:9710/media/creator-2/a.ts",
        "#EXTM3U\nx%2F..%2F..%2F..%2F..%2Fcreator-2/a.ts",
        "#EXTM3U\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"../../../creator-2\"\n{$a}/a.ts",
        "#EXTM3U\n#EXT-X-MAP:URI=\"/creator-2/a.mp4\"",
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/creator-2/a.m3u8",
        "#EXTM3U\na%FF.ts",
        "#EXTM3U\na\u{0}.ts",
        "#EXTM3U\na\rb.ts",
        "#EXTM3U\n?a=b",
        "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"a",
        "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=a b",
        "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=a{$b}",
        "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=/creator-2/a",
        "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"a\",URI=\"b\"",
        "#EXTM3U\ra.ts",
        "#EXTM3U\n#EXT-X-KEY:METHOD,URI=\"a\"",
        "#EXTM3U\n#EXT-X-PREFETCH:/creator-2/a.ts",
        "#EXTM3U\n#EXT-X-SESSION-DATA:URI=\"/creator-2/a.json\"",
        "#EXTM3U\n#EXT-X-DATERANGE:X-ASSET-LIST=\"/creator-2/a.json\"",
        "#EXTM3U\n#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=\"",
        "#EXTM3U\n#EXT-X-DEFINE:IMPORT=\"dir\"\n{$dir}/a.ts",
        "#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM=\"dir\"\n#EXT-X-MAP:URI=\"{$dir}/a.ts\"",
        "#EXTM3U\n{$undefined}/a.ts",
        "#EXTM3U\n#EXTINF:6,\na.ts\n#EXT-X-STREAM-INF:BANDWIDTH=1\nb.m3u8",
        &long,
    ];
    let errors: Vec<_> = corpus
        .iter()
        .map(|text| {
            let shown: String = text.chars().take(60).collect();
            format!("{shown:?}\n    {}", refused(text))
        })
        .collect();
    assert_snapshot!(errors.join("\n"));
}

#[test]
fn limits_and_options_are_checked() {
    let sign = |text: &str, options: PlaylistOptions<'_>| {
        client().sign_hls_playlist(text, KEY, &options).map_err(|error| error.to_string())
    };
    let text = "#EXTM3U\na.ts\nb.ts\n#EXT-X-MAP:URI=\"c\"\n";
    assert_eq!(sign(text, PlaylistOptions::new().max_urls(3)).unwrap().url_count(), 3);
    assert!(
        sign(text, PlaylistOptions::new().max_urls(2))
            .unwrap_err()
            .contains("line 4: the playlist has more than 2")
    );
    let elsewhere =
        format!("#EXTM3U\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"https://a.example/\"\n{}", "{$a}\n".repeat(4));
    assert!(sign(&elsewhere, PlaylistOptions::new().max_urls(4)).is_ok());
    assert!(
        sign(&elsewhere, PlaylistOptions::new().max_urls(3))
            .unwrap_err()
            .contains("line 6: the playlist has more than 3")
    );
    assert!(
        sign(text, PlaylistOptions::new().max_line(5)).unwrap_err().contains("line 1: the line has 8 bytes")
    );
    assert!(sign(text, PlaylistOptions::new().prefix("creator-1")).unwrap_err().contains("end with \"/\""));
    assert!(sign(text, PlaylistOptions::new().prefix("creator-1/hls/v/")).is_ok());
    assert!(sign(text, PlaylistOptions::new().prefix("")).is_ok());
    assert!(sign(text, PlaylistOptions::new().prefix("creator-2/")).unwrap_err().contains("lies outside"));
    assert!(sign(text, PlaylistOptions::new().prefix("cre\u{301}/")).unwrap_err().contains("form NFC"));
    let at = |key: &str, options| {
        client().sign_hls_playlist(text, key, &options).map_err(|error| error.to_string())
    };
    assert!(at("v.m3u8", PlaylistOptions::new()).unwrap_err().contains("set the prefix of the keys"));
    assert!(at("v.m3u8", PlaylistOptions::new().prefix("")).is_ok());
    assert!(at("cre\u{301}/v.m3u8", PlaylistOptions::new()).unwrap_err().contains("form NFC"));
    let long_lived = PlaylistOptions::new().expires_in(Duration::from_secs(200 * 3600));
    assert!(sign(text, long_lived).unwrap_err().contains("1 to 604800 whole seconds"));
    let master = "#EXTM3U\n#EXT-X-STREAM-INF:A=1\na.m3u8";
    assert!(sign(master, PlaylistOptions::new()).unwrap_err().contains("PlaylistOptions::child_url"));
    for url in ["", "#a", "a\"b", "a\nb"] {
        let error = sign(master, PlaylistOptions::new().child_url(move |_| Ok(url.to_owned()))).unwrap_err();
        let why = "line 3: the URL that `PlaylistOptions::child_url` gives for \"creator-1/hls/v/a.m3u8\" cannot be written";
        assert!(error.contains(why), "{url:?}: {error}");
    }
    let of_key = |text: &str, key: &str| {
        client().sign_hls_playlist(text, key, &PlaylistOptions::new()).map_err(|error| {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            error.message().to_owned()
        })
    };
    assert!(of_key(text, "").unwrap_err().starts_with("the key has 0 bytes"));
    let deep = format!("{}/v.m3u8", "a".repeat(1017));
    assert!(of_key(text, &deep).is_ok());
    let error = of_key("#EXTM3U\nabcdefgh", &deep).unwrap_err();
    assert!(error.starts_with("line 2: the key has 1026 bytes"), "{error}");
}

#[test]
fn urls_are_the_same_within_a_signing_window() {
    let options = || PlaylistOptions::new().signing_window(Duration::from_secs(15 * 60));
    let sign = |after: u64| {
        client()
            .at(*NOW + Duration::from_secs(after))
            .sign_hls_playlist("#EXTM3U\na.ts", KEY, &options())
            .unwrap()
    };
    assert_eq!(sign(0), sign(899));
    assert_ne!(sign(0), sign(900));
    assert_eq!(sign(899).expires_at(), *NOW + Duration::from_secs(3600));
    for (window, why) in [
        (Duration::from_secs(3600), "the signing window of 3600s must be shorter than the expiry of 3600s"),
        (Duration::from_millis(1500), "the signing window must be whole seconds, but it is 1.5s"),
    ] {
        let options = options().signing_window(window);
        let error = client().sign_hls_playlist("#EXTM3U\na.ts", KEY, &options).unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidInput, why));
    }
}

#[test]
fn urls_that_end_together_are_the_same_within_a_signing_window() {
    let sign = |after: u64, end: SystemTime| {
        let options = PlaylistOptions::new().expires_at(end).signing_window(Duration::from_secs(15 * 60));
        let now = *NOW + Duration::from_millis(after * 1000 + 300);
        client().at(now).sign_hls_playlist("#EXTM3U\na.ts", KEY, &options)
    };
    let end = *NOW + Duration::from_millis(1_200_700);
    assert_eq!(sign(0, end).unwrap(), sign(899, end).unwrap());
    assert_ne!(sign(0, end).unwrap(), sign(0, end + Duration::from_secs(1)).unwrap());
    for after in [0, 899, 900, 1199] {
        assert_eq!(sign(after, end).unwrap().expires_at(), *NOW + Duration::from_secs(1200));
    }
    assert!(sign(1200, end).unwrap_err().to_string().contains("has passed"));

    // A URL is valid for a week at most, from the start of the window.
    let week = *NOW + MAX_EXPIRES_IN;
    assert_eq!(sign(0, week).unwrap().expires_at(), week);
    assert_eq!(sign(60, week + Duration::from_secs(60)).unwrap().expires_at(), week);
    assert!(sign(60, week + Duration::from_secs(61)).unwrap_err().to_string().contains("604800"));
}

proptest! {
    /// Whatever the text is, everything signed is below the prefix, and the rest is unchanged.
    #[test]
    fn nothing_but_references_changes(lines in prop::collection::vec("[ -~]{0,12}|[./%2eE]{0,8}/?creator-[12]/a|#EXT-X-MAP:URI=\"[!#-~]{0,9}\"|#EXT-X-PREFETCH:[!-~]{0,9}|#EXT-X-DATERANGE:X-ASSET-URI=\"[!#-~]{0,9}\"", 0..8)) {
        let text = format!("#EXTM3U\n{}", lines.join("\n"));
        if let Ok(playlist) = sign(&text) {
            let before: Vec<_> = text.split('\n').collect();
            let after: Vec<_> = playlist.as_str().split('\n').collect();
            prop_assert_eq!(before.len(), after.len());
            for (before, after) in before.iter().zip(after) {
                if let Some(at) = after.find("http://127.0.0.1:9710/media/") {
                    prop_assert!(after[at..].starts_with("http://127.0.0.1:9710/media/creator-1/"));
                    prop_assert!(before.starts_with(&after[..at]));
                } else if let Some(at) = after.find("/play/creator-1/") {
                    prop_assert!(before.starts_with(&after[..at]));
                } else {
                    prop_assert_eq!(*before, after);
                }
            }
        }
    }
}

#[test]
fn a_window_changes_the_last_line_too() {
    let segments = "#EXTINF:2,\na.ts\n".repeat(5);
    for end in ["", "\n"] {
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n{segments}#EXT-X-MEDIA-SEQUENCE:10{end}");
        let options = options().dvr_window(Duration::ZERO);
        let signed = client().sign_hls_playlist(&text, KEY, &options).unwrap();
        assert!(signed.as_str().ends_with(&format!("#EXT-X-MEDIA-SEQUENCE:12{end}")), "{}", signed.as_str());
    }
}
