//! Uploads in parts that were not finished.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::content;
use crate::program::{Folder, Server};

/// Begins an upload, and kills the program when the first part has arrived.
fn leave_behind(folder: &Folder, key: &str) {
    let before = uploads(folder, &[]).len();
    let mut put = folder
        .command(&["r2", "put", "-", key])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Two parts of 16 MiB, and a little more.
    put.stdin.as_mut().unwrap().write_all(&content(33 * 1024 * 1024, 0)).unwrap();
    loop {
        let found = uploads(folder, &[]);
        if found.len() > before && found.iter().all(|upload| upload["parts"] == 2) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    put.kill().unwrap();
    put.wait().unwrap();
}

fn uploads(folder: &Folder, args: &[&str]) -> Vec<Value> {
    let output = folder.ok(&[&["--json", "r2", "uploads", "ls"], args].concat());
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn unfinished_uploads_are_shown_and_aborted() {
    let folder = Folder::new();
    folder.write("in", "x");
    folder.ok(&["r2", "put", "in", "whole"]);
    assert!(uploads(&folder, &[]).is_empty());
    for key in ["a/1", "a/2", "b"] {
        leave_behind(&folder, key);
    }
    let found = uploads(&folder, &[]);
    assert_eq!(
        found.iter().map(|upload| upload["key"].as_str().unwrap()).collect::<Vec<_>>(),
        ["a/1", "a/2", "b"]
    );
    assert_eq!((&found[0]["parts"], &found[0]["bytes"]), (&2.into(), &(32 * 1024 * 1024).into()));
    assert_eq!(found[0]["target"], folder.target("bucket media").as_str());
    assert_eq!(uploads(&folder, &["a/"]).len(), 2);
    assert_eq!(uploads(&folder, &["*/2"]).len(), 1);
    let line = folder.ok(&["r2", "uploads", "ls", "b"]);
    assert!(
        line.contains("       2    32.00 MiB  b  ") && line.contains(found[2]["uploadId"].as_str().unwrap()),
        "{line}"
    );

    // The server, too, has all of it.
    let server = Server::start(&folder);
    assert_eq!(server.ok(&folder, &["--json", "r2", "uploads", "ls"]).lines().count(), 3);

    insta::assert_snapshot!(folder.fails(&["r2", "uploads", "abort", "a/1"]), @r#"
    exit 2
    error: aborting 1 unfinished upload needs a confirmation, but stdin is not a terminal
     hint: give --yes to skip the confirmation
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "uploads", "abort", "a/", "--yes"]), @r#"
    exit 3
    error: "a/" has no unfinished upload
     hint: `cfstore r2 uploads ls` lists the unfinished uploads
    "#);
    assert!(folder.fails(&["r2", "uploads", "abort", "a/1", "other"]).starts_with("exit 3"));
    let id = found[0]["uploadId"].as_str().unwrap();
    let aborted = folder.json(&["--json", "r2", "uploads", "abort", "r2://media/a/1", id]);
    assert_eq!((&aborted["aborted"], &aborted["bytes"]), (&true.into(), &found[0]["bytes"]));
    assert_eq!(uploads(&folder, &[]).len(), 2);

    assert!(folder.fails(&["r2", "uploads", "clean", "--older-than", "0"]).starts_with("exit 2"));
    assert!(folder.fails(&["r2", "uploads", "clean", "--yes"]).contains("--older-than"));
    let none = "aborted 0 unfinished uploads, 0 B";
    assert_eq!(folder.done(&["r2", "uploads", "clean", "--older-than", "1h", "--yes"]), none);
    let dry = folder.ok(&["r2", "uploads", "clean", "--older-than", "0", "--dry-run"]);
    assert_eq!(dry.matches("would be aborted").count(), 2, "{dry}");
    assert_eq!(
        folder.done(&["r2", "uploads", "clean", "--older-than", "0", "a/", "--yes"]),
        "aborted 1 unfinished upload, 32.00 MiB"
    );
    assert_eq!(uploads(&folder, &[]).len(), 1);
    server.ok(&folder, &["r2", "uploads", "abort", "b", "--yes"]);
    assert!(uploads(&folder, &[]).is_empty());
    assert_eq!(folder.ok(&["--json", "r2", "ls", "-r"]).lines().count(), 1);
}
