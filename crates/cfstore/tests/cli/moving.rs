//! `cp` and `mv`: within a bucket, to another one, and to another account.

use std::fs;

use crate::content;
use crate::program::{Folder, Server};

/// All keys of a bucket.
fn keys(folder: &Folder, bucket: &str) -> Vec<String> {
    let output = folder.ok(&["--json", "r2", "ls", "-r", "--bucket", bucket]);
    let key = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        row["key"].as_str().unwrap().to_owned()
    };
    output.lines().map(key).collect()
}

#[test]
fn objects_move_within_their_bucket() {
    let folder = Folder::new();
    folder.write("in", "x");
    folder.ok(&["r2", "put", "in", "a", "--cache-control", "no-store", "--metadata", "by=me"]);
    assert_eq!(folder.ok(&["r2", "mv", "a", "b/", "--dry-run"]).matches("would be moved").count(), 1);
    assert_eq!(keys(&folder, "media"), ["a"]);
    let moved = folder.json(&["--json", "r2", "mv", "a", "b/"]);
    assert_eq!(
        (&moved["source"], &moved["key"], &moved["moved"]),
        (&"a".into(), &"b/a".into(), &true.into())
    );
    assert_eq!(keys(&folder, "media"), ["b/a"]);
    let head = folder.json(&["--json", "r2", "head", "b/a"]);
    assert_eq!(head["httpMetadata"]["cacheControl"], "no-store");
    assert_eq!(head["customMetadata"]["by"], "me");

    for (source, destination) in [("b/a", "b/a"), ("b/a", "b/"), ("cre\u{301}", "cr\u{e9}")] {
        let failed = folder.fails(&["r2", "mv", source, destination]);
        assert!(
            failed.starts_with("exit 2") && failed.contains("source and destination are the same key"),
            "{failed}"
        );
    }
    for command in ["cp", "mv"] {
        assert!(folder.fails(&["r2", command, "none", "b"]).starts_with("exit 3"));
        assert!(folder.fails(&["r2", command, "none", "b", "--dry-run"]).starts_with("exit 3"));
    }
    assert_eq!(keys(&folder, "media"), ["b/a"]);
}

#[test]
fn patterns_move_into_a_folder() {
    let folder = Folder::new();
    folder.write("in", "x");
    for key in ["a/1.gz", "a/2.gz", "a/b/3.gz", "a/4"] {
        folder.ok(&["r2", "put", "in", key]);
    }
    let before = keys(&folder, "media");
    for (source, destination, why) in [
        ("a/*", "b", "a single key"),
        ("a/**", "a/old/", "matches \"a/**\" too"),
        ("a/*", "a/", "matches \"a/*\" too"),
        ("a/*.zip", "b/", "no key matches"),
    ] {
        let failed = folder.fails(&["r2", "mv", source, destination]);
        assert!(failed.contains(why), "{failed}");
    }
    let dry = folder.ok(&["r2", "mv", "a/**", "c/", "--dry-run"]);
    assert!(dry.contains("a/b/3.gz  would be moved to c/b/3.gz"), "{dry}");
    assert_eq!(keys(&folder, "media"), before);
    folder.ok(&["r2", "mv", "a/*.gz", "a/old/"]);
    assert_eq!(keys(&folder, "media"), ["a/4", "a/b/3.gz", "a/old/1.gz", "a/old/2.gz"]);
    folder.ok(&["r2", "cp", "a/**", "c/"]);
    folder.ok(&["r2", "mv", "c/**/*", "d/"]);
    assert_eq!(
        keys(&folder, "media"),
        ["a/4", "a/b/3.gz", "a/old/1.gz", "a/old/2.gz", "d/4", "d/b/3.gz", "d/old/1.gz", "d/old/2.gz"]
    );
}

