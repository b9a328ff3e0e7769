//! `--sse-c-key-file`: objects that are encrypted by keys of one's own.

use crate::content;
use crate::program::Folder;

const ONE: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
const TWO: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("one", ONE);
    folder.write("two", TWO);
    folder.write("three", [3; 32]);
    folder
}

#[test]
fn objects_come_back_with_their_key() {
    let folder = folder();
    let bytes = content(70 * 1024 * 1024, 0);
    folder.write("in", &bytes);
    let stored = folder.json(&["--json", "r2", "put", "in", "large", "--sse-c-key-file", "one"]);
    assert_eq!(stored["verified"], "crc64");
    folder.ok(&["r2", "get", "large", "out", "--sse-c-key-file", "one"]);
    assert!(folder.read("out") == bytes);
    for (name, key) in [("a", "two"), ("b", "three")] {
        folder.write("text", "some text");
        folder.ok(&["r2", "put", "text", name, "--sse-c-key-file", key]);
        assert_eq!(folder.ok(&["r2", "cat", name, "--sse-c-key-file", key]), "some text");
        assert_eq!(folder.ok(&["r2", "get", name, "-", "--range", "5-8", "--sse-c-key-file", key]), "text");
    }
    let head = folder.json(&["--json", "r2", "head", "large", "--sse-c-key-file", "one"]);
    assert_eq!(head["ssecKeyMd5"], stored["ssecKeyMd5"]);
    assert!(head["ssecKeyMd5"].is_string());
    let human = folder.ok(&["r2", "head", "large", "--sse-c-key-file", "one"]);
    assert!(human.contains("MD5 of SSE-C key"), "{human}");

    insta::assert_snapshot!(folder.fails(&["r2", "cat", "a"]), @r#"
    exit 1
    error: get "a": The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object. (InvalidRequest)
     hint: the object is encrypted with a customer's key: give the key with --sse-c-key-file
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "cat", "a", "--sse-c-key-file", "one"]), @r#"
    exit 1
    error: get "a": Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key. (AccessDenied)
     hint: the object is encrypted with another key: give the file of that key with --sse-c-key-file
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "cat", "a", "--sse-c-key-file", "text"]), @r#"
    exit 2
    error: cannot use the SSE-C key file "text": its 9 bytes are not a key
     hint: it must hold 32 bytes, raw or as 64 hex digits or 44 characters of base64; `openssl rand -hex 32` generates a key
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "cat", "a", "--sse-c-key-file", "missing"]), @r#"
    exit 2
    error: cannot use the SSE-C key file "missing": No such file or directory (os error 2)
     hint: it must hold 32 bytes, raw or as 64 hex digits or 44 characters of base64; `openssl rand -hex 32` generates a key
    "#);
}

#[test]
fn what_is_not_encrypted_takes_no_key_and_deleting_takes_none() {
    let folder = folder();
    folder.write("text", "some text");
    folder.ok(&["r2", "put", "text", "plain"]);
    let refused = folder.fails(&["r2", "cat", "plain", "--sse-c-key-file", "one"]);
    assert!(
        refused.contains("the object is not encrypted with a customer's key: leave --sse-c-key-file out"),
        "{refused}"
    );
    folder.ok(&["r2", "put", "text", "encrypted", "--sse-c-key-file", "one"]);
    folder.ok(&["r2", "rm", "encrypted"]);
    assert_eq!(folder.ok(&["r2", "ls", "--json"]).lines().count(), 1);
}

#[test]
fn copies_change_keys_and_trees_have_one() {
    let folder = folder();
    folder.write("text", "some text");
    folder.ok(&["r2", "put", "text", "a"]);
    // From plain to encrypted, to another key in place, and back.
    folder.ok(&["r2", "cp", "a", "b", "--sse-c-key-file", "one", "--source-sse-c-key-file", "none"]);
    folder.ok(&["r2", "cp", "b", "b", "--sse-c-key-file", "two", "--source-sse-c-key-file", "one"]);
    assert_eq!(folder.ok(&["r2", "cat", "b", "--sse-c-key-file", "two"]), "some text");
    folder.ok(&["r2", "mv", "b", "c", "--sse-c-key-file", "two"]);
    folder.ok(&["r2", "cp", "c", "d", "--source-sse-c-key-file", "two"]);
    assert_eq!(folder.ok(&["r2", "cat", "d"]), "some text");

    std::fs::create_dir(folder.path().join("tree")).unwrap();
    folder.write("tree/x", "x");
    folder.ok(&["r2", "put", "-r", "tree", "tree/", "--sse-c-key-file", "three"]);
    folder.ok(&["r2", "sync", "r2://media/tree/", "back", "--sse-c-key-file", "three"]);
    assert_eq!(folder.read("back/x"), b"x");
    folder.ok(&["r2", "put", "-r", "tree", "tree/", "--checksum", "--sse-c-key-file", "three"]);
}
