//! `cfstore kv`: keys, and many of them at once.

use std::fs::{self, File};

use serde_json::Value;

use crate::program::{Folder, Server, failure, stdout};

#[test]
fn keys_are_stored_listed_read_and_deleted_in_the_embedded_store_and_over_rest() {
    let folder = Folder::new();
    assert!(folder.fails(&["kv", "ls"]).starts_with("exit 3\nerror: Cloudflare's variables are not set"));
    assert_eq!(folder.done(&["kv", "put", "greeting", "hello"]), "greeting  5 B");
    let server = Server::start(&folder);
    let remote = |args: &[&str]| stdout(&server.command(&folder, args).output().unwrap(), args);
    // Both are the same namespace.
    assert_eq!(remote(&["kv", "get", "greeting"]), "hello");
    folder.write("value", b"\0\xff");
    remote(&["kv", "put", "bytes", "--file", "value", "--ttl", "1h", "--metadata", "{\"n\": 1}"]);
    for run in [&(|args: &[&str]| folder.ok(args)) as &dyn Fn(&[&str]) -> String, &remote] {
        let listed = run(&["kv", "ls"]);
        let mut lines = listed.lines();
        let first = lines.next().unwrap();
        assert!(first.starts_with("bytes  expires 20") && first.ends_with("Z  {\"n\": 1}"), "{first}");
        assert_eq!(lines.collect::<Vec<_>>(), ["greeting"]);
        let found: Value = serde_json::from_str(&run(&["--json", "kv", "get", "bytes"])).unwrap();
        assert_eq!((&found["value"], &found["base64"]), (&"AP8=".into(), &true.into()));
        assert_eq!(found["metadata"]["n"], 1);
        assert!(found["expiration"].is_u64());
        run(&["kv", "get", "bytes", "copy"]);
        assert_eq!(folder.read("copy"), b"\0\xff");
    }
    let missing = failure(&server.command(&folder, &["kv", "get", "none"]).output().unwrap());
    assert_eq!(missing, "exit 3\nerror: key \"none\" does not exist\n hint: `cfstore kv ls` lists the keys");
    let removed = remote(&["kv", "rm", "bytes", "none"]);
    let [id, account, url] = ["KV_NAMESPACE_ID", "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_BASE_URL"]
        .map(|name| server.variable(name));
    let target = format!("namespace {id} of account {account} at {url}");
    assert_eq!(removed, format!("deleted 1 key, 1 missing  ({target})\n"));
    assert_eq!(folder.ok(&["kv", "ls"]), "greeting\n");
    let refused = folder.fails(&["kv", "put", "k", "v", "--ttl", "5s"]);
    assert!(refused.starts_with("exit 2\n") && refused.contains("whole seconds, 60s or more"), "{refused}");
    let refused = folder.fails(&["kv", "rm", "--all"]);
    assert!(refused.starts_with("exit 2\n") && refused.contains("--yes"), "{refused}");
    assert_eq!(folder.done(&["kv", "rm", "--all", "--yes"]), "deleted 1 key");
    assert_eq!(remote(&["kv", "ls"]), "");
}

#[test]
fn many_keys_go_in_as_wrangler_has_them_and_come_out_the_same() {
    let folder = Folder::new();
    let pairs = r#"[{"key":"a","value":"1","metadata":{"m":1}},{"key":"b","value":"AP8=","base64":true}]"#;
    folder.write("pairs.json", pairs);
    assert_eq!(folder.done(&["kv", "bulk", "put", "pairs.json"]), "stored 2 keys");
    let lines = folder.ok(&["kv", "bulk", "get", "--all", "--bytes"]);
    let read: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Value::from(read), serde_json::from_str::<Value>(pairs).unwrap());
    folder.write("lines", &lines);
    folder.ok(&["kv", "rm", "--all", "--yes"]);
    assert_eq!(folder.done(&["kv", "bulk", "put", "lines"]), "stored 2 keys");
    assert_eq!(folder.ok(&["kv", "bulk", "get", "b", "a", "--bytes"]).lines().count(), 2);
    let output = folder.run(&["kv", "bulk", "get", "a", "none"]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("\"none\"") && !said.contains("\"a\""), "{said}");
    assert_eq!(
        folder.ok(&["kv", "bulk", "get", "--prefix", "a"]),
        lines.lines().next().unwrap().to_owned() + "\n"
    );
    let mut piped = folder.command(&["kv", "bulk", "put", "-"]);
    let piped = piped.stdin(File::open(folder.path().join("lines")).unwrap()).output().unwrap();
    assert!(stdout(&piped, &["kv", "bulk", "put", "-"]).starts_with("stored 2 keys  ("));
    folder.write("wrong", "[{\"key\": \"a\"}]");
    let refused = folder.fails(&["kv", "bulk", "put", "wrong"]);
    assert!(refused.starts_with("exit 2\nerror: cannot read the pairs: missing field `value`"), "{refused}");
}

