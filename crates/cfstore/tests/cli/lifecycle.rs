//! The lifecycle rules of a bucket, and what happens to its objects.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{Folder, Server};

/// Waits until something is there, which takes moments.
fn wait_for<T>(mut find: impl FnMut() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(found) = find() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    find().unwrap()
}

#[test]
fn rules_are_set_shown_carried_out_and_removed() {
    let folder = Folder::new();
    folder.write("in", "x");
    folder.ok(&["r2", "put", "in", "logs/a"]);
    let default = folder.json(&["r2", "lifecycle", "show"]);
    assert_eq!(default["rules"][0]["id"], "Default Multipart Abort Rule");

    let logs = ["r2", "lifecycle", "set", "--add", "--id", "logs", "--prefix", "logs/", "--delete-after"];
    assert_eq!(folder.done(&[&logs[..], &["90days"]].concat()), "the bucket has 2 lifecycle rules");
    // One of this name is replaced.
    assert_eq!(folder.done(&[&logs[..], &["1days"]].concat()), "the bucket has 2 lifecycle rules");
    let shown = folder.ok(&["r2", "lifecycle", "show"]);
    folder.write("rules.json", &shown);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        shown["rules"][1],
        json!({
            "id": "logs",
            "enabled": true,
            "conditions": { "prefix": "logs/" },
            "deleteObjectsTransition": { "condition": { "type": "Age", "maxAge": 86400 } },
        })
    );
    let s3 = folder.json(&["r2", "lifecycle", "show", "--form", "s3"]);
    assert_eq!(s3["Rules"][1]["Expiration"], json!({ "Days": 1 }));
    assert_eq!(folder.done(&["r2", "lifecycle", "rm", "logs"]), "removed 1 lifecycle rule: 1 left");
    assert_eq!(folder.done(&["r2", "lifecycle", "set", "rules.json"]), "the bucket has 2 lifecycle rules");
    let missing = folder.fails(&["r2", "lifecycle", "rm", "other"]);
    assert!(missing.starts_with("exit 3\nerror: lifecycle rule \"other\" does not exist"), "{missing}");
    assert_eq!(folder.done(&["r2", "lifecycle", "rm", "--all"]), "removed 2 lifecycle rules: 0 left");
    let failed = folder.fails(&["r2", "lifecycle", "show"]);
    assert!(failed.starts_with("exit 3\nerror: bucket media in ") && failed.contains("no lifecycle rules"));

    let now = ["r2", "lifecycle", "set", "--id", "now", "--delete-after", "0", "--prefix", "logs/"];
    let said = String::from_utf8(folder.run(&now).stderr).unwrap();
    assert!(said.contains("no rule aborts unfinished uploads"), "{said}");
    folder.ok(&["r2", "put", "in", "other"]);
    // The next command carries it out.
    assert_eq!(folder.ok(&["r2", "ls", "-r"]).lines().count(), 1);

    folder.write("wrong.json", r#"[{"id": "a", "enabled": true, "prefix": "b"}]"#);
    for (args, said) in [
        (&["wrong.json"][..], "unknown field `prefix`"),
        (&["--id", "a"], "--delete-after"),
        (&["--id", "a", "--delete-on", "soon"], "write it as 2027-01-31"),
        (&["--delete-after", "1day"], "--id"),
    ] {
        let refused = folder.fails(&[&["r2", "lifecycle", "set"], args].concat());
        assert!(refused.starts_with("exit 2") && refused.contains(said), "{args:?}: {refused}");
    }
}

#[test]
fn rules_of_a_server_count_in_days() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let elsewhere = Folder::new();
    let set = |age: &str| {
        let args = ["r2", "lifecycle", "set", "--id", "a", "--abort-uploads-after", age];
        server.command(&elsewhere, &args).output().unwrap()
    };
    assert!(set("2days").status.success());
    let shown: Value = serde_json::from_str(&server.ok(&elsewhere, &["r2", "lifecycle", "show"])).unwrap();
    assert_eq!(shown["rules"][0]["abortMultipartUploadsTransition"]["condition"]["maxAge"], 172_800);
    let refused = String::from_utf8(set("1h").stderr).unwrap();
    assert!(refused.contains("the S3 API counts in days"), "{refused}");
}

