//! How the program handles answers that R2 and KV never send.

use testkit::{ScriptedServer, answer};

use crate::program::{Folder, failure};

/// A server that ignores conditions.
#[tokio::test(flavor = "multi_thread")]
async fn if_absent_looks_first() {
    let folder = Folder::new();
    folder.write("in", "new");
    let there = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nLast-Modified: Fri, 15 Jan 2027 08:00:00 GMT\r\nContent-Length: 3\r\n\r\n";
    for file in ["in", "-"] {
        let stored = answer("200 OK", &["ETag: \"e\""], "");
        let server = ScriptedServer::answering([there.to_owned(), stored]).await;
        let variables =
            [("R2_ENDPOINT", &*server.url()), ("R2_ACCESS_KEY_ID", "id"), ("R2_SECRET_ACCESS_KEY", "secret")];
        let mut command = folder.command(&["r2", "put", file, "k", "--if-absent"]);
        let output = command.envs(variables).env("R2_BUCKET_MEDIA", "media").output().unwrap();
        assert!(failure(&output).starts_with("exit 1\nerror: put \"k\": an object with this key exists"));
        assert_eq!(server.lines(), ["HEAD /media/k"]);
    }
}

/// A server that lists keys that were not requested.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_the_prefix_is_deleted() {
    let contents = |key: &str| {
        format!(
            "<Contents><Key>{key}</Key><LastModified>2026-11-25T05:18:20.123Z</LastModified><ETag>\"e\"</ETag>\
             <Size>18446744073709551615</Size></Contents>"
        )
    };
    let page = |keys: &[&str], next: &str| {
        let keys: String = keys.iter().map(|key| contents(key)).collect();
        let truncated = !next.is_empty();
        let body = format!(
            "<ListBucketResult><Name>media</Name><IsTruncated>{truncated}</IsTruncated>{next}{keys}</ListBucketResult>"
        );
        answer("200 OK", &[], &body)
    };
    let next = "<NextContinuationToken>2</NextContinuationToken>";
    let pages = [page(&["a/1", "a/2"], next), page(&["a/3", "b/secret"], "")];
    let folder = Folder::new();
    let run = |url: &str, args: &[&str]| {
        let mut command = folder.command(args);
        let variables =
            [("R2_ENDPOINT", url), ("R2_ACCESS_KEY_ID", "id"), ("R2_SECRET_ACCESS_KEY", "secret")];
        command.envs(variables).env("R2_BUCKET_MEDIA", "media").output().unwrap()
    };
    let server = ScriptedServer::answering(pages).await;
    let failed = failure(&run(&server.url(), &["r2", "rm", "--prefix", "a/", "--yes"]));
    assert!(failed.starts_with(
        "exit 1\nerror: asked for the keys that begin with \"a/\", the server lists \"b/secret\""
    ));
    assert!(server.lines().iter().all(|line| line.starts_with("GET ")), "{:?}", server.lines());

    // Sizes whose sum overflows.
    let server = ScriptedServer::answering([page(&["a/1", "a/2"], "")]).await;
    let listed = run(&server.url(), &["r2", "ls", "-r", "a/"]);
    assert!(listed.status.success(), "{listed:?}");
    assert!(
        String::from_utf8(listed.stderr)
            .unwrap()
            .contains("2 objects, 16.00 EiB  (bucket media at http://127.0.0.1:")
    );
}

/// The same for KV.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_the_prefix_is_deleted_or_read_in_kv() {
    let folder = Folder::new();
    let body = r#"{"success":true,"errors":[],"messages":[],"result":[{"name":"a/1","expiration":18446744073709551615},{"name":"b"}]}"#;
    for args in [&["kv", "rm", "--prefix", "a/", "--yes"][..], &["kv", "bulk", "get", "--prefix", "a/"]] {
        let server = ScriptedServer::answering([answer("200 OK", &[], body)]).await;
        let id = "0123456789abcdef0123456789abcdef";
        let variables =
            [("KV_NAMESPACE_ID", id), ("CLOUDFLARE_ACCOUNT_ID", id), ("CLOUDFLARE_API_TOKEN", "token")];
        let mut command = folder.command(args);
        let output = command.envs(variables).env("CLOUDFLARE_API_BASE_URL", server.url()).output().unwrap();
        let failed = failure(&output);
        assert!(failed.contains("lists \"b\": the listing is ignored"), "{failed}");
        assert_eq!(server.lines().len(), 1);
    }
}

/// The source is replaced between the copy and its deletion.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_replaced_is_not_deleted() {
    let folder = Folder::new();
    let head = |etag: &str| {
        let etag = format!("ETag: \"{etag}\"");
        format!(
            "HTTP/1.1 200 OK\r\n{etag}\r\nLast-Modified: Fri, 15 Jan 2027 08:00:00 GMT\r\nContent-Length: 3\r\n\r\n"
        )
    };
    let copied = answer(
        "200 OK",
        &[],
        "<CopyObjectResult><ETag>\"old\"</ETag><LastModified>2027-01-15T08:00:00.000Z</LastModified></CopyObjectResult>",
    );
    let run = async |answers: Vec<String>| {
        let server = ScriptedServer::answering(answers).await;
        let mut command = folder.command(&["r2", "mv", "a", "b"]);
        let url = server.url();
        command.envs([
            ("R2_ENDPOINT", &*url),
            ("R2_ACCESS_KEY_ID", "id"),
            ("R2_SECRET_ACCESS_KEY", "secret"),
        ]);
        let output = command.env("R2_BUCKET_MEDIA", "media").output().unwrap();
        (output, server.lines())
    };
    let copy = [head("old"), copied];
    let (output, lines) = run([&copy[..], &[head("old"), head("old"), head("new")]].concat()).await;
    let failed = failure(&output);
    assert!(failed.starts_with("exit 1") && failed.contains("it was replaced during the copy"), "{failed}");
    assert!(lines.iter().all(|line| !line.starts_with("DELETE")), "{lines:?}");
    let lost = answer("404 Not Found", &[], "");
    let (output, lines) = run([&copy[..], &[lost, answer("200 OK", &[], "")]].concat()).await;
    assert!(failure(&output).contains("the copy does not exist"), "{output:?}");
    assert!(lines.iter().all(|line| !line.starts_with("DELETE")), "{lines:?}");
}

/// A server whose bytes do not match the etag.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_objects_are_no_success() {
    let folder = Folder::new();
    let etag = "ETag: \"8cbad96aced40b3838dd9f07f6ef5772\"";
    let date = "Last-Modified: Fri, 15 Jan 2027 08:00:00 GMT";
    let answer = answer("200 OK", &[etag, date], "foul");
    let server = ScriptedServer::answering(vec![answer; 8]).await;
    let url = server.url();
    let mut cat = folder.command(&["r2", "cat", "a", "b"]);
    cat.envs([("R2_ENDPOINT", &*url), ("R2_ACCESS_KEY_ID", "id"), ("R2_SECRET_ACCESS_KEY", "secret")]);
    let failed = failure(&cat.env("R2_BUCKET_MEDIA", "media").output().unwrap());
    assert!(failed.starts_with("exit 1") && failed.contains("damaged"), "{failed}");
}