#[test]
fn times_and_sizes_at_their_ends() {
    let folder = Folder::new();
    for args in [
        &["kv", "put", "k", "v", "--ttl", "9000y"][..],
        &["kv", "put", "k", "v", "--ttl", "9223372036854775807"],
        &["kv", "put", "k", "v", "--ttl", "18446744073709551615"],
    ] {
        let refused = folder.fails(args);
        assert!(
            refused.starts_with("exit 2") && refused.contains("after the year 9999"),
            "{args:?}: {refused}"
        );
    }
    for args in [
        &["r2", "presign", "a", "--expires", "0"][..],
        &["r2", "presign", "a", "--expires", "18446744073709551615"],
        &["r2", "presign", "a", "--expires", "18446744073709551616"],
        &["r2", "presign", "a", "--expires", "584942417355y"],
        &["kv", "put", "k", "v", "--expires-at", "10000-01-01T00:00:00Z"],
        &["kv", "put", "k", "v", "--expires-at", "0000-01-01T00:00:00Z"],
    ] {
        assert!(folder.fails(args).starts_with("exit 2"), "{args:?}");
    }
    folder.ok(&["kv", "put", "k", "v", "--expires-at", "9999-12-31T23:59:59Z"]);
    let listed = folder.ok(&["kv", "ls"]);
    assert!(listed.contains("expires 9999-12-31T23:59:59Z"), "{listed}");
    folder.write("pairs", r#"{"key":"far","value":"x","expiration":18446744073709551615}"#);
    assert!(folder.fails(&["kv", "bulk", "put", "pairs"]).starts_with("exit 2"));
    folder.write("in", "four");
    folder.ok(&["r2", "put", "in", "a"]);
    assert_eq!(folder.ok(&["r2", "get", "a", "-", "--range", "1-18446744073709551615"]), "our");
}

/// Over REST, whose reads of many keys are text.
#[test]
fn a_backup_restores_what_was_there() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let remote = |args: &[&str]| stdout(&server.command(&folder, args).output().unwrap(), args);
    let values: [&[u8]; 9] = [
        b"text",
        b"",
        b"\0\xff",
        b"\xef\xbf\xbd",
        b"\xef\xbb\xbfmarked",
        b"\xf0\x9f",
        b"\r\n\t\"",
        "😀".as_bytes(),
        b"\xed\xa0\x80",
    ];
    let mut expected = Vec::new();
    for (number, value) in values.iter().enumerate() {
        folder.write("value", value);
        let key = format!("{number} é");
        let metadata = format!(r#"{{"big":12345678901234567890,"n":{number},"é":"\u0000"}}"#);
        remote(&[
            "kv",
            "put",
            &key,
            "--file",
            "value",
            "--metadata",
            &metadata,
            "--expires-at",
            "2100-01-01T00:00:00Z",
        ]);
        expected.push((key, value.to_vec(), metadata));
    }
    // More than one request reads.
    let rest: Vec<_> = (0..120)
        .map(|n| serde_json::json!({ "key": format!("rest/{n}"), "value": format!("{n} \u{fffd}"), "base64": false }))
        .collect();
    folder.write("rest", serde_json::to_vec(&rest).unwrap());
    remote(&["kv", "bulk", "put", "rest"]);
    let backup = remote(&["kv", "bulk", "get", "--all"]);
    assert_eq!(backup.lines().count(), 129);
    folder.write("backup", &backup);
    remote(&["kv", "rm", "--all", "--yes"]);
    assert!(remote(&["kv", "bulk", "put", "backup"]).starts_with("stored 129 keys  ("));
    for (key, value, metadata) in expected {
        remote(&["kv", "get", &key, "back"]);
        assert_eq!(folder.read("back"), value, "{key}");
        let listed: Value = serde_json::from_str(&remote(&["--json", "kv", "ls", &key])).unwrap();
        assert_eq!(listed["metadata"], serde_json::from_str::<Value>(&metadata).unwrap());
        assert_eq!(listed["expiration"], 4_102_444_800_u64);
    }
    assert_eq!(folder.ok(&["kv", "bulk", "get", "--all"]), backup);
}

#[test]
fn what_has_expired_since_a_backup_is_skipped() {
    let folder = Folder::new();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let pairs = format!(
        "\u{feff}[{{\"key\":\"past\",\"value\":\"1\",\"expiration\":1}},{{\"key\":\"soon\",\"value\":\"1\",\"expiration\":{}}},\
         {{\"key\":\"good\",\"value\":\"1\",\"expiration\":{}.0}},{{\"key\":\"ttl\",\"value\":\"1\",\"expiration\":1,\"expiration_ttl\":6e1}}]",
        now + 30,
        now + 600,
    );
    folder.write("pairs", pairs);
    let put = ["kv", "bulk", "put", "pairs"];
    assert_eq!(folder.done(&put), "stored 2 keys, 2 skipped: expired, or expiring within a minute");
    assert_eq!(folder.ok(&["kv", "bulk", "get", "good", "ttl"]).lines().count(), 2);
    let lines = folder.ok(&[&["--json"], &put[..]].concat());
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let stored =
        lines.iter().map(|line| (line["stored"].as_bool().unwrap(), line["expired"].as_bool().unwrap()));
    assert_eq!(stored.collect::<Vec<_>>(), [(true, false), (true, false), (false, true), (false, true)]);
}

#[test]
fn a_field_that_nobody_knows_stores_nothing() {
    let folder = Folder::new();
    folder.ok(&["kv", "put", "there", "1"]);
    folder.write("pairs", r#"[{"key":"a","value":"x"},{"key":"x","value":"x","expirationTtl":60}]"#);
    let refused = folder.fails(&["kv", "bulk", "put", "pairs"]);
    assert!(
        refused.starts_with(
            "exit 2\nerror: cannot read the pairs: unknown field `expirationTtl`, expected one of "
        ) && refused.contains("`expiration_ttl`"),
        "{refused}"
    );
    for number in ["60.5", "-1", "1e300", "\"60\"", "true"] {
        folder.write("pairs", format!("{{\"key\":\"x\",\"value\":\"x\",\"expiration_ttl\":{number}}}"));
        assert!(folder.fails(&["kv", "bulk", "put", "pairs"]).starts_with("exit 2"), "{number}");
    }
    assert_eq!(folder.ok(&["kv", "ls"]), "there\n");
}

#[test]
fn a_value_that_names_a_file_is_a_text_and_said_to_be() {
    let folder = Folder::new();
    folder.write("value.json", "{}");
    for value in ["value.json", "-"] {
        let put = folder.run(&["kv", "put", "k", value]);
        assert!(String::from_utf8(put.stderr).unwrap().contains("or of stdin (-), give --file"), "{value}");
        assert_eq!(folder.ok(&["kv", "get", "k"]), value);
    }
    // Into a folder, and into what cannot be replaced.
    fs::create_dir(folder.path().join("to")).unwrap();
    folder.ok(&["kv", "get", "k", "to"]);
    assert_eq!(folder.read("to/k"), b"-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        folder.ok(&["kv", "get", "k", "/dev/null"]);
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }
}
