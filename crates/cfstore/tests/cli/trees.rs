//! `cfstore r2 sync`, `put -r` and `get -r`.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::program::{Folder, Server, stdout};

/// The events by what they are about, and the summary.
fn events(output: &Output, status: i32) -> (Vec<String>, Value) {
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    let printed = str::from_utf8(&output.stdout).unwrap();
    let mut events: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = events.pop().unwrap();
    assert_eq!(summary["event"], "summary");
    let mut events: Vec<_> = events
        .iter()
        .map(|event| format!("{} {}", event["event"].as_str().unwrap(), event["key"].as_str().unwrap()))
        .collect();
    events.sort();
    (events, summary)
}

fn site() -> Folder {
    let folder = Folder::new();
    fs::create_dir_all(folder.path().join("site/css")).unwrap();
    folder.write("site/index.html", "<html>");
    folder.write("site/css/a.css", "a{}");
    folder.write("site/css/a.css.map", "{}");
    folder.write("site/film.m3u8", "#EXTM3U");
    folder
}

#[test]
fn a_folder_goes_up_and_comes_down() {
    let folder = site();
    let put = [
        "--json",
        "r2",
        "put",
        "-r",
        "site",
        "pages/",
        "--exclude",
        "*.map",
        "--cache-control-of",
        "*.m3u8=no-cache",
    ];
    let (sent, summary) = events(&folder.run(&put), 0);
    assert_eq!(sent, ["uploaded pages/css/a.css", "uploaded pages/film.m3u8", "uploaded pages/index.html"]);
    assert_eq!((&summary["uploaded"], &summary["bytes"]), (&3.into(), &16.into()));
    assert_eq!(summary["verified"]["crc64"], 3);
    let object = folder.json(&["--json", "r2", "head", "pages/film.m3u8"]);
    assert_eq!(object["httpMetadata"]["cacheControl"], "no-cache");
    assert_eq!(object["httpMetadata"]["contentType"], "application/vnd.apple.mpegurl");

    let (again, summary) = events(&folder.run(&put), 0);
    assert_eq!(again[0], "skipped pages/css/a.css");
    assert_eq!((&summary["uploaded"], &summary["skipped"]), (&0.into(), &3.into()));

    let (fetched, _) = events(&folder.run(&["--json", "r2", "get", "-r", "pages/", "copy"]), 0);
    assert_eq!(fetched.len(), 3);
    assert_eq!(folder.read("copy/css/a.css"), b"a{}");
    let said = folder.run(&["r2", "get", "-r", "pages"]);
    assert!(said.status.success(), "{said:?}");
    assert_eq!(folder.read("pages/index.html"), b"<html>");
}

#[test]
fn sync_makes_one_side_like_the_other() {
    let folder = site();
    let server = Server::start(&folder);
    let run = |args: &[&str]| server.command(&folder, args).output().unwrap();
    let (sent, _) = events(&run(&["--json", "r2", "sync", "site/", "r2://media/pages/"]), 0);
    assert_eq!(sent.len(), 4);
    fs::remove_file(folder.path().join("site/css/a.css.map")).unwrap();
    folder.write("site/index.html", "<html></html>");

    let dry = run(&["r2", "sync", "site", "r2://media/pages", "--delete", "--dry-run"]);
    let printed = stdout(&dry, &[]);
    assert!(printed.contains("site/index.html  would be uploaded to pages/index.html  13 B\n"), "{printed}");
    assert!(printed.contains("pages/css/a.css.map  would be deleted\n"), "{printed}");
    let said = String::from_utf8(dry.stderr).unwrap();
    assert!(
        said.contains("1 file would be uploaded, 13 B, 1 would be deleted, 2 skipped  (bucket media at"),
        "{said}"
    );

    let (synced, summary) =
        events(&run(&["--json", "r2", "sync", "site", "r2://media/pages", "--delete"]), 0);
    let expected = [
        "deleted pages/css/a.css.map",
        "skipped pages/css/a.css",
        "skipped pages/film.m3u8",
        "uploaded pages/index.html",
    ];
    assert_eq!(synced, expected);
    assert_eq!(summary["deleted"], 1);

    // And to another bucket, without the bytes coming by here.
    server.command(&folder, &["r2", "put", "site/index.html", "r2://media/pages/old.html"]).output().unwrap();
    let (copied, summary) =
        events(&run(&["--json", "r2", "sync", "r2://media/pages/", "r2://media/backup/"]), 0);
    assert_eq!(copied.len(), 4);
    assert_eq!(summary["copied"], 4);
    let (down, _) = events(&run(&["--json", "r2", "sync", "r2://media/backup", "site", "--delete"]), 0);
    assert!(down.contains(&"downloaded backup/old.html".to_owned()), "{down:?}");
    assert_eq!(folder.read("site/old.html"), b"<html></html>");
}

