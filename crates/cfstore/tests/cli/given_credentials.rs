//! `cfstore serve --credentials-from-env`

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::program::{Folder, Server, failure};

const ID: &str = "0123456789abcdef0123456789abcdef";
const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const TOKEN: &str = "a-token-that-the-clients-know-as-well";

const SERVE: [&str; 5] = ["--json", "serve", "--listen", "127.0.0.1:0", "--credentials-from-env"];

#[test]
fn they_are_known_before_the_server_starts() {
    let folder = Folder::new();
    let mut serve = folder.command(&SERVE);
    serve.env("R2_ACCOUNT_ID", ID).env("R2_ACCESS_KEY_ID", ID).env("R2_SECRET_ACCESS_KEY", SECRET);
    serve.env("CLOUDFLARE_API_TOKEN", TOKEN).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = serve.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let printed: Value = serde_json::from_str(&line).unwrap();
    let variables: Vec<_> = printed.as_object().unwrap().iter().collect();
    let variables = variables
        .into_iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    let server = Server { child, variables };
    for (name, value) in
        [("R2_ACCOUNT_ID", ID), ("R2_SECRET_ACCESS_KEY", SECRET), ("CLOUDFLARE_API_TOKEN", TOKEN)]
    {
        assert_eq!(server.variable(name), value);
    }
    let elsewhere = Folder::new();
    elsewhere.write("in", "hello");
    server.ok(&elsewhere, &["r2", "put", "in", "a"]);
    assert_eq!(server.ok(&elsewhere, &["r2", "get", "a", "-"]), "hello");
    server.ok(&elsewhere, &["kv", "put", "k", "v"]);
    let mut wrong = server.command(&elsewhere, &["kv", "get", "k"]);
    let wrong = failure(&wrong.env("CLOUDFLARE_API_TOKEN", "f".repeat(40)).output().unwrap());
    assert!(wrong.starts_with("exit 1"), "{wrong}");
    assert!(!folder.path().join(".cfstore/credentials.json").exists());
}

#[test]
fn they_are_refused_before_a_store_is_made() {
    let folder = Folder::new();
    let missing = folder.fails(&SERVE);
    assert!(missing.starts_with("exit 2"), "{missing}");
    assert!(missing.contains("R2_ACCOUNT_ID, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY"), "{missing}");
    let mut short = folder.command(&SERVE);
    short.env("R2_ACCOUNT_ID", ID).env("R2_ACCESS_KEY_ID", ID).env("R2_SECRET_ACCESS_KEY", "hush");
    let short = failure(&short.output().unwrap());
    assert!(short.starts_with("exit 2") && short.contains("64 hex characters"), "{short}");
    assert!(!short.contains("hush") && !folder.path().join(".cfstore").exists(), "{short}");
}
