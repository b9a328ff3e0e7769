//! `cfstore r2 put` and `get` of many files, with all that objects are stored with, at a rate.

use std::fs::{self, File};
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::content;
use crate::program::{Folder, Server};

/// What a command that ends with this status prints on stdout, and its summary.
fn events(output: &Output, status: i32) -> (Vec<Value>, Value) {
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    let printed = str::from_utf8(&output.stdout).unwrap();
    let mut events: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = events.pop().unwrap();
    assert_eq!(summary["event"], "summary");
    events.sort_by_key(|event| event["key"].as_str().map(str::to_owned));
    (events, summary)
}

fn keys(folder: &Folder) -> Vec<String> {
    let output = folder.ok(&["--json", "r2", "ls", "-r"]);
    let key = |line: &str| serde_json::from_str::<Value>(line).unwrap()["key"].as_str().unwrap().to_owned();
    output.lines().map(key).collect()
}

#[test]
fn files_go_to_a_prefix() {
    let folder = Folder::new();
    folder.write("a.txt", "a");
    folder.write("b.html", content(70 * 1024 * 1024, 0));
    fs::create_dir_all(folder.path().join("dir")).unwrap();

    let dry = folder.ok(&["r2", "put", "a.txt", "b.html", "x/", "--dry-run"]);
    assert_eq!(
        dry,
        "a.txt  would be uploaded to x/a.txt  1 B\nb.html  would be uploaded to x/b.html  70.00 MiB\n"
    );
    assert!(!folder.path().join(".cfstore").exists(), "a dry run makes nothing");

    let args = ["--json", "r2", "put", "none", "a.txt", "dir", "b.html", "r2://media/x/"];
    let output = folder.run(&args);
    let (events, summary) = events(&output, 1);
    let target = folder.target("bucket media");
    assert_eq!(
        events[0],
        json!({ "event": "uploaded", "key": "x/a.txt", "path": "a.txt", "size": 1, "verified": "crc64", "target": target })
    );
    assert_eq!((&events[1]["key"], &events[1]["verified"]), (&"x/b.html".into(), &"crc64".into()));
    for (event, why) in [(&events[2], "is a folder"), (&events[3], "cannot be read")] {
        assert_eq!(event["event"], "failed");
        assert!(event["error"].as_str().unwrap().contains(why), "{event}");
    }
    assert_eq!(
        summary,
        json!({
            "event": "summary", "uploaded": 2, "downloaded": 0, "copied": 0, "moved": 0, "deleted": 0, "skipped": 0,
            "failed": 2, "bytes": 70 * 1024 * 1024 + 1, "resumedBytes": 0, "retries": 0, "verified": { "crc64": 2 },
            "target": target,
        })
    );
    assert_eq!(keys(&folder), ["x/a.txt", "x/b.html"]);
    assert_eq!(
        folder.json(&["--json", "r2", "head", "x/b.html"])["httpMetadata"]["contentType"],
        "text/html"
    );

    // A bucket is a folder, too; and what is for people says the same, without a display of progress.
    let output = folder.run(&["r2", "put", "a.txt", "b.html", "r2://media", "--if-absent"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("2 files uploaded, 70.00 MiB, verified by crc64  (bucket media in"), "{said}");
    assert!(!said.contains(['\r', '\u{1b}', '%']), "{said}");
    assert_eq!(keys(&folder), ["a.txt", "b.html", "x/a.txt", "x/b.html"]);
    let output = folder.run(&["r2", "put", "a.txt", "dir", "r2://media", "--if-absent"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("warning: put \"a.txt\": an object with this key exists"), "{said}");
    assert!(said.contains("nothing to transfer, 2 failed"), "{said}");

    for (args, why) in [
        (&["a.txt", "b.html", "x"][..], "is a single key, but there are 2 files"),
        (&["a.txt", "dir/a.txt", "x/"], "would both get the key \"x/a.txt\""),
        (&["-", "a.txt", "x/"], "stdin (-) cannot be stored with other files"),
        (&["-", "r2://media"], "has no name to add"),
        (&["dir", "x/"], "is a folder"),
    ] {
        let failed = folder.fails(&[&["r2", "put"], args].concat());
        assert!(failed.starts_with("exit 2") && failed.contains(why), "{failed}");
    }
}

#[test]
fn objects_are_stored_and_copied_with_all_that_is_said_of_them() {
    let folder = Folder::new();
    folder.write("in", "x");
    folder.ok(&["r2", "put", "in", "r2://other/made"]);
    let server = Server::start(&folder);
    folder.write("large", content(65 * 1024 * 1024, 0));
    let said = [
        "--content-type=text/x",
        "--cache-control=no-store",
        "--content-disposition=attachment; filename=\"é.txt\"",
        "--content-encoding=gzip",
        "--content-language=en",
        "--storage-class=STANDARD_IA",
        "--metadata=by=me",
    ];
    for file in ["in", "large", "-"] {
        server.ok(&folder, &[&["r2", "put", file, "a"], &said[..]].concat());
        server.ok(&folder, &["r2", "cp", "a", "b"]);
        server.ok(&folder, &["r2", "mv", "r2://media/b", "r2://other/c"]);
        for at in ["r2://media/a", "r2://other/c"] {
            let head: Value =
                serde_json::from_str(&server.ok(&folder, &["--json", "r2", "head", at])).unwrap();
            assert_eq!(
                head["httpMetadata"],
                json!({
                    "contentType": "text/x", "cacheControl": "no-store", "contentEncoding": "gzip",
                    "contentLanguage": "en", "contentDisposition": "attachment; filename=\"é.txt\"",
                }),
                "{file} {at}"
            );
            assert_eq!(
                (&head["storageClass"], &head["customMetadata"]),
                (&"InfrequentAccess".into(), &json!({ "by": "me" }))
            );
        }
    }
    server.ok(&folder, &["r2", "put", "in", "a/", "--storage-class", "infrequent-access", "--dry-run"]);
    assert!(folder.fails(&["r2", "put", "in", "a", "--storage-class", "cold"]).starts_with("exit 2"));
}

#[test]
fn objects_come_into_a_folder() {
    let folder = Folder::new();
    folder.write("in", "x");
    for key in ["a/1.txt", "a/b/2.txt", "a/b/c/3.txt", "a/../4.txt", "d/1.txt"] {
        folder.ok(&["r2", "put", "in", key]);
    }
    let dry = folder.run(&["--json", "r2", "get", "a/**", "out/", "--dry-run"]);
    let (told, summary) = events(&dry, 1);
    assert_eq!((told.len(), &summary["downloaded"], &summary["dryRun"]), (4, &3.into(), &true.into()));
    assert!(!folder.path().join("out").exists());

    let output = folder.run(&["--json", "r2", "get", "a/**", "out/"]);
    let (got, summary) = events(&output, 1);
    assert_eq!((&got[0]["event"], &got[0]["key"]), (&"failed".into(), &"a/../4.txt".into()));
    assert_eq!(
        got[2],
        json!({
            "event": "downloaded", "key": "a/b/2.txt", "path": "out/b/2.txt", "size": 1, "verified": "crc64",
            "target": folder.target("bucket media"),
        })
    );
    assert_eq!((&summary["downloaded"], &summary["failed"]), (&3.into(), &1.into()));
    assert_eq!(folder.read("out/b/c/3.txt"), b"x");
    assert!(!folder.path().join("4.txt").exists());

    // Those that are missing, or go to one file, fail beside the others.
    let output = folder.run(&["--json", "r2", "get", "a/1.txt", "none", "d/1.txt", "a/b/*", "no*", "out"]);
    let (got, _) = events(&output, 1);
    let of = |key: &str| got.iter().find(|event| event["key"] == key).unwrap();
    assert_eq!(
        (&of("a/1.txt")["event"], &of("a/b/2.txt")["path"]),
        (&"downloaded".into(), &"out/2.txt".into())
    );
    for (key, why) in
        [("none", "does not exist"), ("d/1.txt", "already goes to \"out/1.txt\""), ("no", "no key matches")]
    {
        assert!(of(key)["error"].as_str().unwrap().contains(why), "{got:?}");
    }
    folder.ok(&["r2", "get", "a/1.*"]);
    assert_eq!(folder.read("1.txt"), b"x");

    let missing = folder.run(&["r2", "get", "no*", "out"]);
    assert_eq!(missing.status.code(), Some(3), "{missing:?}");
    for (args, why) in [
        (&["a/1.txt", "d/1.txt", "new"][..], "\"new\" does not exist"),
        (&["a/*", "in"], "\"in\" is not a folder"),
        (&["a/*", "-"], "cannot go to stdout"),
        (&["a/*", "out", "--range", "0-1"], "--range works only for a single object"),
        (&["r2://media/a/1.txt", "r2://media/a/2.txt"], "is an address"),
    ] {
        let failed = folder.fails(&[&["r2", "get"], args].concat());
        assert!(failed.starts_with("exit 2") && failed.contains(why), "{failed}");
    }
    folder.ok(&["r2", "put", "in", "odd*"]);
    assert!(folder.fails(&["r2", "get", "odd*", "out"]).contains("but also the key of an object"));
    folder.ok(&["r2", "get", "odd*", "out/odd", "--literal"]);
    let told = folder.ok(&["r2", "get", "d/1.txt", "out/new", "--dry-run"]);
    assert_eq!(told, "d/1.txt  would be downloaded to out/new  1 B\n");
}

#[test]
fn bytes_go_at_a_rate() {
    let folder = Folder::new();
    let bytes = content(300 * 1024, 0);
    folder.write("a", &bytes);
    folder.write("b", &bytes);
    let took = |args: &[&str]| {
        let begun = Instant::now();
        assert!(folder.run(args).status.success(), "{args:?}");
        begun.elapsed()
    };
    // Both together.
    assert!(took(&["r2", "put", "a", "b", "x/", "--limit-rate", "600K"]) > Duration::from_millis(850));
    assert!(took(&["r2", "get", "x/*", "out/", "--limit-rate", "600K"]) > Duration::from_millis(850));
    assert!(folder.read("out/b") == bytes);
    assert!(
        took(&["r2", "get", "x/a", "-", "--range", "0-204799", "--limit-rate", "250K"])
            > Duration::from_millis(650)
    );
    let mut put = folder.command(&["r2", "put", "-", "x/b", "--limit-rate", "300K"]);
    let begun = Instant::now();
    let put = put.stdin(File::open(folder.path().join("a")).unwrap()).output().unwrap();
    assert!(put.status.success() && begun.elapsed() > Duration::from_millis(850), "{put:?}");
    let refused = folder.fails(&["r2", "put", "a", "x/", "--limit-rate", "10MB"]);
    assert!(refused.contains("write it as 500K, 10M or 1G"), "{refused}");
}
