//! `cfstore r2 sign-playlist`.

use std::fs;
use std::io::Write as _;

use cloudflare_clients::LocalBucket;
use cloudflare_clients::r2::R2Service;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::program::{Folder, Server, failure, http_get, stdout};

const MEDIA: &str =
    "#EXTM3U\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:2,\n0.m4s\n#EXTINF:2,\nhttps://ads.example/1.m4s";
const MASTER: &str = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",URI=\"a%20b/audio.m3u8\"\n\
                      #EXT-X-STREAM-INF:BANDWIDTH=1\nvideo.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\n/c/video.m3u8\n";

const MANIFEST: &str = r#"<MPD type="static" mediaPresentationDuration="PT4S"><Period><AdaptationSet><Representation id="1" bandwidth="1">
<SegmentTemplate initialization="init.mp4" media="$Number$.m4s" startNumber="0" duration="2"/>
</Representation></AdaptationSet></Period></MPD>"#;

/// A package below `c/`, each of its objects with its key as content.
fn put_package(server: &Server, folder: &Folder) {
    for (key, content) in [
        ("c/film.m3u8", MASTER),
        ("c/video.m3u8", MEDIA),
        ("c/a b/audio.m3u8", MEDIA),
        ("c/init.mp4", "c/init.mp4"),
        ("c/film.mpd", MANIFEST),
        ("c/0.m4s", "c/0.m4s"),
        ("c/1.m4s", "c/1.m4s"),
        ("c/a b/init.mp4", "c/a b/init.mp4"),
        ("c/a b/0.m4s", "c/a b/0.m4s"),
        ("d/hostile.m3u8", "#EXTM3U\n/c/0.m4s"),
    ] {
        folder.write("in", content);
        server.ok(folder, &["r2", "put", "in", key]);
    }
}

/// What its presigned URLs answer.
fn played(playlist: &str) -> Vec<String> {
    let urls = playlist.split(['"', '\n']).filter(|part| part.starts_with("http://"));
    urls.map(|url| {
        let (head, body) = http_get(&url.replace("&amp;", "&"));
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        String::from_utf8(body).unwrap()
    })
    .collect()
}

#[test]
fn a_signed_playlist_plays() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    put_package(&server, &folder);

    let sign = ["r2", "sign-playlist", "c/video.m3u8", "--expires", "1h"];
    let output = server.command(&folder, &sign).output().unwrap();
    let playlist = stdout(&output, &sign);
    assert_eq!(played(&playlist), ["c/init.mp4", "c/0.m4s"]);
    assert!(playlist.ends_with("\n#EXTINF:2,\nhttps://ads.example/1.m4s"), "{playlist}");
    let summary = String::from_utf8(output.stderr).unwrap();
    assert!(summary.starts_with("2 URLs in 1 playlist, valid until 2"), "{summary}");

    let json = server.ok(&folder, &[&["--json"], &sign[..], &["--window", "59m"]].concat());
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["urls"], 2);
    let playlist = json["playlist"].as_str().unwrap();
    // Windows begin at whole minutes.
    assert!(playlist.contains("00Z&X-Amz-Expires=3600"), "{playlist}");
    assert!(json["expiresAt"].as_str().unwrap().ends_with(":00.000Z"), "{json}");
    assert_eq!(played(playlist).len(), 2);
}

#[test]
fn a_playlist_of_playlists_is_written_with_all_of_them() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    put_package(&server, &folder);

    let sign = ["--json", "r2", "sign-playlist", "c/film.m3u8", "--output", "to/play"];
    let json: Value = serde_json::from_str(&server.ok(&folder, &sign)).unwrap();
    assert_eq!((&json["playlist"], &json["urls"]), (&"to/play/film.m3u8".into(), &7.into()));
    let read = |name: &str| String::from_utf8(folder.read(name)).unwrap();
    let master = read("to/play/film.m3u8");
    let names = MASTER.replace("a%20b/audio.m3u8", "film.1.m3u8");
    assert_eq!(master, names.replace("/c/video.m3u8", "film.2.m3u8").replace("video.m3u8", "film.2.m3u8"));
    assert_eq!(played(&read("to/play/film.1.m3u8")), ["c/a b/init.mp4", "c/a b/0.m4s"]);
    assert_eq!(played(&read("to/play/film.2.m3u8")), ["c/init.mp4", "c/0.m4s"]);
    assert_eq!(fs::read_dir(folder.path().join("to/play")).unwrap().count(), 3);
}

#[test]
fn a_signed_manifest_plays() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    put_package(&server, &folder);
    let expected = ["c/init.mp4", "c/0.m4s", "c/1.m4s"];
    assert_eq!(played(&server.ok(&folder, &["r2", "sign-playlist", "c/film.mpd"])), expected);
    let path = server.ok(&folder, &["r2", "sign-playlist", "c/film.mpd", "--output", "play"]);
    assert_eq!(path.trim_end(), "play/film.mpd");
    assert_eq!(played(&String::from_utf8(folder.read("play/film.mpd")).unwrap()), expected);
}

