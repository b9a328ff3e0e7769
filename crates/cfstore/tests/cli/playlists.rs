//! `cfstore r2 sign-playlist`.

use std::fs;

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
    assert!(summary.starts_with("2 URLs in 1 playlist, good until 2"), "{summary}");

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
    error: sign_hls_playlist "c/film.m3u8": line 2: "c/a b/audio.m3u8" is a playlist, which has to be signed too: --output DIR writes them all
    "#);
    insta::assert_snapshot!(fails(&["d/hostile.m3u8"]), @r#"
    exit 2
    error: sign_hls_playlist "d/hostile.m3u8": line 2: "c/0.m4s" lies outside "d/": a playlist may only name objects below its prefix, which `PlaylistOptions::prefix` sets
    "#);
    insta::assert_snapshot!(fails(&["c/video.m3u8", "--prefix", "c/a b/"]), @r#"
    exit 2
    error: sign_hls_playlist "c/video.m3u8": line 2: "c/init.mp4" lies outside "c/a b/": a playlist may only name objects below its prefix, which `PlaylistOptions::prefix` sets
    "#);
    insta::assert_snapshot!(fails(&["c/0.m4s"]), @r#"
    exit 2
    error: sign_hls_playlist "c/0.m4s": line 1: this is no HLS playlist, which begins with a line #EXTM3U
    "#);
    insta::assert_snapshot!(fails(&["c/video.m3u8", "--window", "7h"]), @r#"
    exit 2
    error: sign_hls_playlist "c/video.m3u8": the signing window of 25200s has to be shorter than the expiry of 21600s
    "#);
    insta::assert_snapshot!(fails(&["c/none.m3u8"]), @r#"
    exit 3
    error: there is no object "c/none.m3u8"
     hint: `cfstore r2 ls` lists what there is
    "#);
    insta::assert_snapshot!(fails(&["c/film.m3u8", "--output", "."]), @r#"
    exit 2
    error: the folder "." is not empty
     hint: name another one, which is made where it is not there
    "#);
    assert_eq!(
        played(&server.ok(&folder, &["r2", "sign-playlist", "d/hostile.m3u8", "--prefix", ""])),
        ["c/0.m4s"]
    );
}
