//! `cfstore keys` and `cfstore r2 credentials`.

use serde_json::Value;

use crate::program::{Folder, Server, failure};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The lines `export NAME=value` as a file for `--env-file`.
fn names(exported: &str) -> Vec<&str> {
    exported.lines().map(|line| line.strip_prefix("export ").unwrap().split_once('=').unwrap().0).collect()
}

#[test]
fn a_job_gets_what_it_needs_and_no_more() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    folder.write("in", "hello");
    for key in ["creator-123/a", "creator-124/a"] {
        server.ok(&folder, &["r2", "put", "in", key]);
    }
    let job = Folder::new();
    let exported =
        server.ok(&folder, &["r2", "credentials", "--prefix", "creator-123/", "--read-only", "--expires", "1h"]);
    assert_eq!(
        names(&exported),
        ["R2_ENDPOINT", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_SESSION_TOKEN", "R2_BUCKET_MEDIA"]
    );
    let secret = &server.variables.iter().find(|(name, _)| name == "R2_SECRET_ACCESS_KEY").unwrap().1;
    assert!(!exported.contains(secret.as_str()));
    job.write("job.env", &exported);
    job.write("in", "hello");
    assert_eq!(job.ok(&["--env-file", "job.env", "r2", "cat", "creator-123/a"]), "hello");
    assert_eq!(job.ok(&["--env-file", "job.env", "r2", "ls", "-r", "creator-123/"]).lines().count(), 1);
    for args in [
        &["r2", "cat", "creator-124/a"][..],
        &["r2", "ls"],
        &["r2", "put", "in", "creator-123/b"],
        &["r2", "cp", "creator-124/a", "creator-123/b"],
        &["--json", "r2", "credentials"],
    ] {
        let refused = job.fails(&[&["--env-file", "job.env"], args].concat());
        assert!(refused.starts_with("exit 1") || refused.starts_with("exit 2"), "{args:?}: {refused}");
        let why = if args.contains(&"credentials") { "the permanent key" } else { "ccess" };
        assert!(refused.contains(why), "{args:?}: {refused}");
    }
    let deletion = job.command(&["--env-file", "job.env", "r2", "rm", "creator-123/a"]).output().unwrap();
    assert_eq!(deletion.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&deletion.stderr).contains("AccessDenied"), "{deletion:?}");
    // A URL that is signed with them works too.
    let url = job.ok(&["--env-file", "job.env", "r2", "presign", "creator-123/a"]);
    assert!(url.contains("X-Amz-Security-Token="), "{url}");
    assert!(crate::program::http_get(url.trim_end()).0.starts_with("HTTP/1.1 200"));

    let given = json(&server.ok(&folder, &["--json", "r2", "credentials", "--object", "film.mp4"]));
    for name in ["accessKeyId", "secretAccessKey", "sessionToken", "expiresAt", "bucket", "endpoint"] {
        assert!(given[name].is_string(), "{given}");
    }
    let aws = server.ok(&folder, &["r2", "credentials", "--aws", "--action", "GetObject,HeadObject"]);
    assert_eq!(
        names(&aws),
        ["AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"]
    );
}

#[test]
fn what_cannot_be_given_is_named() {
    let folder = Folder::new();
    let refused = |args: &[&str]| folder.fails(&[&["r2", "credentials"], args].concat());
    for (args, says) in [
        (&["--prefix", ""][..], "leave the prefix out"),
        (&["--prefix", "creator-1"], "write it as \"creator-1/\""),
        (&["--expires", "8days"], "from 1 to 604,800 (7 days)"),
        (&["--expires", "0"], "from 1 to 604,800 (7 days)"),
        (&["--read-only", "--action", "PutObject"], "does not allow the action PutObject"),
        (&["--action", "Put"], "\"Put\" is not an action: use HeadObject, GetObject"),
        (&["--scope", "all"], "\"all\" is not a scope: use object-read-only"),
        (&["--scope", "object-read-only", "--read-only"], "cannot be used with"),
    ] {
        let refusal = refused(args);
        assert!(refusal.contains(says), "{args:?}: {refusal}");
    }
}

#[test]
fn a_running_server_sees_keys_come_and_go() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    folder.write("in", "hello");
    server.ok(&folder, &["r2", "put", "in", "a"]);
    let added = json(&folder.ok(&["--json", "keys", "add", "--scope", "object-read-only", "--bucket", "media"]));
    let id = added["accessKeyId"].as_str().unwrap();
    let secret = added["secretAccessKey"].as_str().unwrap();
    let with_key = |args: &[&str]| {
        let mut command = server.command(&folder, args);
        command.env("R2_ACCESS_KEY_ID", id).env("R2_SECRET_ACCESS_KEY", secret).output().unwrap()
    };
    assert!(with_key(&["r2", "cat", "a"]).status.success());
    let refused = failure(&with_key(&["r2", "put", "in", "b"]));
    assert!(refused.starts_with("exit 1") && refused.contains("ccess"), "{refused}");

    let listed = folder.ok(&["keys", "ls"]);
    assert_eq!(listed, format!("{id}  object-read-only   media\n"));
    let listed = folder.ok(&["--json", "keys", "ls"]);
    assert_eq!(json(&listed)["buckets"], serde_json::json!(["media"]));
    assert!(!listed.contains(secret));

    folder.ok(&["keys", "rm", id]);
    let refused = failure(&with_key(&["r2", "cat", "a"]));
    assert!(refused.contains("credentials rejected"), "{refused}");
    let missing = folder.fails(&["keys", "rm", id]);
    assert!(missing.starts_with("exit 2") && missing.contains("`cfstore keys ls` lists the ids"), "{missing}");

    let exported = folder.ok(&["keys", "add"]);
    assert_eq!(names(&exported), ["R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"]);
    let admin = folder.fails(&["keys", "add", "--scope", "admin-read-only", "--bucket", "media"]);
    assert!(admin.contains("leave the buckets out"), "{admin}");
}