#[test]
fn playlists_that_are_not_signed() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    put_package(&server, &folder);
    let fails = |args: &[&str]| {
        failure(&server.command(&folder, &[&["r2", "sign-playlist"], args].concat()).output().unwrap())
    };
    insta::assert_snapshot!(fails(&["c/film.m3u8"]), @r#"
    exit 2
    error: sign_hls_playlist "c/film.m3u8": line 2: "c/a b/audio.m3u8" is a playlist, whose own references need signing too: set --output DIR
    "#);
    insta::assert_snapshot!(fails(&["d/hostile.m3u8"]), @r#"
    exit 2
    error: sign_hls_playlist "d/hostile.m3u8": line 2: "c/0.m4s" lies outside "d/": a playlist may only name objects below its prefix, which --prefix sets
    "#);
    insta::assert_snapshot!(fails(&["c/video.m3u8", "--prefix", "c/a b/"]), @r#"
    exit 2
    error: sign_hls_playlist "c/video.m3u8": line 2: "c/init.mp4" lies outside "c/a b/": a playlist may only name objects below its prefix, which --prefix sets
    "#);
    insta::assert_snapshot!(fails(&["c/0.m4s"]), @r#"
    exit 2
    error: sign_hls_playlist "c/0.m4s": line 1: this is not an HLS playlist: its first line is not #EXTM3U
    "#);
    insta::assert_snapshot!(fails(&["c/video.m3u8", "--window", "7h"]), @r#"
    exit 2
    error: sign_hls_playlist "c/video.m3u8": the signing window of 25200s must be shorter than the expiry of 21600s
    "#);
    insta::assert_snapshot!(fails(&["c/none.m3u8"]), @r#"
    exit 3
    error: object "c/none.m3u8" does not exist
     hint: `cfstore r2 ls` lists the keys
    "#);
    insta::assert_snapshot!(fails(&["c/film.m3u8", "--output", "."]), @r#"
    exit 2
    error: the folder of --output, ".", is not empty
     hint: name another folder, which is created if it does not exist
    "#);
    assert_eq!(
        played(&server.ok(&folder, &["r2", "sign-playlist", "d/hostile.m3u8", "--prefix", ""])),
        ["c/0.m4s"]
    );
}

const LADDER: &str = r#"<MPD type="static" mediaPresentationDuration="PT36000S"><Period>
<AdaptationSet mimeType="video/mp4"><SegmentTemplate initialization="$RepresentationID$.mp4" media="$RepresentationID$/$Number$.m4s" duration="4"/>
<Representation id="240p" bandwidth="400000" width="426" height="240"/><Representation id="360p" bandwidth="800000" width="640" height="360"/>
<Representation id="480p" bandwidth="1400000"/><Representation id="720p" bandwidth="2800000"/><Representation id="1080p" bandwidth="5000000"/>
</AdaptationSet><AdaptationSet mimeType="audio/mp4" lang="en"><SegmentTemplate initialization="a.mp4" media="a/$Number$.m4s" duration="4"/>
<Representation id="en" bandwidth="128000"/></AdaptationSet></Period></MPD>"#;

#[test]
fn ten_hours_in_six_representations_are_signed() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    folder.write("in", LADDER);
    server.ok(&folder, &["r2", "put", "in", "c/long.mpd"]);
    let sign = ["--json", "r2", "sign-playlist", "c/long.mpd", "--output", "long"];
    let json: Value = serde_json::from_str(&server.ok(&folder, &sign)).unwrap();
    assert_eq!(json["urls"], 6 * 9000 + 6);
    let some = [&sign[..5], &["some", "--representations", "360p,en"]].concat();
    let json: Value = serde_json::from_str(&server.ok(&folder, &some)).unwrap();
    assert_eq!(json["urls"], 2 * 9000 + 2);
    let manifest = String::from_utf8(folder.read("some/long.mpd")).unwrap();
    assert!(manifest.contains("id=\"360p\"") && !manifest.contains("id=\"240p\""));
}

#[test]
fn playlists_stored_as_gzip_are_read() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    put_package(&server, &folder);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(MEDIA.as_bytes()).unwrap();
    let gzip = encoder.finish().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let r2 = R2Service::new(LocalBucket::open(folder.path().join(".cfstore"), "media").await.unwrap());
        for (key, encoding, bytes) in [
            ("c/gzip.m3u8", "gzip", &gzip[..]),
            ("c/cut.m3u8", "gzip", &gzip[..30]),
            ("c/br.m3u8", "br", &gzip),
            ("c/bytes.m3u8", "identity", b"#EXTM3U\n\xff.ts"),
        ] {
            r2.put(key, bytes).content_encoding(encoding).await.unwrap();
        }
    });
    let sign = |key| server.ok(&folder, &["r2", "sign-playlist", key]);
    assert_eq!(played(&sign("c/gzip.m3u8")), ["c/init.mp4", "c/0.m4s"]);
    let fails = |key| failure(&server.command(&folder, &["r2", "sign-playlist", key]).output().unwrap());
    insta::assert_snapshot!(fails("c/cut.m3u8"), @r#"
    exit 1
    error: "c/cut.m3u8" is not a playlist: the body is not complete gzip: incomplete deflate stream
    "#);
    insta::assert_snapshot!(fails("c/br.m3u8"), @r#"
    exit 1
    error: "c/br.m3u8" is not a playlist: the object is stored with the Content-Encoding "br": only gzip can be decoded
    "#);
    insta::assert_snapshot!(fails("c/bytes.m3u8"), @r#"
    exit 1
    error: "c/bytes.m3u8" is not a playlist: the body is not UTF-8
    "#);
}

#[test]
fn what_a_playlist_names_in_json_is_written_too() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    put_package(&server, &folder);
    let ads =
        r#"{"ASSETS":[{"URI":"video.m3u8","DURATION":4},{"URI":"https://ads.example/a.m3u8","DURATION":4}]}"#;
    let live = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-01-01T00:00:00Z\",X-ASSET-LIST=\"ads.json\"\n"
        .to_owned()
        + &"#EXTINF:2,\n0.m4s\n".repeat(100);
    for (key, content) in [("c/ads.json", ads), ("c/live.m3u8", &live)] {
        folder.write("in", content);
        server.ok(&folder, &["r2", "put", "in", key]);
    }
    server.ok(&folder, &["r2", "sign-playlist", "c/live.m3u8", "--output", "play", "--dvr-window", "20s"]);
    let read = |name: &str| String::from_utf8(folder.read(name)).unwrap();
    let live = read("play/live.m3u8");
    assert!(live.contains("X-ASSET-LIST=\"live.1.json\""), "{live}");
    assert_eq!(played(&live).len(), 10);
    assert_eq!(read("play/live.1.json"), ads.replace("video.m3u8", "live.2.m3u8"));
    assert_eq!(played(&read("play/live.2.m3u8")), ["c/init.mp4", "c/0.m4s"]);
}

const LIVE: &str = r#"<MPD type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z" timeShiftBufferDepth="PT20S" minimumUpdatePeriod="PT2S">
<Location>live.mpd</Location><Period start="PT0S"><AdaptationSet mimeType="video/mp4"><SegmentTemplate media="$Number$.m4s" duration="4"/>
<Representation id="v" bandwidth="1"/></AdaptationSet></Period></MPD>"#;

/// Everything that an option of the library is named for is a flag here.
#[test]
fn refusals_name_flags() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    put_package(&server, &folder);
    let outside = "#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM=\"token\"\n#EXTINF:2,\n{$token}.m4s\n";
    for (key, content) in [
        ("c/long.mpd", LADDER.to_owned()),
        ("c/outside.m3u8", outside.to_owned()),
        ("root.m3u8", "#EXTM3U\nc/0.m4s\n".to_owned()),
        ("c/parent.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nnone.m3u8\n".to_owned()),
        ("c/live.mpd", LIVE.to_owned()),
        ("c/large.mpd", " ".repeat(17 * 1024 * 1024)),
        ("c/line.m3u8", format!("#EXTM3U\n#{}\n0.m4s\n", "x".repeat(100_000))),
    ] {
        folder.write("in", content);
        server.ok(&folder, &["r2", "put", "in", key]);
    }
    let run = |args: &[&str]| server.command(&folder, &[&["r2", "sign-playlist"], args].concat()).output();
    let refused = [
        &["d/hostile.m3u8"][..],
        &["c/video.m3u8", "--prefix", "c"],
        &["c/film.m3u8"],
        &["c/video.m3u8", "--max-urls", "1"],
        &["c/long.mpd", "--max-urls", "1000"],
        &["c/long.mpd", "--representations", "361p,en"],
        &["c/long.mpd", "--representations", "361p"],
        &["c/video.m3u8", "--representations", "360p"],
        &["c/long.mpd", "--variable", "token=0"],
        &["c/outside.m3u8"],
        &["c/outside.m3u8", "--variable", "token"],
        &["c/outside.m3u8", "--variable", "token=a\"b"],
        &["c/large.mpd"],
        &["root.m3u8"],
        &["c/parent.m3u8", "--output", "parent"],
        &["c/live.mpd", "--expires", "2s"],
    ];
    let said =
        refused.map(|args| format!("{}\n{}\n", args.join(" "), failure(&run(args).unwrap()))).join("\n");
    assert!(!said.contains("PlaylistOptions"), "{said}");
    insta::assert_snapshot!(said);
    let fits = |args| assert!(run(args).unwrap().status.success(), "{args:?}");
    fits(&["c/line.m3u8"]);
    fits(&["root.m3u8", "--prefix", "c/"]);
    let live = server.ok(&folder, &["r2", "sign-playlist", "c/live.mpd"]);
    assert!(!live.contains("Location"), "{live}");
    server.ok(&folder, &["r2", "sign-playlist", "c/live.mpd", "--output", "live"]);
    let live = String::from_utf8(folder.read("live/live.mpd")).unwrap();
    assert!(live.contains("<Location>live.mpd</Location>"), "{live}");
    fits(&["c/outside.m3u8", "--variable", "token=0"]);
    fits(&["c/video.m3u8", "--max-urls", "2", "--dvr-window", "10m"]);
}
