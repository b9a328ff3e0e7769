//! `cfstore r2`: objects in and out, listed and deleted.

use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::content;
use crate::program::{Folder, failure, stdout};

#[test]
fn files_of_any_size_come_back() {
    let folder = Folder::new();
    for size in [0, 1, 70 * 1024 * 1024] {
        let bytes = content(size, 0);
        folder.write("in", &bytes);
        let stored = folder.json(&["--json", "r2", "put", "in", "a/b.bin"]);
        assert_eq!(stored["size"], size);
        // Above 64 MiB it goes up in parts, which the etag counts.
        let parts = stored["etag"].as_str().unwrap().ends_with("-5");
        assert_eq!(parts, size > 64 * 1024 * 1024);
        folder.ok(&["r2", "get", "a/b.bin", "out"]);
        assert!(folder.read("out") == bytes, "{size} bytes");
    }
    folder.ok(&["r2", "get", "a/b.bin"]);
    assert_eq!(folder.read("b.bin"), folder.read("in"));
    let names = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 4, "only in, out, b.bin and .cfstore");
}

#[test]
fn metadata_content_types_and_conditions() {
    let folder = Folder::new();
    folder.write("list", "#EXTM3U");
    let put = ["r2", "put", "list", "hls/master.m3u8", "--if-absent", "--cache-control", "no-store"];
    folder.ok(&[&put[..], &["--metadata", "a=b=c", "--metadata", "d="]].concat());
    let head = folder.json(&["--json", "r2", "head", "hls/master.m3u8"]);
    assert_eq!(head["httpMetadata"]["contentType"], "application/vnd.apple.mpegurl");
    assert_eq!(head["httpMetadata"]["cacheControl"], "no-store");
    assert_eq!(head["customMetadata"], serde_json::json!({ "a": "b=c", "d": "" }));
    assert_eq!(head["size"], 7);
    assert_eq!(head["checksums"]["md5"], head["etag"]);
    assert!(head["checksums"]["crc64nvme"].is_string(), "{head}");

    insta::assert_snapshot!(folder.fails(&put), @r#"
    exit 1
    error: put "hls/master.m3u8": an object with this key exists, so nothing was sent
     hint: leave --if-absent out to replace the object
    "#);
    folder.ok(&["r2", "put", "list", "hls/master.m3u8", "--content-type", "text/plain"]);
    let human = folder.ok(&["r2", "head", "hls/master.m3u8"]);
    assert!(human.contains("content-type         text/plain"), "{human}");

    folder.ok(&["r2", "cp", "hls/master.m3u8", "copy"]);
    assert_eq!(folder.ok(&["r2", "get", "copy", "-", "--range", "1-3"]), "EXT");
    assert_eq!(folder.ok(&["r2", "get", "copy", "-", "--range", "-2"]), "3U");
}

#[test]
fn the_checksum_that_is_kept_is_chosen_and_shown() {
    let folder = Folder::new();
    folder.write("small", "bytes");
    folder.ok(&["r2", "put", "small", "small", "--checksum-algorithm", "SHA256"]);
    let sha256 = "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9";
    let head = folder.json(&["--json", "r2", "head", "small"]);
    assert_eq!(head["checksums"]["sha256"], sha256);
    let human = folder.ok(&["r2", "head", "small"]);
    assert!(human.contains(&format!("checksum             sha256:{sha256} (FULL_OBJECT)")), "{human}");

    // In parts, as stdin goes that is larger than one.
    folder.write("large", content(20 * 1024 * 1024, 0));
    let put = ["r2", "put", "-", "large", "--checksum-algorithm", "crc32c"];
    let put = folder.command(&put).stdin(File::open(folder.path().join("large")).unwrap()).output().unwrap();
    stdout(&put, &["put"]);
    let human = folder.ok(&["r2", "head", "large"]);
    assert!(human.contains("-2 (COMPOSITE)"), "{human}");

    // Of a folder, too.
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    folder.write("folder/a", "bytes");
    folder.ok(&["r2", "put", "-r", "folder", "below/", "--checksum-algorithm", "sha256"]);
    assert_eq!(folder.json(&["--json", "r2", "head", "below/a"])["checksums"]["sha256"], sha256);
}

#[test]
fn stdin_of_unknown_length() {
    let folder = Folder::new();
    for size in [0, 20 * 1024 * 1024] {
        folder.write("in", content(size, 0));
        let put = folder
            .command(&["r2", "put", "-", "from/stdin.json"])
            .stdin(File::open(folder.path().join("in")).unwrap())
            .output()
            .unwrap();
        stdout(&put, &["put"]);
        let head = folder.json(&["--json", "r2", "head", "from/stdin.json"]);
        assert_eq!(head["size"], size);
        assert_eq!(head["httpMetadata"]["contentType"], "application/json");
        let got = folder.run(&["r2", "get", "from/stdin.json", "-"]);
        assert!(got.stdout == content(size, 0));
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_upload_leaves_nothing() {
    let folder = Folder::new();
    let mut put = folder
        .command(&["r2", "put", "-", "a"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Stdin stays open: the upload cannot end by itself.
    let mut stdin = put.stdin.take().unwrap();
    stdin.write_all(&content(40 * 1024 * 1024, 0)).unwrap();
    let pid = put.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let failed = failure(&put.wait_with_output().unwrap());
    assert_eq!(failed, "exit 1\nerror: interrupted");
    assert!(folder.fails(&["r2", "head", "a"]).starts_with("exit 3"));
}

/// As Ctrl-C does it, which also ends the program that writes into the pipe.
#[cfg(unix)]
#[test]
fn an_input_that_was_interrupted_is_not_whole() {
    let folder = Folder::new();
    folder.write("in", "x");
    folder.ok(&["r2", "put", "in", "other"]);
    for _ in 0..5 {
        let mut put = folder
            .command(&["r2", "put", "-", "a"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = put.stdin.take().unwrap();
        // More than a pipe holds: the upload has begun.
        stdin.write_all(&content(1024 * 1024, 0)).unwrap();
        let pid = put.id().to_string();
        let signal =
            |name: &str| assert!(Command::new("kill").args([name, pid.as_str()]).status().unwrap().success());
        signal("-STOP");
        drop(stdin);
        signal("-INT");
        signal("-CONT");
        assert_eq!(failure(&put.wait_with_output().unwrap()), "exit 1\nerror: interrupted");
        assert!(folder.fails(&["r2", "head", "a"]).starts_with("exit 3"));
    }
}

#[test]
fn listings() {
    let folder = Folder::new();
    folder.write("in", "four");
    for key in ["a/b/c.txt", "a/b/d.txt", "a/e.txt", "a-b", "z\n"] {
        folder.ok(&["r2", "put", "in", key]);
    }
    let names = |args: &[&str]| -> Vec<String> {
        let output = folder.ok(args);
        output.lines().map(|line| line.get(35..).unwrap().to_owned()).collect()
    };
    assert_eq!(names(&["r2", "ls"]), ["a-b", "a/", "z\\n"]);
    assert_eq!(names(&["r2", "ls", "a/"]), ["a/b/", "a/e.txt"]);
    assert_eq!(names(&["r2", "ls", "-r", "a/"]), ["a/b/c.txt", "a/b/d.txt", "a/e.txt"]);
    assert_eq!(
        names(&["r2", "ls", "--tree", "a"]),
        ["a-b", "a/", "  b/", "    c.txt", "    d.txt", "  e.txt"]
    );
    assert!(names(&["r2", "ls", "none"]).is_empty());

    let output = folder.ok(&["--json", "r2", "ls", "a/"]);
    let rows: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0], serde_json::json!({ "prefix": "a/b/" }));
    assert_eq!((&rows[1]["key"], &rows[1]["size"]), (&"a/e.txt".into(), &4.into()));
    assert!(rows[1]["uploaded"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn deleting() {
    let folder = Folder::new();
    folder.write("in", "x");
    for key in ["a/1", "a/2", "b"] {
        folder.ok(&["r2", "put", "in", key]);
    }
    insta::assert_snapshot!(folder.fails(&["r2", "rm", "--prefix", "a/"]), @r#"
    exit 2
    error: deleting 2 objects (all whose keys begin with a/) needs a confirmation, but stdin is not a terminal
     hint: give --yes to skip the confirmation
    "#);
    assert_eq!(folder.done(&["r2", "rm", "--prefix", "a/", "--yes"]), "deleted 2 objects");
    let deleted = folder.json(&["--json", "r2", "rm", "b"]);
    let target = folder.target("bucket media");
    let outcome = |key, deleted: bool| serde_json::json!({ "key": key, "deleted": deleted, "missing": !deleted, "error": null, "target": target });
    assert_eq!(deleted, outcome("b", true));
    assert_eq!(folder.json(&["--json", "r2", "rm", "b"]), outcome("b", false));
    assert_eq!(folder.done(&["r2", "rm", "b", "never"]), "deleted 0 objects, 2 missing");
    assert_eq!(folder.ok(&["--json", "r2", "ls"]), "");

    for key in ["a", "b/c"] {
        folder.ok(&["r2", "put", "in", key]);
    }
    assert!(folder.fails(&["r2", "rm", "--all"]).starts_with("exit 2"));
    assert!(folder.fails(&["r2", "rm", "--prefix", "", "--yes"]).starts_with("exit 2"));
    assert_eq!(folder.done(&["r2", "rm", "--all", "--yes"]), "deleted 2 objects");
    assert_eq!(folder.ok(&["--json", "r2", "ls"]), "");
}

#[test]
fn a_key_that_ends_in_a_slash_is_a_folder() {
    let folder = Folder::new();
    folder.write("hi.txt", "hi");
    let put = folder.run(&["r2", "put", "hi.txt", "dir/"]);
    assert!(
        stdout(&put, &["put"])
            .starts_with("dir/hi.txt  2 B  text/plain  verified by crc64  (bucket media in /"),
        "{put:?}"
    );
    assert!(String::from_utf8(put.stderr).unwrap().contains("the key is dir/hi.txt"));
    let copied = folder.json(&["--json", "r2", "cp", "dir/hi.txt", "other/"]);
    assert_eq!(
        (&copied["key"], &copied["target"]),
        (&"other/hi.txt".into(), &folder.target("bucket media").into())
    );
    insta::assert_snapshot!(folder.fails(&["r2", "put", "-", "dir/"]), @r#"
    exit 2
    error: "dir/" ends with a slash, but the source has no name to add
     hint: write the full key of the object
    "#);
    assert_eq!(folder.ok(&["--json", "r2", "ls", "-r"]).lines().count(), 2);
}

/// Of commands that take one key, and of KV.
#[test]
fn patterns_are_not_taken_for_keys() {
    let folder = Folder::new();
    folder.write("in", "x");
    folder.ok(&["r2", "put", "in", "a/1"]);
    insta::assert_snapshot!(folder.fails(&["r2", "head", "a/?"]), @r#"
    exit 3
    error: object "a/?" does not exist
     hint: *, ? and [ are plain characters of a key here: `cfstore r2 ls "a/?"` lists the keys that match the pattern
    "#);
    let failed = folder.fails(&["r2", "cat", "b/*"]);
    assert!(failed.starts_with("exit 3\n") && failed.contains("b/*"), "{failed}");
    for args in [&["r2", "get", "a/*", "-", "--literal"][..], &["r2", "rm", "--prefix", "a/*", "--yes"]] {
        let failed = folder.fails(args);
        assert!(failed.starts_with("exit 3") && failed.contains("hint"), "{args:?}: {failed}");
    }
    let failed = folder.fails(&["r2", "put", "in", "r2://media/s3://media/b"]);
    assert!(failed.starts_with("exit 2") && failed.contains("looks like an address"), "{failed}");

    folder.ok(&["kv", "put", "session/1", "x"]);
    for args in [
        &["kv", "ls", "session/*"][..],
        &["kv", "get", "session/*"],
        &["kv", "rm", "session/1", "session/*"],
        &["kv", "rm", "--prefix", "session/*", "--yes"],
        &["kv", "bulk", "get", "--prefix", "session/*"],
    ] {
        let failed = folder.fails(args);
        assert!(
            failed.starts_with("exit 3") && failed.contains("`cfstore kv ls \"session/\"`"),
            "{args:?}: {failed}"
        );
    }
    assert_eq!(folder.ok(&["kv", "get", "session/1"]), "x");
    folder.ok(&["kv", "put", "s3://media/a", "a URL is a key like any other here"]);
}