#[test]
fn what_fails_is_said_beside_the_others() {
    let folder = Folder::new();
    for key in ["p/a", "p/../b", "p/c/"] {
        folder.write("file", if key.ends_with('/') { "" } else { "1" });
        if key.ends_with('/') {
            continue;
        }
        folder.ok(&["r2", "put", "file", key]);
    }
    let output = folder.run(&["r2", "get", "-r", "p/", "out"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("warning: ") && said.contains("it contains . or .. as a part"), "{said}");
    assert!(said.contains("1 object downloaded, 1 B, verified by crc64, 1 failed"), "{said}");
    assert_eq!(folder.read("out/a"), b"1");
    assert!(!folder.path().join("b").exists());
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let folder = site();
    folder.ok(&["r2", "put", "site/index.html", "a"]);
    for (args, why) in [
        (&["sync", "site", "copy"][..], "are both folders on this machine"),
        (&["sync", "site", "r2://media/x", "--delete"], "--delete would delete in the embedded store"),
        (
            &["sync", "site", "r2://media/x", "--to-env-file", "x"],
            "--to-env-file is for a copy between two buckets",
        ),
        (&["sync", "r2://media/a", "r2://media/a/b"], "one prefix contains the other"),
        (&["sync", "none", "r2://media/a"], "\"none\" cannot be read"),
        (&["put", "-r", "none", "x/"], "\"none\" cannot be read"),
        (&["put", "-r", "site/index.html", "x/"], "\"site/index.html\" is not a folder"),
        (&["put", "-r", "site", "site", "x/"], "-r stores one folder"),
        (&["put", "-r", "site"], "`cfstore r2 put -r site site/`"),
        (&["put", "site/index.html"], "\"site/index.html\" has no key to be stored under"),
        (&["put", "-r", "site", "x/", "--if-absent"], "--if-absent"),
        (&["put", "-r", "site", "x/", "--include", "a["], "--include: the pattern"),
        (&["put", "site", "x/"], "is a folder"),
        (&["put", "site/index.html", "x/", "--include", "*.ts"], "--include is only for folders"),
        (&["get", "-r", "none/", "out"], "no key begins with \"none/\""),
        (&["sync", "r2://media/none", "site", "--delete", "--local"], "the source has nothing"),
        (
            &["sync", "r2://media/a", "r2://media/b", "--storage-class", "standard"],
            "keep those of their sources",
        ),
        (&["get", "-r", "a/", "b/", "out"], "-r fetches one prefix"),
        (&["get", "-r", "a/", "-"], "cannot write to stdout (-)"),
        (&["get", "-r", "a/*", "out"], "-r fetches a prefix, but"),
    ] {
        let output = folder.run(&[&["r2"], args].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(why), "{args:?}: {said}");
    }
    let (deleted, _) =
        events(&folder.run(&["--json", "r2", "sync", "site", "r2://media/x", "--delete", "--local"]), 0);
    assert_eq!(deleted.len(), 4);
}

#[cfg(unix)]
#[test]
fn links_and_the_store_are_left_out() {
    let folder = site();
    folder.ok(&["r2", "put", "site/index.html", "copy/link/below"]);
    std::os::unix::fs::symlink("css", folder.path().join("site/link")).unwrap();
    let output = folder.run(&["r2", "sync", "site", "r2://media/copy", "--delete", "--local"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("warning: site/link is a symbolic link, and links are not followed"), "{said}");
    assert!(said.contains("4 files uploaded") && said.contains("1 skipped"), "{said}");
    folder.ok(&["r2", "head", "copy/link/below"]);

    let (sent, _) =
        events(&folder.run(&["--json", "r2", "put", "-r", ".", "all/", "--include", "store.sqlite3"]), 0);
    assert_eq!(sent, [""; 0], "the store itself");
    folder.ok(&["r2", "sync", "r2://media/copy/", ".", "--delete", "--local"]);
    folder.ok(&["r2", "head", "copy/link/below"]);
}
