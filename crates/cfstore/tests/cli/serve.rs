//! `cfstore serve`, and the variables that lead to it.

use std::process::Command;

use crate::content;
use crate::program::{Folder, Server, failure, http_get};

#[test]
fn some_variables_are_refused() {
    let folder = Folder::new();
    let some = folder
        .command(&["r2", "ls"])
        .env("R2_ACCESS_KEY_ID", "fedcba9876543210fedcba9876543210")
        .env("R2_BUCKET_MEDIA", "media")
        .output()
        .unwrap();
    insta::assert_snapshot!(failure(&some), @r#"
    exit 2
    error: Missing R2 environment variables: R2_ACCOUNT_ID, R2_SECRET_ACCESS_KEY. To get credentials, create an API token in Cloudflare's dashboard
     hint: `cfstore --help` explains the variables; if none of them is set, the embedded store is used
    "#);
    assert!(!folder.path().join(".cfstore").exists());

    folder.write(
        "wrong.env",
        "R2_ACCOUNT_ID=X\nR2_ACCESS_KEY_ID='y z'\nR2_SECRET_ACCESS_KEY=z\nR2_JURISDICTION=EU\n",
    );
    insta::assert_snapshot!(folder.fails(&["--env-file", "wrong.env", "r2", "ls"]), @r#"
    exit 2
    error: Missing R2 environment variables: R2_BUCKET_MEDIA; R2_JURISDICTION is "EU": use eu, fedramp or us; R2_ACCOUNT_ID: "X" (1 characters) is not an account id: an account id has 1 to 63 of the characters a-z, 0-9 and -, and does not start or end with -. Copy it from Cloudflare's dashboard; R2_ACCESS_KEY_ID: the credentials cannot be used: the access key id has white space or non-ASCII characters: copy it again, whole and without a line break (--env-file wrong.env)
     hint: `cfstore --help` explains the variables; if none of them is set, the embedded store is used
    "#);
    folder.write("empty.env", "OTHER=1\n");
    insta::assert_snapshot!(folder.fails(&["--env-file", "empty.env", "r2", "ls"]), @r#"
    exit 2
    error: --env-file empty.env does not set any of the R2_... variables
     hint: `cfstore --help` explains the variables; if none of them is set, the embedded store is used
    "#);
    insta::assert_snapshot!(folder.fails(&["--env-file", "missing.env", "r2", "ls"]), @r#"
    exit 2
    error: cannot read the file of variables missing.env: No such file or directory (os error 2)
     hint: it must have lines like R2_BUCKET_MEDIA=media; `cfstore serve` prints such lines
    "#);
    for command in ["serve", "demo"] {
        let refused = folder.fails(&["--env-file", "empty.env", command]);
        assert!(
            refused.starts_with("exit 2\nerror: --env-file is only for the r2 and kv commands"),
            "{refused}"
        );
    }
}

#[test]
fn the_server_serves_what_the_embedded_store_has() {
    let folder = Folder::new();
    folder.write("in", "hello");
    let note = folder.run(&["r2", "put", "in", "a b/ü.txt"]).stderr;
    let note = String::from_utf8(note).unwrap();
    assert!(note.contains("using the embedded store in .cfstore/, bucket media"), "{note}");

    let server = Server::start(&folder);
    let names: Vec<_> = server.variables.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "R2_ENDPOINT",
            "R2_ACCOUNT_ID",
            "R2_ACCESS_KEY_ID",
            "R2_SECRET_ACCESS_KEY",
            "R2_BUCKET_MEDIA",
            "CLOUDFLARE_API_BASE_URL",
            "CLOUDFLARE_ACCOUNT_ID",
            "CLOUDFLARE_API_TOKEN",
            "KV_NAMESPACE_ID",
        ]
    );

    // In another folder there is nothing but the variables.
    let elsewhere = Folder::new();
    assert_eq!(server.ok(&elsewhere, &["r2", "get", "a b/ü.txt", "-"]), "hello");
    elsewhere.write("big", content(70 * 1024 * 1024, 0));
    server.ok(&elsewhere, &["r2", "put", "big", "big"]);
    server.ok(&elsewhere, &["r2", "get", "big", "back"]);
    assert!(elsewhere.read("back") == elsewhere.read("big"));
    assert!(!elsewhere.path().join(".cfstore").exists());

    let url = server.ok(&elsewhere, &["r2", "presign", "a b/ü.txt", "--expires", "10m"]);
    let (head, body) = http_get(url.trim_end());
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.to_lowercase().contains("content-type: text/plain"), "{head}");
    assert_eq!(body, b"hello");
    let (head, _) = http_get(&url.trim_end().replace("X-Amz-Expires=600", "X-Amz-Expires=601"));
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");

    // The same, from a file.
    let lines = server.variables.iter().map(|(name, value)| format!("export {name}={value}\n"));
    elsewhere.write(".env", lines.collect::<String>());
    assert_eq!(elsewhere.ok(&["--env-file", ".env", "r2", "get", "a b/ü.txt", "-"]), "hello");

    let mut wrong = server.command(&elsewhere, &["r2", "ls"]);
    let wrong = wrong.env("R2_SECRET_ACCESS_KEY", "0".repeat(64)).output().unwrap();
    let wrong = failure(&wrong);
    assert!(
        wrong.starts_with("exit 1") && wrong.contains("credentials rejected: check R2_ACCESS_KEY_ID"),
        "{wrong}"
    );
    let mut none = server.command(&elsewhere, &["r2", "head", "a"]);
    let none = failure(&none.env("R2_BUCKET_MEDIA", "other").output().unwrap());
    assert!(
        none.starts_with("exit 3") && none.contains("`cfstore r2 bucket create NAME` creates a bucket"),
        "{none}"
    );
}

#[test]
fn the_server_speaks_tls_with_a_certificate_that_it_keeps() {
    let folder = Folder::new();
    let certificate = || {
        let server = Server::start_with(&folder, &["--tls"]);
        assert!(server.variables[0].1.starts_with("https://127.0.0.1:"), "{:?}", server.variables[0]);
        assert!(server.variables[5].1.starts_with("https://127.0.0.1:"), "{:?}", server.variables[5]);
        folder.read(".cfstore/tls-certificate.pem")
    };
    let made = certificate();
    assert_eq!(certificate(), made);
    let given = ["--tls-cert", ".cfstore/tls-certificate.pem", "--tls-key", ".cfstore/tls-key.pem"];
    assert!(Server::start_with(&folder, &given).variables[0].1.starts_with("https://127.0.0.1:"));
    let named = [&given[..], &["--host", "store.test", "--host", "other.test"]].concat();
    let named = Server::start_with(&folder, &named);
    assert!(named.variable("R2_ENDPOINT").starts_with("https://store.test:"), "{:?}", named.variables);
    assert!(named.variable("CLOUDFLARE_API_BASE_URL").starts_with("https://store.test:"));
    drop(named);

    // It is trusted where it is named.
    let server = Server::start_with(&folder, &["--tls"]);
    let elsewhere = Folder::new();
    elsewhere.write("in", "hello");
    for args in [&["r2", "put", "in", "a"][..], &["r2", "get", "a", "-"], &["kv", "put", "k", "v"]] {
        let mut untrusted = server.command(&elsewhere, args);
        let untrusted = failure(&untrusted.env_remove("SSL_CERT_FILE").output().unwrap());
        assert!(untrusted.starts_with("exit 1") && !untrusted.contains("attempts"), "{untrusted}");
        assert!(untrusted.contains("hint: set SSL_CERT_FILE to a file"), "{untrusted}");
        server.ok(&elsewhere, args);
    }
    let lines = server.variables.iter().map(|(name, value)| format!("{name}={value}\n"));
    elsewhere.write(".env", lines.collect::<String>());
    assert_eq!(elsewhere.ok(&["--env-file", ".env", "r2", "get", "a", "-"]), "hello");
    folder.write("none.pem", "");
    let mut none = server.command(&elsewhere, &["r2", "head", "a"]);
    let none = failure(&none.env("SSL_CERT_FILE", folder.path().join("none.pem")).output().unwrap());
    assert!(
        none.starts_with("exit 2") && none.contains("none.pem: the PEM file has no certificate"),
        "{none}"
    );
    drop(server);

    let failed = folder.fails(&["serve", "--tls-cert", "none.pem", "--tls-key", ".cfstore/tls-key.pem"]);
    assert!(
        failed.starts_with("exit 2") && failed.contains("none.pem does not hold a certificate"),
        "{failed}"
    );
    let failed = folder.fails(&["serve", "--tls-cert", "none.pem"]);
    assert!(failed.starts_with("exit 2") && failed.contains("--tls-key"), "{failed}");
}

#[test]
fn the_commands_work_with_what_production_does_and_with_failures() {
    let folder = Folder::new();
    let faults = ["--fault", "503=5%,reset=1%,lost=1%,cut=1%,slow=5ms@20%"];
    let as_in_production = ["--r2-as-in-production", "--kv-as-in-production", "--kv-cache-ttl", "1ms"];
    let server = Server::start_with(&folder, &[&as_in_production[..], &faults].concat());
    let elsewhere = Folder::new();
    let names: Vec<_> = (0..12).map(|n| format!("site/{n:02}.html")).collect();
    std::fs::create_dir(elsewhere.path().join("site")).unwrap();
    for name in &names {
        elsewhere.write(name, format!("<p>{name}</p>").repeat(100));
    }
    elsewhere.write("film", content(70 * 1024 * 1024, 0));
    let ok = |args: &[&str]| server.ok(&elsewhere, args);
    ok(&["r2", "put", "-r", "site", "site/"]);
    ok(&["r2", "put", "film", "film"]);
    // Twice within a second.
    ok(&["r2", "put", "site/00.html", "again"]);
    ok(&["r2", "put", "site/01.html", "again"]);
    assert_eq!(ok(&["r2", "get", "again", "-"]).into_bytes(), elsewhere.read("site/01.html"));
    for line in names.iter().map(String::as_str).chain(["again", "film"]) {
        assert!(ok(&["r2", "ls", "-r"]).contains(line), "{line}");
    }
    ok(&["r2", "get", "film", "back"]);
    assert!(elsewhere.read("back") == elsewhere.read("film"));
    ok(&["r2", "mv", "again", "moved"]);
    ok(&["r2", "get", "-r", "site/", "copy"]);
    for name in &names {
        assert!(elsewhere.read(&name.replace("site", "copy")) == elsewhere.read(name), "{name}");
    }
    ok(&["r2", "rm", "--all", "--yes"]);
    assert!(!ok(&["r2", "ls", "-r"]).contains("html"));
    ok(&["kv", "put", "k", "v"]);
    // A value that is cut off fails: KV has no ranges to resume with.
    let mut gets = (0..5).map(|_| server.command(&elsewhere, &["kv", "get", "k"]).output().unwrap());
    assert_eq!(gets.find(|get| get.status.success()).unwrap().stdout, b"v");

    let wrong = folder.fails(&["serve", "--fault", "503=often"]);
    assert!(wrong.starts_with("exit 2") && wrong.contains("\"often\" is not a share of requests"), "{wrong}");
}

#[test]
fn urls_for_the_embedded_store_are_those_of_serve() {
    let folder = Folder::new();
    let presign =
        folder.json(&["--json", "r2", "presign", "--method", "put", "--content-type", "video/mp4", "a"]);
    let url = presign["url"].as_str().unwrap();
    assert!(url.starts_with("http://127.0.0.1:9710/media/a?X-Amz-Algorithm="), "{url}");
    assert_eq!(presign["method"], "PUT");
    assert_eq!(presign["headers"], serde_json::json!({ "content-type": "video/mp4" }));
    let dots = folder.run(&["r2", "presign", "a/../b"]);
    assert!(String::from_utf8(dots.stderr).unwrap().contains("curl needs --path-as-is"));
    let server = Server::start(&folder);
    let key_id = &server.variables[2].1;
    assert!(url.contains(key_id.as_str()), "{url}");
}

#[test]
fn a_port_that_is_taken() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let failed = folder.fails(&["serve", "--listen", &address]);
    assert!(failed.starts_with(&format!("exit 1\nerror: cannot listen on {address}: ")), "{failed}");
    assert!(failed.contains("--listen 127.0.0.1:0 picks a free port"), "{failed}");
}

#[cfg(unix)]
#[test]
fn serve_stops_gracefully() {
    let folder = Folder::new();
    let mut server = Server::start(&folder);
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").arg(pid).status().unwrap().success());
    assert!(server.child.wait().unwrap().success());
}
