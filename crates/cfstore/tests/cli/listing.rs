//! Addresses, patterns and sums: `ls`, `du`, `cat`, and what `rm` takes.

use serde_json::{Value, json};

use crate::content;
use crate::program::{Folder, Server, failure};

fn folder_with(keys: &[&str]) -> Folder {
    let folder = Folder::new();
    folder.write("in", "four");
    for key in keys {
        folder.ok(&["r2", "put", "in", key]);
    }
    folder
}

/// The keys and prefixes that a listing gives.
fn listed(output: &str) -> Vec<String> {
    let name = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        row.get("key").or(row.get("prefix")).unwrap().as_str().unwrap().to_owned()
    };
    output.lines().map(name).collect()
}

#[test]
fn addresses_name_the_bucket() {
    let folder = folder_with(&["a/1"]);
    folder.ok(&["r2", "put", "in", "r2://films/a/2"]);
    folder.ok(&["r2", "put", "in", "a/3", "--bucket", "films"]);
    let ls = |args: &[&str]| listed(&folder.ok(&[&["--json", "r2", "ls"], args].concat()));
    assert_eq!(ls(&["-r"]), ["a/1"]);
    assert_eq!(ls(&["-r", "S3://films"]), ["a/2", "a/3"]);
    assert_eq!(ls(&["s3://films/a/"]), ["a/2", "a/3"]);
    assert_eq!(ls(&["--bucket", "films"]), ["a/"]);
    assert_eq!(ls(&["--bucket", "films", "r2://films/a/*"]), ["a/2", "a/3"]);
    assert_eq!(folder.ok(&["r2", "get", "s3://films/a/2", "-"]), "four");
    let head = folder.json(&["--json", "r2", "--bucket", "films", "head", "a/2"]);
    assert_eq!(head["target"], folder.target("bucket films").as_str());
    let url = folder.ok(&["r2", "presign", "r2://films/a/2"]);
    assert!(url.starts_with("http://127.0.0.1:9710/films/a/2?"), "{url}");
    assert_eq!(
        folder.json(&["--json", "r2", "rm", "r2://films/a/3"])["target"],
        folder.target("bucket films").as_str()
    );

    insta::assert_snapshot!(folder.fails(&["r2", "rm", "r2://films/a/2", "a/1"]), @r#"
    exit 2
    error: "r2://films/a/2" names its bucket, but "a/1" does not
     hint: write the bucket of each, such as "r2://films/a/1" or one in another bucket; for files, use `get` and `put`
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "ls", "r2://films/", "--bucket", "media"]), @r#"
    exit 2
    error: "r2://films/" is in bucket "films", but --bucket is "media"
     hint: leave --bucket out, or write the key without a bucket
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "ls", "r2://film"]), @r#"
    exit 3
    error: the embedded store has no bucket "film"
     hint: it has these: films, media; `cfstore r2 bucket create NAME` creates another one
    "#);
    assert_eq!(folder.json(&["--json", "r2", "put", "in", "r2://films/"])["key"], "in");
    assert!(folder.fails(&["r2", "put", "-", "r2://films"]).starts_with("exit 2"));
    folder.ok(&["r2", "rm", "r2://films/in"]);
    assert!(folder.fails(&["r2", "put", "in", "r2://No_Bucket/a"]).starts_with("exit 2"));
    assert!(folder.fails(&["r2", "rm", "r2:///a"]).contains("does not name a bucket"));
    assert_eq!(ls(&["-r", "r2://films"]), ["a/2"]);
}

#[test]
fn addresses_go_over_the_variables() {
    let folder = folder_with(&["a"]);
    folder.ok(&["r2", "put", "in", "r2://films/b"]);
    let server = Server::start(&folder);
    assert_eq!(listed(&server.ok(&folder, &["--json", "r2", "ls"])), ["a"]);
    assert_eq!(listed(&server.ok(&folder, &["--json", "r2", "ls", "s3://films/"])), ["b"]);
    let mut without = server.command(&folder, &["r2", "cat", "r2://films/b"]);
    let output = without.env_remove("R2_BUCKET_MEDIA").output().unwrap();
    assert_eq!(output.stdout, b"four");
    let output = server.command(&folder, &["r2", "ls", "--bucket", "film"]).output().unwrap();
    let failed = failure(&output);
    assert!(
        failed.contains("NoSuchBucket")
            && failed.contains("bucket \"film\": ")
            && failed.contains("--bucket"),
        "{failed}"
    );
}

