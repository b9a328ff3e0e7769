//! `cfstore keys` and `cfstore r2 credentials`.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

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
    let exported = server
        .ok(&folder, &["r2", "credentials", "--prefix", "creator-123/", "--read-only", "--expires", "1h"]);
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
        [
            "AWS_ENDPOINT_URL_S3",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_REGION",
            "AWS_DEFAULT_REGION"
        ]
    );
}

#[test]
fn what_cannot_be_given_is_named() {
    let folder = Folder::new();
    let refused = |args: &[&str]| folder.fails(&[&["r2", "credentials"], args].concat());
    for (args, says) in [
        (&["--prefix", ""][..], "omit the prefix"),
        (&["--prefix", "creator-1"], "use \"creator-1/\""),
        (&["--expires", "8days"], "write whole seconds from 1s to 7days"),
        (&["--expires", "0"], "write whole seconds from 1s to 7days"),
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
    let added =
        json(&folder.ok(&["--json", "keys", "add", "--scope", "object-read-only", "--bucket", "media"]));
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
    assert!(
        missing.starts_with("exit 2") && missing.contains("`cfstore keys ls` lists the ids"),
        "{missing}"
    );

    let exported = folder.ok(&["keys", "add"]);
    assert_eq!(names(&exported), ["R2_ACCOUNT_ID", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"]);
    assert!(exported.contains(server.variable("R2_ACCOUNT_ID")), "{exported}");
    let without = server.command(&folder, &["r2", "credentials"]).env_remove("R2_ACCOUNT_ID").output();
    let without = failure(&without.unwrap());
    assert!(
        without.starts_with("exit 2") && without.contains("set R2_ACCOUNT_ID") && !without.contains("::"),
        "{without}"
    );
    let before_serve = Folder::new().ok(&["keys", "add"]);
    assert_eq!(names(&before_serve), ["R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"]);
    let admin = folder.fails(&["keys", "add", "--scope", "admin-read-only", "--bucket", "media"]);
    assert!(admin.contains("leave the buckets out"), "{admin}");
}

/// By Cloudflare's documentation.
#[test]
fn the_api_makes_them_for_who_has_no_secret() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/client/v4", listener.local_addr().unwrap());
    let api = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut buffer) = (String::new(), [0; 4096]);
        while !request.ends_with('}') {
            let read = stream.read(&mut buffer).unwrap();
            request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        let body = r#"{"success":true,"errors":[],"messages":[],"result":{"accessKeyId":"id","secretAccessKey":"secret","sessionToken":"token"}}"#;
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        request
    });
    let folder = Folder::new();
    folder.write(
        "api.env",
        format!(
            "R2_ACCOUNT_ID={}\nR2_ACCESS_KEY_ID={}\nCLOUDFLARE_API_TOKEN=t0ken\nCLOUDFLARE_API_BASE_URL={base}\n",
            "0".repeat(32),
            "1".repeat(32)
        ),
    );
    let command = ["--env-file", "api.env", "r2", "--bucket", "films", "credentials", "--through-api"];
    let exported = folder.ok(&[&command[..], &["--read-only", "--prefix", "a/"]].concat());
    assert!(exported.contains("export R2_SESSION_TOKEN=token\nexport R2_BUCKET_MEDIA=films\n"), "{exported}");
    let request = api.join().unwrap();
    let path = format!("POST /client/v4/accounts/{}/r2/temp-access-credentials ", "0".repeat(32));
    assert!(request.starts_with(&path), "{request}");
    assert!(request.contains(r#""permission":"object-read-only""#), "{request}");
    folder.write("no-token.env", format!("R2_ACCOUNT_ID={}\nR2_ACCESS_KEY_ID=x\n", "0".repeat(32)));
    let refused = folder.fails(&[
        "--env-file",
        "no-token.env",
        "r2",
        "--bucket",
        "films",
        "credentials",
        "--through-api",
    ]);
    assert!(refused.contains("CLOUDFLARE_API_TOKEN is not set"), "{refused}");
}
