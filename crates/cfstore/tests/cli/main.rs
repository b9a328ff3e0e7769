//! The program itself, in a folder of its own and without any of the caller's environment.
#![allow(clippy::unwrap_used)]
// Some tests are for Unix alone, and so is what they use.
#![cfg_attr(not(unix), allow(dead_code, unused_imports))]

mod access;
mod backup;
mod buckets;
mod cors;
mod customer_keys;
mod doctor;
mod full_disk;
mod generated;
mod given_credentials;
mod kv;
mod lifecycle;
mod listing;
mod many;
mod moving;
mod playlists;
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

use crate::program::Folder;

/// `length` bytes that repeat nowhere soon. Each seed has its own.
fn content(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

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
        assert!(String::from_utf8(output.stderr).unwrap().contains("stopped before its end"), "{args:?}");
    }
}

#[test]
fn the_demo_holds() {
    let folder = Folder::new();
    let demo = folder.ok(&["demo"]);
    assert!(demo.contains("All 9 steps succeeded"), "{demo}");
    assert!(!demo.contains('\u{1b}'), "{demo}");
    assert!(demo.contains("r2 put - notes/hello.txt  store an object"), "{demo}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");

    let steps = folder.ok(&["--json", "demo"]);
    let steps: Vec<Value> = steps.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(steps.len(), 10);
    assert!(steps.iter().all(|step| step["ok"] == true), "{steps:?}");
}

#[test]
fn help() {
    let folder = Folder::new();
    let help = folder.ok(&["--help"]);
    let (_, environment) = help.split_once("Which store a command uses:").unwrap();
    assert!(environment.lines().all(|line| line.len() <= 80), "{environment}");
    insta::assert_snapshot!(help);
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
    assert!(
        refused.starts_with("exit 2")
            && refused.contains("'59' for '--ttl <DURATION>': write whole seconds, 60s or more"),
        "{refused}"
    );
}

#[test]
fn failures_have_their_exit_code_and_say_what_to_do() {
    let folder = Folder::new();
    folder.write("in", "x");
    folder.ok(&["r2", "put", "in", "a"]);
    insta::assert_snapshot!(folder.fails(&["r2", "get", "a/missing"]), @r#"
    exit 3
    error: object "a/missing" does not exist
     hint: `cfstore r2 ls` lists the keys
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "head", "missing"]), @r#"
    exit 3
    error: object "missing" does not exist
     hint: `cfstore r2 ls` lists the keys
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "cp", "missing", "b"]), @r#"
    exit 3
    error: object "missing" does not exist
     hint: `cfstore r2 ls` lists the keys
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "get", "a/.."]), @r#"
    exit 2
    error: the key "a/.." does not end in a file name
     hint: name the file to write to, or - for stdout
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "get", "a", "folder/"]), @r#"
    exit 2
    error: the folder "folder/" to write to does not exist
     hint: create it first, or name another file
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "put", "missing", "a"]), @r#"
    exit 1
    error: "missing" cannot be read: No such file or directory (os error 2)
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "put", ".", "a"]), @r#"
    exit 2
    error: "." is a folder
     hint: give -r to store the files in it
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "presign", "a", "--expires", "8days"]), @r#"
    exit 2
    error: invalid value '8days' for '--expires <DURATION>': write whole seconds from 1s to 7days

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "presign", "a", "--expires", "soon"]), @r#"
    exit 2
    error: invalid value 'soon' for '--expires <DURATION>': write it as 90s, 10m, 1h or 7days, or in seconds without a unit

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(folder.fails(&["--json", "r2", "head", "missing"]).lines().last().unwrap(), @r#"{"causes":[],"code":null,"error":"object \"missing\" does not exist","exitCode":3,"hint":"`cfstore r2 ls` lists the keys","status":null}"#);
    insta::assert_snapshot!(folder.fails(&["r2", "rm"]), @r#"
    exit 2
    error: the following required arguments were not provided:
      <KEY>...

    Usage: cfstore r2 rm [OPTIONS] <KEY>...
           cfstore r2 rm [OPTIONS] --prefix <PREFIX>
           cfstore r2 rm [OPTIONS] --all

    For more information, try '--help'.
    "#);
}
