//! The program itself, in a folder of its own and without any of the caller's environment.
#![allow(clippy::unwrap_used)]

mod access;
mod backup;
mod buckets;
mod cors;
mod customer_keys;
mod doctor;
mod full_disk;
mod generated;
mod kills;
mod kv;
mod lifecycle;
mod listing;
mod many;
mod moving;
mod playlists;
mod production_checklist;
mod program;
mod r2;
mod resume;
mod serve;
mod service;
mod store;
mod trees;
mod uploads;

use std::fs;
use std::process::Stdio;

use serde_json::Value;
use testkit::content;

use crate::program::Folder;

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let folder = Folder::new();
    folder.write("in", content(4 * 1024 * 1024, 0));
    folder.ok(&["r2", "put", "in", "a"]);
    let mut child = folder
        .command(&["r2", "get", "a", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(!String::from_utf8(output.stderr).unwrap().contains("error"));
}

/// As `cfstore kv bulk get --all | gzip > backup` would be where gzip has died.
#[test]
fn what_is_cut_off_is_no_success() {
    let folder = Folder::new();
    folder.write("in", "x");
    folder.write("pairs", r#"{"key":"b","value":"1"}"#);
    folder.ok(&["r2", "put", "in", "a"]);
    folder.ok(&["kv", "put", "a", "1"]);
    for args in [
        &["--json", "r2", "rm", "--prefix", "a", "--yes"][..],
        &["--json", "kv", "bulk", "put", "pairs"],
        &["kv", "bulk", "get", "--all"],
        &["--json", "kv", "rm", "--all", "--yes"],
    ] {
        let mut child = folder.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("not all was done"), "{args:?}");
    }
}

#[test]
fn the_demo_holds() {
    let folder = Folder::new();
    let demo = folder.ok(&["demo"]);
    assert!(demo.contains("All 9 steps held"), "{demo}");
    assert!(!demo.contains('\u{1b}'), "{demo}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");

    let steps = folder.ok(&["--json", "demo"]);
    let steps: Vec<Value> = steps.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(steps.len(), 10);
    assert!(steps.iter().all(|step| step["ok"] == true), "{steps:?}");
}

#[test]
fn help() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.ok(&["--help"]));
    insta::assert_snapshot!(folder.ok(&["r2", "put", "--help"]));
    insta::assert_snapshot!(folder.ok(&["r2", "sign-playlist", "--help"]));
}

#[test]
fn every_summary_names_its_target() {
    let folder = Folder::new();
    folder.write("in", "x");
    let bucket = folder.target("bucket media");
    for args in [
        &["r2", "put", "in", "a"][..],
        &["r2", "get", "a", "out"],
        &["r2", "head", "a"],
        &["r2", "cp", "a", "b"],
        &["r2", "mv", "b", "c"],
        &["r2", "mv", "c", "b"],
        &["r2", "du"],
        &["r2", "presign", "a"],
        &["r2", "rm", "b"],
    ] {
        assert_eq!(folder.json(&[&["--json"], args].concat())["target"], bucket.as_str(), "{args:?}");
    }
    let namespace = folder.target("namespace local");
    folder.write("pairs", r#"{"key":"b","value":"1"}"#);
    for args in [
        &["kv", "put", "a", "1"][..],
        &["kv", "get", "a", "out"],
        &["kv", "bulk", "put", "pairs"],
        &["kv", "rm", "b"],
    ] {
        assert_eq!(folder.json(&[&["--json"], args].concat())["target"], namespace.as_str(), "{args:?}");
    }
    for (args, target) in [
        (&["r2", "ls"][..], &bucket),
        (&["r2", "presign", "a"], &bucket),
        (&["r2", "uploads", "ls"], &bucket),
        (&["kv", "ls"], &namespace),
        (&["kv", "bulk", "get", "--all"], &namespace),
    ] {
        let stderr = String::from_utf8(folder.run(args).stderr).unwrap();
        assert!(stderr.contains(&format!("  ({target})")), "{args:?}: {stderr}");
        let stderr = String::from_utf8(folder.run(&[&["--json"], args].concat()).stderr).unwrap();
        let summary = stderr.lines().find(|line| line.contains("summary")).unwrap();
        assert_eq!(serde_json::from_str::<Value>(summary).unwrap()["target"], target.as_str());
    }
}

#[test]
fn durations_may_be_seconds() {
    let folder = Folder::new();
    let url = folder.ok(&["r2", "presign", "a", "--expires", "3600"]);
    assert!(url.contains("X-Amz-Expires=3600&"), "{url}");
    folder.ok(&["kv", "put", "k", "v", "--ttl", "60"]);
    let refused = folder.fails(&["kv", "put", "k", "v", "--ttl", "59"]);
    assert!(refused.starts_with("exit 2") && refused.contains("is 59s"), "{refused}");
}