#[test]
fn objects_go_to_other_buckets() {
    let folder = Folder::new();
    folder.write("small", "x");
    let large = content(20 * 1024 * 1024, 0);
    folder.write("large", &large);
    folder.ok(&["r2", "put", "small", "a/small", "--metadata", "by=me", "--content-type", "text/x"]);
    folder.ok(&["r2", "put", "large", "a/large"]);
    // Nothing is made by it.
    folder.ok(&["r2", "cp", "r2://media/a/*", "r2://films/", "--dry-run"]);
    assert!(folder.fails(&["r2", "ls", "r2://films"]).starts_with("exit 3"));
    let copied = folder.json(&["--json", "r2", "cp", "s3://media/a/small", "s3://films/"]);
    assert_eq!((&copied["key"], &copied["target"]), (&"small".into(), &folder.target("bucket films").into()));
    let head = folder.json(&["--json", "r2", "head", "r2://films/small"]);
    assert_eq!(
        (&head["customMetadata"]["by"], &head["httpMetadata"]["contentType"]),
        (&"me".into(), &"text/x".into())
    );
    folder.ok(&["r2", "mv", "r2://media/a/*", "r2://films/b/"]);
    assert!(keys(&folder, "media").is_empty());
    assert_eq!(keys(&folder, "films"), ["b/large", "b/small", "small"]);
    assert!(folder.run(&["r2", "cat", "r2://films/b/large"]).stdout == large);

    for args in [&["cp", "r2://films/small", "small"][..], &["mv", "small", "r2://films/x"]] {
        let failed = folder.fails(&[&["r2"], args].concat());
        assert!(failed.starts_with("exit 2") && failed.contains("names its bucket"), "{failed}");
    }
    folder.ok(&["r2", "mv", "--bucket", "films", "r2://films/small", "x"]);
    assert_eq!(keys(&folder, "films"), ["b/large", "b/small", "x"]);
}

#[test]
fn objects_go_to_other_accounts() {
    let (here, there) = (Folder::new(), Folder::new());
    here.write("in", "x");
    for key in ["a/1", "a/2", "b"] {
        here.ok(&["r2", "put", "in", key]);
    }
    let servers = [Server::start(&here), Server::start(&there)];
    let file = |name: &str, server: &Server| {
        let lines: Vec<_> = server.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        here.write(name, lines.join("\n"));
    };
    file("there.env", &servers[1]);
    let to_there =
        |args: &[&str]| servers[0].ok(&here, &[&["r2"], args, &["--to-env-file", "there.env"]].concat());
    to_there(&["cp", "b", "b"]);
    let moved = to_there(&["mv", "a/*", "r2://media/c/"]);
    assert!(moved.contains(servers[1].variable("R2_ENDPOINT")), "{moved}");
    assert_eq!(keys(&here, "media"), ["b"]);
    assert_eq!(keys(&there, "media"), ["b", "c/1", "c/2"]);

    // From the embedded store, too.
    here.ok(&["r2", "mv", "b", "d/", "--to-env-file", "there.env"]);
    assert!(keys(&here, "media").is_empty());
    assert_eq!(keys(&there, "media"), ["b", "c/1", "c/2", "d/b"]);

    // The same bucket by another address.
    file("here.env", &servers[0]);
    here.ok(&["r2", "put", "in", "e"]);
    let failed = here.fails(&["r2", "mv", "e", "e", "--to-env-file", "here.env"]);
    assert!(failed.starts_with("exit 1") && failed.contains("lead to the same object"), "{failed}");
    assert_eq!(here.ok(&["r2", "cat", "e"]), "x");
    assert!(here.fails(&["r2", "cp", "e", "e", "--to-env-file", "none.env"]).starts_with("exit 2"));
    assert!(fs::exists(here.path().join(".cfstore")).unwrap());
}

#[test]
fn what_fails_is_named_and_the_rest_is_done() {
    let folder = Folder::new();
    folder.write("in", "x");
    let long = format!("a/{}", "k".repeat(1000));
    for key in ["a/1", &long, "a/z"] {
        folder.ok(&["r2", "put", "in", key]);
    }
    let output = folder.run(&["--json", "r2", "mv", "a/*", "a-folder-with-a-longer-name/"]);
    assert_eq!(output.status.code(), Some(1));
    let rows: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (failed, moved): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.get("error").is_some());
    assert_eq!((failed.len(), moved.len()), (1, 2), "{rows:?}");
    assert_eq!(failed[0]["source"], long.as_str());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("warning") && said.contains("moved 2 objects, 2 B, 1 failed"), "{said}");
    assert_eq!(
        keys(&folder, "media"),
        ["a-folder-with-a-longer-name/1", "a-folder-with-a-longer-name/z", &*long]
    );
}