#[test]
fn a_rule_that_empties_the_bucket_at_once_is_asked_about() {
    let folder = Folder::new();
    folder.write("in", "x");
    folder.ok(&["r2", "put", "in", "a"]);
    let set = ["r2", "lifecycle", "set", "--id", "all", "--delete-on", "2026-01-01"];
    let refused = folder.fails(&set);
    assert!(
        refused.starts_with(
            "exit 2\nerror: rule all, which deletes all objects of the bucket now, needs a confirm"
        ),
        "{refused}"
    );
    assert_eq!(folder.ok(&["r2", "ls", "--json"]).lines().count(), 1);
    folder.ok(&[&set[..], &["--yes"]].concat());
    // The next command finds it done.
    assert_eq!(folder.ok(&["r2", "ls", "--json"]), "");
}

#[test]
fn xml_is_named_as_what_it_is() {
    let folder = Folder::new();
    folder.write("rules.xml", "<LifecycleConfiguration/>");
    let refused = folder.fails(&["r2", "lifecycle", "set", "rules.xml"]);
    assert!(refused.starts_with("exit 2\nerror: \"rules.xml\" is XML"), "{refused}");
}

/// The events of a file, as far as they are whole.
fn events(folder: &Folder, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.path().join(file)).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn what_happens_to_objects_goes_to_a_file() {
    let folder = Folder::new();
    folder.write("in", "hello");
    let server = Server::start_with(&folder, &["--events", "events.jsonl"]);
    server.ok(&folder, &["r2", "put", "in", "a"]);
    server.ok(&folder, &["r2", "cp", "a", "b"]);
    server.ok(&folder, &["r2", "rm", "a", "never"]);
    let found = wait_for(|| Some(events(&folder, "events.jsonl")).filter(|events| events.len() == 3));
    let account = server.variable("R2_ACCOUNT_ID");
    assert_eq!(
        json!([found[0]["account"], found[0]["action"], found[0]["bucket"], found[0]["object"]]),
        json!([account, "PutObject", "media", { "key": "a", "size": 5, "eTag": "5d41402abc4b2a76b9719d911017c592" }])
    );
    assert_eq!(found[1]["copySource"], json!({ "bucket": "media", "object": "a" }));
    assert_eq!(json!([found[2]["action"], found[2]["object"]]), json!(["DeleteObject", { "key": "a" }]));
    for nothing in ["", "ftp://example.com/events"] {
        let refused = folder.fails(&["serve", "--listen", "127.0.0.1:0", "--events", nothing]);
        assert!(refused.contains("is neither a file nor an HTTP URL"), "{refused}");
    }
    let refused = folder.fails(&["serve", "--listen", "127.0.0.1:0", "--events", "no/such/folder"]);
    assert!(refused.contains("cannot write --events \"no/such/folder\""), "{refused}");
    // Refused before a store is made.
    let elsewhere = Folder::new();
    for wrong in ["", "ftp://a/b", "no/such/folder", "command: ", "http://", "http://user:word@a b/"] {
        let refused = elsewhere.fails(&["serve", "--listen", "127.0.0.1:0", "--events", wrong]);
        assert!(
            refused.starts_with("exit 2") && refused.contains("give --events a file"),
            "{wrong}: {refused}"
        );
        assert!(!refused.contains("word"), "{refused}");
    }
    assert!(!elsewhere.path().join(".cfstore").exists());
}

#[cfg(unix)]
#[test]
fn a_command_that_fails_is_run_again_with_the_same_event() {
    let folder = Folder::new();
    folder.write("in", "hello");
    // It fails the first time.
    let command = "command:cat >> tried; test -e again || { touch again; exit 1; }";
    let server = Server::start_with(&folder, &["--events", command]);
    server.ok(&folder, &["r2", "put", "in", "a"]);
    let found = wait_for(|| Some(events(&folder, "tried")).filter(|events| events.len() == 2));
    assert_eq!((&found[0], &found[0]["object"]["key"]), (&found[1], &"a".into()));
}

#[test]
fn a_url_gets_each_event_posted() {
    let folder = Folder::new();
    folder.write("in", "hello");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/events?key=1", listener.local_addr().unwrap());
    let server = Server::start_with(&folder, &["--events", &url]);
    server.ok(&folder, &["r2", "put", "in", "a"]);
    // The first request fails.
    for status in ["503 Service Unavailable", "200 OK"] {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0);
            request.extend_from_slice(&buffer[..read]);
        }
        let request = String::from_utf8(request).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /events?key=1 HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        assert_eq!(serde_json::from_str::<Value>(body).unwrap()["object"]["key"], "a");
        write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    }
}