#[test]
fn patterns_list_what_matches() {
    let folder = folder_with(&["a/b/c.mp4", "a/d.mp4", "a/d.txt", "e.mp4", "f[1]", "f1"]);
    let ls = |args: &[&str]| listed(&folder.ok(&[&["--json", "r2", "ls"], args].concat()));
    for (pattern, keys) in [
        ("*", &["a/", "e.mp4", "f1", "f[1]"][..]),
        ("a/*", &["a/b/", "a/d.mp4", "a/d.txt"]),
        ("*/*.mp4", &["a/d.mp4"]),
        ("**/*.mp4", &["a/b/c.mp4", "a/d.mp4", "e.mp4"]),
        ("a/?.[mt]*", &["a/d.mp4", "a/d.txt"]),
        ("f[1]", &["f1"]),
        ("f\\[1]", &["f[1]"]),
    ] {
        assert_eq!(ls(&[pattern]), keys, "{pattern}");
    }
    assert_eq!(ls(&["-r", "*"]), ["e.mp4", "f1", "f[1]"]);
    assert_eq!(ls(&["--literal", "f[1]"]), ["f[1]"]);
    let tree = folder.ok(&["r2", "ls", "--tree", "**/c*"]);
    assert_eq!(tree.lines().count(), 3, "{tree}");
    insta::assert_snapshot!(folder.fails(&["r2", "ls", "a*.mp4"]), @r#"
    exit 3
    error: no key matches "a*.mp4"
     hint: * and ? do not match slashes, ** does; --literal makes them plain characters of a key; `cfstore r2 ls` lists the keys
    "#);
    assert!(folder.fails(&["r2", "ls", "a["]).starts_with("exit 2"));
}

#[test]
fn long_listings() {
    let folder = folder_with(&["a.txt", "b/c"]);
    let long = folder.ok(&["r2", "ls", "--long"]);
    let line = long.lines().next().unwrap();
    let columns: Vec<_> = line.split_whitespace().skip(1).collect();
    let etag = "8cbad96aced40b3838dd9f07f6ef5772";
    assert_eq!(columns, ["4", "B", "Standard", etag, "text/plain", "a.txt"], "{long}");
    assert_eq!(line.find("a.txt"), long.lines().nth(1).unwrap().find("b/"), "{long}");
    // Over S3, a listing has no types.
    let long = Server::start(&folder).ok(&folder, &["r2", "ls", "-l"]);
    assert!(long.contains(etag) && !long.contains("text/plain"), "{long}");
}

#[test]
fn sums() {
    let folder = folder_with(&["a/b/c/1", "a/b/2", "a/3", "a-b/4", "5"]);
    let du = |args: &[&str]| -> Vec<Value> {
        let output = folder.ok(&[&["--json", "r2", "du"], args].concat());
        let short = |line: &str| {
            let row: Value = serde_json::from_str(line).unwrap();
            assert_eq!(row["bytes"], 4 * row["objects"].as_u64().unwrap());
            json!([row["prefix"], row["objects"]])
        };
        output.lines().map(short).collect()
    };
    assert_eq!(du(&[]), [json!(["", 5])]);
    assert_eq!(du(&["--depth", "1"]), [json!(["a-b/", 1]), json!(["a/", 3]), json!(["", 5])]);
    assert_eq!(du(&["--depth", "9", "a/"]), [json!(["a/b/c/", 1]), json!(["a/b/", 2]), json!(["a/", 3])]);
    assert_eq!(du(&["-d", "1", "a"]), [json!(["a-b/", 1]), json!(["a/", 3]), json!(["a", 4])]);
    assert_eq!(du(&["a/*"]), [json!(["a/*", 1])]);
    assert_eq!(du(&["none"]), [json!(["none", 0])]);
    let target = folder.target("bucket media");
    assert_eq!(folder.ok(&["r2", "du"]), format!("       20 B          5  all  ({target})\n"));
}

#[test]
fn objects_one_after_the_other() {
    let folder = folder_with(&["a/1", "a/2"]);
    folder.write("large", content(20 * 1024 * 1024, 0));
    folder.ok(&["r2", "put", "large", "b"]);
    let output = folder.run(&["r2", "cat", "a/1", "b", "r2://media/a/2"]);
    assert!(!output.status.success(), "an address beside keys");
    let output = folder.run(&["r2", "cat", "a/1", "b", "a/2"]);
    assert!(output.status.success());
    assert!(output.stdout == [b"four", &*content(20 * 1024 * 1024, 0), b"four"].concat());
    assert_eq!(folder.ok(&["r2", "cat", "a/*", "a/1"]), "fourfourfour");

    let output = folder.run(&["r2", "cat", "a/1", "none", "a/x*", "a/2"]);
    assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b"fourfour"[..]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("object \"none\" does not exist") && said.contains("no key matches \"a/x*\""),
        "{said}"
    );
    assert!(folder.fails(&["r2", "cat", "none"]).starts_with("exit 3"));
    assert!(folder.fails(&["--json", "r2", "cat", "a/1"]).starts_with("exit 2"));
}

#[test]
fn deleting_what_matches() {
    let folder = folder_with(&["a/1", "a/2", "a/b/3", "odd*", "odder"]);
    insta::assert_snapshot!(folder.fails(&["r2", "rm", "odd*", "--yes"]), @r#"
    exit 2
    error: "odd*" is a pattern, but also the key of an object
     hint: give --literal for the object; for the pattern, write one of its letters in brackets, as in [a]*
    "#);
    assert!(folder.fails(&["r2", "rm", "a/*"]).contains("needs a confirmation"));
    assert!(folder.fails(&["r2", "rm", "a/1", "a/x*", "--yes"]).starts_with("exit 3"));
    assert!(folder.fails(&["r2", "rm", "--prefix", "r2://media", "--yes"]).starts_with("exit 2"));
    let all = |what: &str| {
        assert_eq!(folder.done(&["r2", "rm", "--all", "--dry-run"]).lines().last(), Some(what));
    };
    all("would delete 5 objects");
    let dry = folder.done(&["r2", "rm", "a/*", "odder", "never", "--dry-run"]);
    assert_eq!(
        dry,
        "odder  would be deleted\na/1  would be deleted\na/2  would be deleted\nwould delete 3 objects, 1 missing"
    );
    assert_eq!(folder.json(&["--json", "r2", "rm", "odder", "--dryrun"])["dryRun"], true);
    all("would delete 5 objects");
    assert_eq!(folder.done(&["r2", "rm", "--literal", "odd*"]), "deleted 1 object");
    assert_eq!(folder.done(&["r2", "rm", "a/*", "odder", "--yes"]), "deleted 3 objects");
    assert_eq!(listed(&folder.ok(&["--json", "r2", "ls", "-r"])), ["a/b/3"]);
}
