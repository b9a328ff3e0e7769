//! The CORS rules of a bucket.

use serde_json::json;

use crate::program::{Folder, Server};

const APP: &str = "https://app.example.com";

#[test]
fn rules_are_set_shown_checked_and_removed() {
    let folder = Folder::new();
    folder.write("in", "x");
    folder.ok(&["r2", "put", "in", "a"]);
    let failed = folder.fails(&["r2", "cors", "show"]);
    assert!(
        failed.starts_with("exit 3\nerror: bucket media in ") && failed.contains("no CORS rules"),
        "{failed}"
    );

    let set = ["r2", "cors", "set", "--origin", APP, "--method", "get,HEAD", "--header", "range"];
    assert_eq!(folder.done(&set), "the bucket has 1 CORS rule");
    let add = [
        "r2",
        "cors",
        "set",
        "--add",
        "--origin",
        APP,
        "--method",
        "PUT",
        "--header",
        "content-type",
        "--expose",
        "etag",
        "--max-age",
        "1h",
    ];
    // A rule that is there is not added again.
    for _ in 0..2 {
        assert_eq!(folder.done(&add), "the bucket has 2 CORS rules");
    }
    let rules = json!([
        { "AllowedOrigins": [APP], "AllowedMethods": ["GET", "HEAD"], "AllowedHeaders": ["range"] },
        {
            "AllowedOrigins": [APP],
            "AllowedMethods": ["PUT"],
            "AllowedHeaders": ["content-type"],
            "ExposeHeaders": ["etag"],
            "MaxAgeSeconds": 3600,
        },
    ]);
    assert_eq!(folder.json(&["r2", "cors", "show"]), json!({ "CORSRules": rules }));
    let cloudflare = folder.ok(&["r2", "cors", "show", "--form", "cloudflare"]);
    assert!(cloudflare.contains("\"allowed\": {"), "{cloudflare}");
    let shown = folder.json(&["--json", "r2", "cors", "show"]);
    assert_eq!((&shown["CORSRules"], &shown["target"]), (&rules, &folder.target("bucket media").into()));
    folder.write("shown.json", shown.to_string());
    assert_eq!(folder.done(&["r2", "cors", "set", "shown.json"]), "the bucket has 2 CORS rules");

    let check = |args: &[&str]| {
        let args = [&["r2", "cors", "check", "--origin", APP, "--method"], args].concat();
        let output = folder.run(&args);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, allowed) = check(&["put", "--header", "Content-Type"]);
    assert_eq!(code, Some(0));
    assert!(
        allowed.starts_with("rule 2 allows it; the page can read the response headers etag"),
        "{allowed}"
    );
    let (code, refused) = check(&["PUT", "--header", "content-type,x-trace"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        refused,
        "rule 1 does not allow the method PUT (allowed: GET, HEAD), nor the headers content-type, x-trace (allowed: range)\n\
         rule 2 does not allow the header x-trace (allowed: content-type)\n"
    );

    // Both forms are read back.
    folder.write("rules.json", &cloudflare);
    let other = Folder::new();
    other.write("in", "x");
    other.write("rules.json", &cloudflare);
    assert_eq!(other.done(&["r2", "cors", "set", "rules.json"]), "the bucket has 2 CORS rules");
    assert_eq!(other.json(&["r2", "cors", "show"]), json!({ "CORSRules": rules }));

    assert_eq!(folder.done(&["r2", "cors", "rm"]), "removed 2 CORS rules: no web page can use the bucket");
    let (code, refused) = check(&["GET"]);
    assert_eq!((code, refused.as_str()), (Some(1), "the bucket has no CORS rules, so no page may use it\n"));
    let (code, _) = check(&["GET", "--header", "range", "--file", "rules.json"]);
    assert_eq!(code, Some(0));
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_done() {
    let folder = Folder::new();
    for (args, said) in [
        (vec!["set"], "required"),
        (vec!["set", "--origin", APP], "--method"),
        (vec!["set", "--method", "GET"], "--origin"),
        (vec!["set", "cors.json", "--origin", APP, "--method", "GET"], "cannot be used with"),
        (
            vec!["set", "--origin", "https://app.example.com/", "--method", "GET"],
            "without a slash at the end",
        ),
        (vec!["set", "--origin", APP, "--method", "OPTIONS"], "a preflight (OPTIONS) needs no rule"),
        (vec!["check", "--origin", "app.example.com", "--method", "GET"], "scheme://host"),
        (vec!["check", "--origin", "*", "--method", "GET"], "scheme://host"),
    ] {
        let failed = folder.fails(&[&["r2", "cors"], &args[..]].concat());
        assert!(failed.starts_with("exit 2\n") && failed.contains(said), "{args:?}: {failed}");
    }
    folder.write("cors.json", r#"{"rules": [{"AllowedOrigin": ["https://a.example"]}]}"#);
    insta::assert_snapshot!(folder.fails(&["r2", "cors", "set", "cors.json"]), @r#"
    exit 2
    error: "cors.json": the CORS policy is not the expected JSON: rule 1: unknown field `AllowedOrigin`, expected one of `ID`, `AllowedOrigins`, `AllowedMethods`, `AllowedHeaders`, `ExposeHeaders`, `MaxAgeSeconds`
     hint: `cfstore r2 cors show` prints the format; an example of a rule: [{"AllowedOrigins": ["https://app.example.com"], "AllowedMethods": ["GET"]}]
    "#);
    let output = folder.run(&["r2", "cors", "set", "--origin", "https://*.example.com", "--method", "GET"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && stderr.contains("https://*.example.com does not allow any page"),
        "{stderr}"
    );
}

#[test]
fn the_server_goes_by_the_rules() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let preflight = |origin: &str| preflight(server.variable("R2_ENDPOINT"), origin);
    let page = "http://localhost:5173";
    let refused = preflight(page);
    assert!(
        refused.starts_with("HTTP/1.1 403 ") && refused.contains("CORS not configured for this bucket"),
        "{refused}"
    );
    // Over S3, and seen by the server that runs.
    server
        .ok(&folder, &["r2", "cors", "set", "--origin", page, "--method", "PUT", "--header", "content-type"]);
    let allowed = preflight(page);
    assert!(
        allowed.starts_with("HTTP/1.1 204 ")
            && allowed.contains("access-control-allow-origin: http://localhost:5173"),
        "{allowed}"
    );
    assert!(preflight("http://localhost:3000").starts_with("HTTP/1.1 403 "));
    server.ok(&folder, &["r2", "cors", "rm"]);
    assert!(preflight(page).starts_with("HTTP/1.1 403 "));
    drop(server);

    let server = Server::start_with(&folder, &["--cors-open"]);
    let allowed = self::preflight(server.variable("R2_ENDPOINT"), page);
    assert!(allowed.starts_with("HTTP/1.1 204 "), "{allowed}");
}

fn preflight(endpoint: &str, origin: &str) -> String {
    use std::io::{Read as _, Write as _};
    let host = endpoint.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(
        stream,
        "OPTIONS /media/a HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nOrigin: {origin}\r\n\
         Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: content-type\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
