//! The program itself, in a folder of its own and without any of the caller's environment.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use testkit::content;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), content).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cfstore"));
        command.args(args).env_clear().current_dir(self.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Stdout of a command that has to succeed.
    fn ok(&self, args: &[&str]) -> String {
        stdout(&self.run(args), args)
    }

    /// Its only line of JSON.
    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(args)).unwrap()
    }

    /// What summaries say of the embedded store's bucket or namespace.
    fn target(&self, what: &str) -> String {
        format!("{what} in {}", self.path().canonicalize().unwrap().join(".cfstore").display())
    }

    /// What the command prints after its summary of what it did in the embedded store.
    fn done(&self, args: &[&str]) -> String {
        let printed = self.ok(args);
        let what = if args.contains(&"kv") { "namespace local" } else { "bucket media" };
        let end = format!("  ({})\n", self.target(what));
        assert!(printed.ends_with(&end), "{printed:?} does not name {end:?}");
        printed[..printed.len() - end.len()].to_owned()
    }

    /// The exit code and stderr of a command that has to fail, without the note on the embedded store.
    fn fails(&self, args: &[&str]) -> String {
        failure(&self.run(args))
    }
}

fn stdout(output: &Output, args: &[&str]) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn failure(output: &Output) -> String {
    assert!(output.stdout.is_empty(), "{output:?}");
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    let lines = stderr.lines().filter(|line| !line.starts_with("using the embedded store"));
    let lines: Vec<_> = lines.collect();
    format!("exit {}\n{}", output.status.code().unwrap(), lines.join("\n"))
}

/// `cfstore serve` on a free port, with the variables that it prints.
struct Server {
    child: Child,
    variables: Vec<(String, String)>,
}

impl Server {
    fn start(folder: &Folder) -> Self {
        Self::start_with(folder, &[])
    }

    fn start_with(folder: &Folder, args: &[&str]) -> Self {
        let mut child = folder
            .command(&[&["serve", "--listen", "127.0.0.1:0"], args].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Over TLS also the certificate.
        let printed = if args.is_empty() { 9 } else { 10 };
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().take(printed);
        let variables = lines
            .map(|line| {
                let line = line.unwrap();
                let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
                (name.to_owned(), value.to_owned())
            })
            .collect();
        Self { child, variables }
    }

    fn command(&self, folder: &Folder, args: &[&str]) -> Command {
        let mut command = folder.command(args);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn variable(&self, name: &str) -> &str {
        &self.variables.iter().find(|(variable, _)| variable == name).unwrap().1
    }

    fn ok(&self, folder: &Folder, args: &[&str]) -> String {
        stdout(&self.command(folder, args).output().unwrap(), args)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a plain HTTP client gets.
fn http_get(url: &str) -> (String, Vec<u8>) {
    let (host, target) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let body = answer.split_off(end + 4);
    (String::from_utf8(answer).unwrap(), body)
}

#[test]
fn files_of_any_size_come_back() {
    let folder = Folder::new();
    for size in [0, 1, 70 * 1024 * 1024] {
        let bytes = content(size, 0);
        folder.write("in", &bytes);
        let stored = folder.json(&["--json", "r2", "put", "in", "a/b.bin"]);
        assert_eq!(stored["size"], size);
        // Above 64 MiB it goes up in parts, which the etag counts.
        let parts = stored["etag"].as_str().unwrap().ends_with("-5");
        assert_eq!(parts, size > 64 * 1024 * 1024);
        folder.ok(&["r2", "get", "a/b.bin", "out"]);
        assert!(folder.read("out") == bytes, "{size} bytes");
    }
    folder.ok(&["r2", "get", "a/b.bin"]);
    assert_eq!(folder.read("b.bin"), folder.read("in"));
    let names = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 4, "only in, out, b.bin and .cfstore");
}

#[test]
fn metadata_content_types_and_conditions() {
    let folder = Folder::new();
    folder.write("list", "#EXTM3U");
    let put = ["r2", "put", "list", "hls/master.m3u8", "--if-absent", "--cache-control", "no-store"];
    folder.ok(&[&put[..], &["--metadata", "a=b=c", "--metadata", "d="]].concat());
    let head = folder.json(&["--json", "r2", "head", "hls/master.m3u8"]);
    assert_eq!(head["httpMetadata"]["contentType"], "application/vnd.apple.mpegurl");
    assert_eq!(head["httpMetadata"]["cacheControl"], "no-store");
    assert_eq!(head["customMetadata"], serde_json::json!({ "a": "b=c", "d": "" }));
    assert_eq!(head["size"], 7);
    assert_eq!(head["checksums"], serde_json::json!({ "md5": head["etag"] }));

    insta::assert_snapshot!(folder.fails(&put), @r#"
    exit 1
    error: put "hls/master.m3u8": there is an object of this key already, and nothing was sent
     hint: there is an object of this key: leave --if-absent out to replace it
    "#);
    folder.ok(&["r2", "put", "list", "hls/master.m3u8", "--content-type", "text/plain"]);
    let human = folder.ok(&["r2", "head", "hls/master.m3u8"]);
    assert!(human.contains("content-type         text/plain"), "{human}");

    folder.ok(&["r2", "cp", "hls/master.m3u8", "copy"]);
    assert_eq!(folder.ok(&["r2", "get", "copy", "-", "--range", "1-3"]), "EXT");
    assert_eq!(folder.ok(&["r2", "get", "copy", "-", "--range", "-2"]), "3U");
}

#[test]
fn stdin_of_unknown_length() {
    let folder = Folder::new();
    for size in [0, 20 * 1024 * 1024] {
        folder.write("in", content(size, 0));
        let put = folder
            .command(&["r2", "put", "-", "from/stdin.json"])
            .stdin(File::open(folder.path().join("in")).unwrap())
            .output()
            .unwrap();
        stdout(&put, &["put"]);
        let head = folder.json(&["--json", "r2", "head", "from/stdin.json"]);
        assert_eq!(head["size"], size);
        assert_eq!(head["httpMetadata"]["contentType"], "application/json");
        let got = folder.run(&["r2", "get", "from/stdin.json", "-"]);
        assert!(got.stdout == content(size, 0));
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_upload_leaves_nothing() {
    let folder = Folder::new();
    let mut put = folder
        .command(&["r2", "put", "-", "a"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Stdin stays open: the upload cannot end by itself.
    let mut stdin = put.stdin.take().unwrap();
    stdin.write_all(&content(40 * 1024 * 1024, 0)).unwrap();
    let pid = put.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let failed = failure(&put.wait_with_output().unwrap());
    assert_eq!(failed, "exit 1\nerror: interrupted");
    assert!(folder.fails(&["r2", "head", "a"]).starts_with("exit 3"));
}

/// As Ctrl-C does it, which also ends the program that writes into the pipe.
#[cfg(unix)]
#[test]
fn an_input_that_was_interrupted_is_not_whole() {
    let folder = Folder::new();
    folder.write("in", "x");
    folder.ok(&["r2", "put", "in", "other"]);
    for _ in 0..5 {
        let mut put = folder
            .command(&["r2", "put", "-", "a"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = put.stdin.take().unwrap();
        // More than a pipe holds: the upload has begun.
        stdin.write_all(&content(1024 * 1024, 0)).unwrap();
        let pid = put.id().to_string();
        let signal =
            |name: &str| assert!(Command::new("kill").args([name, pid.as_str()]).status().unwrap().success());
        signal("-STOP");
        drop(stdin);
        signal("-INT");
        signal("-CONT");
        assert_eq!(failure(&put.wait_with_output().unwrap()), "exit 1\nerror: interrupted");
        assert!(folder.fails(&["r2", "head", "a"]).starts_with("exit 3"));
    }
}

#[test]
fn listings() {
    let folder = Folder::new();
    folder.write("in", "four");
    for key in ["a/b/c.txt", "a/b/d.txt", "a/e.txt", "a-b", "z\n"] {
        folder.ok(&["r2", "put", "in", key]);
    }
    let names = |args: &[&str]| -> Vec<String> {
        let output = folder.ok(args);
        output.lines().map(|line| line.get(35..).unwrap().to_owned()).collect()
    };
    assert_eq!(names(&["r2", "ls"]), ["a-b", "a/", "z\\n"]);
    assert_eq!(names(&["r2", "ls", "a/"]), ["a/b/", "a/e.txt"]);
    assert_eq!(names(&["r2", "ls", "-r", "a/"]), ["a/b/c.txt", "a/b/d.txt", "a/e.txt"]);
    assert_eq!(
        names(&["r2", "ls", "--tree", "a"]),
        ["a-b", "a/", "  b/", "    c.txt", "    d.txt", "  e.txt"]
    );
    assert!(names(&["r2", "ls", "none"]).is_empty());

    let output = folder.ok(&["--json", "r2", "ls", "a/"]);
    let rows: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0], serde_json::json!({ "prefix": "a/b/" }));
    assert_eq!((&rows[1]["key"], &rows[1]["size"]), (&"a/e.txt".into(), &4.into()));
    assert!(rows[1]["uploaded"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn deleting() {
    let folder = Folder::new();
    folder.write("in", "x");
    for key in ["a/1", "a/2", "b"] {
        folder.ok(&["r2", "put", "in", key]);
    }
    insta::assert_snapshot!(folder.fails(&["r2", "rm", "--prefix", "a/"]), @r#"
    exit 2
    error: deleting so much needs a confirmation, and stdin is no terminal
     hint: give --yes to delete without being asked
    "#);
    assert_eq!(folder.done(&["r2", "rm", "--prefix", "a/", "--yes"]), "deleted 2 objects");
    let deleted = folder.json(&["--json", "r2", "rm", "b"]);
    let target = folder.target("bucket media");
    let outcome = |key, deleted: bool| serde_json::json!({ "key": key, "deleted": deleted, "missing": !deleted, "error": null, "target": target });
    assert_eq!(deleted, outcome("b", true));
    assert_eq!(folder.json(&["--json", "r2", "rm", "b"]), outcome("b", false));
    assert_eq!(folder.done(&["r2", "rm", "b", "never"]), "deleted 0 objects, 2 not there");
    assert_eq!(folder.ok(&["--json", "r2", "ls"]), "");

    for key in ["a", "b/c"] {
        folder.ok(&["r2", "put", "in", key]);
    }
    assert!(folder.fails(&["r2", "rm", "--all"]).starts_with("exit 2"));
    assert!(folder.fails(&["r2", "rm", "--prefix", "", "--yes"]).starts_with("exit 2"));
    assert_eq!(folder.done(&["r2", "rm", "--all", "--yes"]), "deleted 2 objects");
    assert_eq!(folder.ok(&["--json", "r2", "ls"]), "");
}

#[test]
fn what_only_reads_makes_no_store() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.fails(&["r2", "ls"]), @r#"
    exit 3
    error: Cloudflare's variables are not set, and there is no store in .cfstore/ yet
     hint: `cfstore r2 put FILE KEY` and `cfstore kv put KEY VALUE` make one; to use Cloudflare, set its variables: `cfstore --help` lists them
    "#);
    for args in [&["r2", "get", "a"][..], &["r2", "head", "a"], &["r2", "rm", "a"], &["r2", "cp", "a", "b"]] {
        assert!(folder.fails(args).starts_with("exit 3"), "{args:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn failures_have_their_exit_code_and_say_what_to_do() {
    let folder = Folder::new();
    folder.write("in", "x");
    folder.ok(&["r2", "put", "in", "a"]);
    insta::assert_snapshot!(folder.fails(&["r2", "get", "a/missing"]), @r#"
    exit 3
    error: there is no object "a/missing"
     hint: `cfstore r2 ls` lists what there is
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "head", "missing"]), @r#"
    exit 3
    error: there is no object "missing"
     hint: `cfstore r2 ls` lists what there is
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "cp", "missing", "b"]), @r#"
    exit 3
    error: there is no object "missing"
     hint: `cfstore r2 ls` lists what there is
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "get", "a/.."]), @r#"
    exit 2
    error: the key "a/.." does not end in the name of a file
     hint: name the file to write to, or - for stdout
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "get", "a", "folder/"]), @r#"
    exit 2
    error: there is no folder "folder/" to write to
     hint: make it first, or name another file
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "put", "missing", "a"]), @r#"
    exit 1
    error: "missing" cannot be read: No such file or directory (os error 2)
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "put", ".", "a"]), @r#"
    exit 2
    error: "." is a folder
     hint: put its files one by one
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "presign", "a", "--expires", "8days"]), @r#"
    exit 2
    error: a presigned URL lives for 1 to 604800 whole seconds, not 691200s
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "presign", "a", "--expires", "soon"]), @r#"
    exit 2
    error: invalid value 'soon' for '--expires <DURATION>': expected number at 0; write it as 90s, 10m, 1h or 7days, or as seconds

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(folder.fails(&["--json", "r2", "head", "missing"]).lines().last().unwrap(), @r#"{"causes":[],"code":null,"error":"there is no object \"missing\"","exitCode":3,"hint":"`cfstore r2 ls` lists what there is","status":null}"#);
    insta::assert_snapshot!(folder.fails(&["r2", "rm"]), @r#"
    exit 2
    error: the following required arguments were not provided:
      <KEY>...

    Usage: cfstore r2 rm [OPTIONS] <KEY>...
           cfstore r2 rm [OPTIONS] --prefix <PREFIX>
           cfstore r2 rm [OPTIONS] --all

    For more information, try '--help'.
    "#);
}

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
    error: Missing R2 environment variables: R2_ACCOUNT_ID, R2_SECRET_ACCESS_KEY. Credentials are those of an API token, which Cloudflare's dashboard makes
     hint: `cfstore --help` tells what each of them holds; with none of them set, the embedded store is used
    "#);
    assert!(!folder.path().join(".cfstore").exists());

    folder.write(
        "wrong.env",
        "R2_ACCOUNT_ID=X\nR2_ACCESS_KEY_ID='y z'\nR2_SECRET_ACCESS_KEY=z\nR2_JURISDICTION=EU\n",
    );
    insta::assert_snapshot!(folder.fails(&["--env-file", "wrong.env", "r2", "ls"]), @r#"
    exit 2
    error: Missing R2 environment variables: R2_BUCKET_MEDIA; R2_JURISDICTION is "EU": it is eu, fedramp or us; R2_ACCOUNT_ID: "X" (1 characters) is not an account id: it has 1 to 63 characters of a-z, 0-9 and - in lower case, as a part of a host name, and neither starts nor ends with -. Cloudflare's dashboard shows it; R2_ACCESS_KEY_ID: the credentials cannot be used: the access key id has white space or characters outside of ASCII: was it copied whole, and without a line break?
     hint: `cfstore --help` tells what each of them holds; with none of them set, the embedded store is used
    "#);
    folder.write("empty.env", "OTHER=1\n");
    insta::assert_snapshot!(folder.fails(&["--env-file", "empty.env", "r2", "ls"]), @r#"
    exit 2
    error: empty.env sets none of the R2_... variables
     hint: `cfstore --help` tells what each of them holds; with none of them set, the embedded store is used
    "#);
    insta::assert_snapshot!(folder.fails(&["--env-file", "missing.env", "r2", "ls"]), @r#"
    exit 2
    error: the file missing.env cannot be read: No such file or directory (os error 2)
     hint: it holds lines like R2_BUCKET_MEDIA=media; `cfstore serve` prints such lines
    "#);
    for command in ["serve", "demo"] {
        let refused = folder.fails(&["--env-file", "empty.env", command]);
        assert!(
            refused.starts_with("exit 2\nerror: --env-file says which store the r2 and kv commands use"),
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
    assert!(none.starts_with("exit 1") && none.contains("check R2_BUCKET_MEDIA"), "{none}");
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
    assert!(Server::start_with(&folder, &given).variables[0].1.starts_with("https://"));

    // It is trusted where it is named.
    let server = Server::start_with(&folder, &["--tls"]);
    let elsewhere = Folder::new();
    elsewhere.write("in", "hello");
    for args in [&["r2", "put", "in", "a"][..], &["r2", "get", "a", "-"], &["kv", "put", "k", "v"]] {
        let mut untrusted = server.command(&elsewhere, args);
        let untrusted = failure(&untrusted.env_remove("SSL_CERT_FILE").output().unwrap());
        assert!(untrusted.starts_with("exit 1") && !untrusted.contains("attempts"), "{untrusted}");
        assert!(untrusted.contains("hint: SSL_CERT_FILE names"), "{untrusted}");
        server.ok(&elsewhere, args);
    }
    let lines = server.variables.iter().map(|(name, value)| format!("{name}={value}\n"));
    elsewhere.write(".env", lines.collect::<String>());
    assert_eq!(elsewhere.ok(&["--env-file", ".env", "r2", "get", "a", "-"]), "hello");
    folder.write("none.pem", "");
    let mut none = server.command(&elsewhere, &["r2", "head", "a"]);
    let none = failure(&none.env("SSL_CERT_FILE", folder.path().join("none.pem")).output().unwrap());
    assert!(none.starts_with("exit 2") && none.contains("none.pem: the PEM has no certificate"), "{none}");
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

const MEDIA: &str =
    "#EXTM3U\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:2,\n0.m4s\n#EXTINF:2,\nhttps://ads.example/1.m4s";
const MASTER: &str = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",URI=\"a%20b/audio.m3u8\"\n\
                      #EXT-X-STREAM-INF:BANDWIDTH=1\nvideo.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\n/c/video.m3u8\n";

const MANIFEST: &str = r#"<MPD type="static" mediaPresentationDuration="PT4S"><Period><AdaptationSet><Representation id="1" bandwidth="1">
<SegmentTemplate initialization="init.mp4" media="$Number$.m4s" startNumber="0" duration="2"/>
</Representation></AdaptationSet></Period></MPD>"#;

/// A package below `c/`, each of its objects with its key as content.
fn put_package(server: &Server, folder: &Folder) {
    for (key, content) in [
        ("c/film.m3u8", MASTER),
        ("c/video.m3u8", MEDIA),
        ("c/a b/audio.m3u8", MEDIA),
        ("c/init.mp4", "c/init.mp4"),
        ("c/film.mpd", MANIFEST),
        ("c/0.m4s", "c/0.m4s"),
        ("c/1.m4s", "c/1.m4s"),
        ("c/a b/init.mp4", "c/a b/init.mp4"),
        ("c/a b/0.m4s", "c/a b/0.m4s"),
        ("d/hostile.m3u8", "#EXTM3U\n/c/0.m4s"),
    ] {
        folder.write("in", content);
        server.ok(folder, &["r2", "put", "in", key]);
    }
}

/// What its presigned URLs answer.
fn played(playlist: &str) -> Vec<String> {
    let urls = playlist.split(['"', '\n']).filter(|part| part.starts_with("http://"));
    urls.map(|url| {
        let (head, body) = http_get(&url.replace("&amp;", "&"));
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        String::from_utf8(body).unwrap()
    })
    .collect()
}

#[test]
fn a_signed_playlist_plays() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    put_package(&server, &folder);

    let sign = ["r2", "sign-playlist", "c/video.m3u8", "--expires", "1h"];
    let output = server.command(&folder, &sign).output().unwrap();
    let playlist = stdout(&output, &sign);
    assert_eq!(played(&playlist), ["c/init.mp4", "c/0.m4s"]);
    assert!(playlist.ends_with("\n#EXTINF:2,\nhttps://ads.example/1.m4s"), "{playlist}");
    let summary = String::from_utf8(output.stderr).unwrap();
    assert!(summary.starts_with("2 URLs in 1 playlist, good until 2"), "{summary}");

    let json = server.ok(&folder, &[&["--json"], &sign[..], &["--window", "59m"]].concat());
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["urls"], 2);
    let playlist = json["playlist"].as_str().unwrap();
    // Windows begin at whole minutes.
    assert!(playlist.contains("00Z&X-Amz-Expires=3600"), "{playlist}");
    assert!(json["expiresAt"].as_str().unwrap().ends_with(":00.000Z"), "{json}");
    assert_eq!(played(playlist).len(), 2);
}

#[test]
fn a_playlist_of_playlists_is_written_with_all_of_them() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    put_package(&server, &folder);

    let sign = ["--json", "r2", "sign-playlist", "c/film.m3u8", "--output", "to/play"];
    let json: Value = serde_json::from_str(&server.ok(&folder, &sign)).unwrap();
    assert_eq!((&json["playlist"], &json["urls"]), (&"to/play/film.m3u8".into(), &7.into()));
    let read = |name: &str| String::from_utf8(folder.read(name)).unwrap();
    let master = read("to/play/film.m3u8");
    let names = MASTER.replace("a%20b/audio.m3u8", "film.1.m3u8");
    assert_eq!(master, names.replace("/c/video.m3u8", "film.2.m3u8").replace("video.m3u8", "film.2.m3u8"));
    assert_eq!(played(&read("to/play/film.1.m3u8")), ["c/a b/init.mp4", "c/a b/0.m4s"]);
    assert_eq!(played(&read("to/play/film.2.m3u8")), ["c/init.mp4", "c/0.m4s"]);
    assert_eq!(fs::read_dir(folder.path().join("to/play")).unwrap().count(), 3);
}

#[test]
fn a_signed_manifest_plays() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    put_package(&server, &folder);
    let expected = ["c/init.mp4", "c/0.m4s", "c/1.m4s"];
    assert_eq!(played(&server.ok(&folder, &["r2", "sign-playlist", "c/film.mpd"])), expected);
    let path = server.ok(&folder, &["r2", "sign-playlist", "c/film.mpd", "--output", "play"]);
    assert_eq!(path.trim_end(), "play/film.mpd");
    assert_eq!(played(&String::from_utf8(folder.read("play/film.mpd")).unwrap()), expected);
}

#[test]
fn playlists_that_are_not_signed() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    put_package(&server, &folder);
    let fails = |args: &[&str]| {
        failure(&server.command(&folder, &[&["r2", "sign-playlist"], args].concat()).output().unwrap())
    };
    insta::assert_snapshot!(fails(&["c/film.m3u8"]), @r#"
    exit 2
    error: sign_hls_playlist "c/film.m3u8": line 2: "c/a b/audio.m3u8" is a playlist, which has to be signed too: --output DIR writes them all
    "#);
    insta::assert_snapshot!(fails(&["d/hostile.m3u8"]), @r#"
    exit 2
    error: sign_hls_playlist "d/hostile.m3u8": line 2: "c/0.m4s" lies outside "d/": a playlist may only name objects below its prefix, which `PlaylistOptions::prefix` sets
    "#);
    insta::assert_snapshot!(fails(&["c/video.m3u8", "--prefix", "c/a b/"]), @r#"
    exit 2
    error: sign_hls_playlist "c/video.m3u8": line 2: "c/init.mp4" lies outside "c/a b/": a playlist may only name objects below its prefix, which `PlaylistOptions::prefix` sets
    "#);
    insta::assert_snapshot!(fails(&["c/0.m4s"]), @r#"
    exit 2
    error: sign_hls_playlist "c/0.m4s": line 1: this is no HLS playlist, which begins with a line #EXTM3U
    "#);
    insta::assert_snapshot!(fails(&["c/video.m3u8", "--window", "7h"]), @r#"
    exit 2
    error: sign_hls_playlist "c/video.m3u8": the signing window of 25200s has to be shorter than the expiry of 21600s
    "#);
    insta::assert_snapshot!(fails(&["c/none.m3u8"]), @r#"
    exit 3
    error: there is no object "c/none.m3u8"
     hint: `cfstore r2 ls` lists what there is
    "#);
    insta::assert_snapshot!(fails(&["c/film.m3u8", "--output", "."]), @r#"
    exit 2
    error: the folder "." is not empty
     hint: name another one, which is made where it is not there
    "#);
    assert_eq!(
        played(&server.ok(&folder, &["r2", "sign-playlist", "d/hostile.m3u8", "--prefix", ""])),
        ["c/0.m4s"]
    );
}

#[test]
fn a_port_that_is_taken() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let failed = folder.fails(&["serve", "--listen", &address]);
    assert!(failed.starts_with(&format!("exit 1\nerror: cannot listen at {address}: ")), "{failed}");
    assert!(failed.ends_with("--listen 127.0.0.1:0 takes a free port"), "{failed}");
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

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let folder = Folder::new();
    folder.write("in", content(4 * 1024 * 1024, 0));
    folder.ok(&["r2", "put", "in", "a"]);
    let mut child = folder
        .command(&["r2", "get", "a", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(!String::from_utf8(output.stderr).unwrap().contains("error"));
}

/// As `cfstore kv bulk get --all | gzip > backup` would be where gzip has died.
#[test]
fn what_is_cut_off_is_no_success() {
    let folder = Folder::new();
    folder.write("in", "x");
    folder.write("pairs", r#"{"key":"b","value":"1"}"#);
    folder.ok(&["r2", "put", "in", "a"]);
    folder.ok(&["kv", "put", "a", "1"]);
    for args in [
        &["--json", "r2", "rm", "--prefix", "a", "--yes"][..],
        &["--json", "kv", "bulk", "put", "pairs"],
        &["kv", "bulk", "get", "--all"],
        &["--json", "kv", "rm", "--all", "--yes"],
    ] {
        let mut child = folder.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("not all was done"), "{args:?}");
    }
}

#[test]
fn the_demo_holds() {
    let folder = Folder::new();
    let demo = folder.ok(&["demo"]);
    assert!(demo.contains("All 8 steps held"), "{demo}");
    assert!(!demo.contains('\u{1b}'), "{demo}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");

    let steps = folder.ok(&["--json", "demo"]);
    let steps: Vec<Value> = steps.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(steps.len(), 9);
    assert!(steps.iter().all(|step| step["ok"] == true), "{steps:?}");
}

#[test]
fn help() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.ok(&["--help"]));
    insta::assert_snapshot!(folder.ok(&["r2", "put", "--help"]));
    insta::assert_snapshot!(folder.ok(&["r2", "sign-playlist", "--help"]));
}

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
    assert_eq!(
        missing,
        "exit 3\nerror: there is no key \"none\"\n hint: `cfstore kv ls` lists what there is"
    );
    let removed = remote(&["kv", "rm", "bytes", "none"]);
    let [id, account, url] = ["KV_NAMESPACE_ID", "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_BASE_URL"]
        .map(|name| server.variable(name));
    let target = format!("namespace {id} of account {account} at {url}");
    assert_eq!(removed, format!("deleted 1 key, 1 not there  ({target})\n"));
    assert_eq!(folder.ok(&["kv", "ls"]), "greeting\n");
    let refused = folder.fails(&["kv", "put", "k", "v", "--ttl", "5s"]);
    assert!(refused.starts_with("exit 2\n") && refused.contains("whole seconds, 60 or more"), "{refused}");
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
    assert!(
        refused.starts_with("exit 2\nerror: the pairs cannot be read: missing field `value`"),
        "{refused}"
    );
}

/// The only file in `blobs/`.
fn only_blob(folder: &Folder) -> std::path::PathBuf {
    let mut blobs = fs::read_dir(folder.path().join(".cfstore/blobs")).unwrap();
    blobs.next().unwrap().unwrap().path()
}

#[test]
fn scrub_names_what_is_damaged() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.fails(&["scrub"]), @r#"
    exit 2
    error: there is no store in .cfstore/
     hint: --data DIR says where it is: the folder with store.sqlite3
    "#);
    folder.write("in", content(300_000, 0));
    folder.ok(&["r2", "put", "in", "a/b.bin"]);
    folder.ok(&["kv", "put", "k", "v"]);
    insta::assert_snapshot!(folder.ok(&["scrub"]), @"read 292.97 KiB of .cfstore/: nothing is damaged");
    let blob = only_blob(&folder);
    let mut bytes = fs::read(&blob).unwrap();
    bytes[299_999] ^= 1;
    fs::write(&blob, bytes).unwrap();

    let output = folder.run(&["--json", "scrub", "--data", ".cfstore"]);
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let [damage, summary] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&damage["bucket"], &damage["key"]), (&"media".into(), &"a/b.bin".into()));
    assert_eq!(Path::new(damage["file"].as_str().unwrap()).file_name(), blob.file_name());
    assert!(damage["problem"].as_str().unwrap().contains("are not those that were stored"));
    assert_eq!((&summary["damaged"], &summary["checked"]), (&1.into(), &2.into()));

    let output = folder.run(&["scrub"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    let name = blob.file_name().unwrap().to_str().unwrap();
    assert!(said.starts_with(&format!("damaged  bucket media: a/b.bin  blobs/{name}  ")), "{said}");
    assert!(said.ends_with(": 1 fault\n"), "{said}");
    let failed = folder.fails(&["r2", "get", "a/b.bin", "out"]);
    assert!(failed.contains("is damaged") && failed.contains(name), "{failed}");
    assert!(!folder.path().join("out").exists());
}

#[cfg(unix)]
#[test]
fn a_limit_of_file_sizes_is_an_error_and_not_the_end() {
    let folder = Folder::new();
    folder.write("small", "1");
    folder.write("in", content(20 * 1024 * 1024, 0));
    folder.ok(&["r2", "put", "small", "small"]);
    // 4 MiB, in units of 512 bytes.
    let script = "ulimit -f 8192 && exec \"$0\" r2 put in large";
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_cfstore")]).env_clear().current_dir(folder.path());
    let output = shell.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said.contains("File too large") && said.contains(".cfstore"), "{said}");
    assert_eq!(folder.ok(&["r2", "get", "small", "-"]), "1");
}

#[test]
fn a_key_that_ends_in_a_slash_is_a_folder() {
    let folder = Folder::new();
    folder.write("hi.txt", "hi");
    let put = folder.run(&["r2", "put", "hi.txt", "dir/"]);
    assert!(stdout(&put, &["put"]).starts_with("dir/hi.txt  2 B  text/plain  (bucket media in /"), "{put:?}");
    assert!(String::from_utf8(put.stderr).unwrap().contains("its key is dir/hi.txt"));
    let copied = folder.json(&["--json", "r2", "cp", "dir/hi.txt", "other/"]);
    assert_eq!(
        (&copied["key"], &copied["target"]),
        (&"other/hi.txt".into(), &folder.target("bucket media").into())
    );
    insta::assert_snapshot!(folder.fails(&["r2", "put", "-", "dir/"]), @r#"
    exit 2
    error: "dir/" names a folder, and what goes into it has no name
     hint: write the whole key of the object
    "#);
    assert_eq!(folder.ok(&["--json", "r2", "ls", "-r"]).lines().count(), 2);
}

#[test]
fn urls_and_patterns_are_not_taken_for_keys() {
    let folder = Folder::new();
    folder.write("in", "x");
    for key in ["a/1", "a/2", "odd*"] {
        folder.ok(&["r2", "put", "in", key]);
    }
    insta::assert_snapshot!(folder.fails(&["r2", "rm", "odd*", "a/*"]), @r#"
    exit 3
    error: there is no object "a/*"
     hint: *, ? and [ are characters of a key like any other: `cfstore r2 ls "a/"` lists the keys that begin so, and --prefix "a/" takes them all where a command has it
    "#);
    insta::assert_snapshot!(folder.fails(&["r2", "ls", "s3://media/"]), @r#"
    exit 3
    error: no key begins with "s3://media/"
     hint: R2_BUCKET_MEDIA says which bucket is meant, "media" or another, and keys come without it: leave it out for the whole bucket
    "#);
    for args in [
        &["r2", "ls", "a/*"][..],
        &["r2", "ls", "-r", "r2://media/a"],
        &["r2", "get", "s3://media/a/1", "-"],
        &["r2", "head", "a/?"],
        &["r2", "rm", "--prefix", "a/*", "--yes"],
        &["--json", "r2", "rm", "s3://media/a/1"],
    ] {
        let failed = folder.fails(args);
        assert!(failed.starts_with("exit 3") && failed.contains("hint"), "{args:?}: {failed}");
    }
    for args in [
        &["r2", "put", "in", "s3://media/b"][..],
        &["r2", "cp", "a/1", "s3://media/b"],
        &["r2", "presign", "s3://media/b"],
    ] {
        let failed = folder.fails(args);
        assert!(failed.starts_with("exit 2") && failed.contains("write \"b\""), "{args:?}: {failed}");
    }
    assert_eq!(folder.ok(&["--json", "r2", "ls", "-r"]).lines().count(), 3);
    // What really has such a key.
    assert_eq!(folder.done(&["r2", "rm", "odd*"]), "deleted 1 object");

    folder.ok(&["kv", "put", "session/1", "x"]);
    for args in [
        &["kv", "ls", "session/*"][..],
        &["kv", "get", "session/*"],
        &["kv", "rm", "session/1", "session/*"],
        &["kv", "rm", "--prefix", "session/*", "--yes"],
        &["kv", "bulk", "get", "--prefix", "session/*"],
    ] {
        let failed = folder.fails(args);
        assert!(
            failed.starts_with("exit 3") && failed.contains("`cfstore kv ls \"session/\"`"),
            "{args:?}: {failed}"
        );
    }
    assert_eq!(folder.ok(&["kv", "get", "session/1"]), "x");
    folder.ok(&["kv", "put", "s3://media/a", "a URL is a key like any other here"]);
}

/// A server that ignores conditions.
#[tokio::test(flavor = "multi_thread")]
async fn if_absent_looks_first() {
    let folder = Folder::new();
    folder.write("in", "new");
    let there = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nLast-Modified: Fri, 15 Jan 2027 08:00:00 GMT\r\nContent-Length: 3\r\n\r\n";
    for file in ["in", "-"] {
        let stored = testkit::answer("200 OK", &["ETag: \"e\""], "");
        let server = testkit::ScriptedServer::answering([there.to_owned(), stored]).await;
        let variables =
            [("R2_ENDPOINT", &*server.url()), ("R2_ACCESS_KEY_ID", "id"), ("R2_SECRET_ACCESS_KEY", "secret")];
        let mut command = folder.command(&["r2", "put", file, "k", "--if-absent"]);
        let output = command.envs(variables).env("R2_BUCKET_MEDIA", "media").output().unwrap();
        assert!(
            failure(&output).starts_with("exit 1\nerror: put \"k\": there is an object of this key already")
        );
        assert_eq!(server.lines(), ["HEAD /media/k"]);
    }
}

/// A server that lists what was not asked for.
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
        testkit::answer("200 OK", &[], &body)
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
    let server = testkit::ScriptedServer::answering(pages).await;
    let failed = failure(&run(&server.url(), &["r2", "rm", "--prefix", "a/", "--yes"]));
    assert!(failed.starts_with(
        "exit 1\nerror: the server was asked for the keys that begin with \"a/\", and lists \"b/secret\""
    ));
    assert!(server.lines().iter().all(|line| line.starts_with("GET ")), "{:?}", server.lines());

    // Sizes that add up to more than there is.
    let server = testkit::ScriptedServer::answering([page(&["a/1", "a/2"], "")]).await;
    let listed = run(&server.url(), &["r2", "ls", "-r", "a/"]);
    assert!(listed.status.success(), "{listed:?}");
    assert!(
        String::from_utf8(listed.stderr)
            .unwrap()
            .contains("2 objects, 16.00 EiB  (bucket media at http://127.0.0.1:")
    );
}

/// The same of KV.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_the_prefix_is_deleted_or_read_in_kv() {
    let folder = Folder::new();
    let body = r#"{"success":true,"errors":[],"messages":[],"result":[{"name":"a/1","expiration":18446744073709551615},{"name":"b"}]}"#;
    for args in [&["kv", "rm", "--prefix", "a/", "--yes"][..], &["kv", "bulk", "get", "--prefix", "a/"]] {
        let server = testkit::ScriptedServer::answering([testkit::answer("200 OK", &[], body)]).await;
        let id = "0123456789abcdef0123456789abcdef";
        let variables =
            [("KV_NAMESPACE_ID", id), ("CLOUDFLARE_ACCOUNT_ID", id), ("CLOUDFLARE_API_TOKEN", "token")];
        let mut command = folder.command(args);
        let output = command.envs(variables).env("CLOUDFLARE_API_BASE_URL", server.url()).output().unwrap();
        let failed = failure(&output);
        assert!(failed.contains("lists \"b\": nothing was done with what it lists"), "{failed}");
        assert_eq!(server.lines().len(), 1);
    }
}

#[test]
fn every_summary_names_its_target() {
    let folder = Folder::new();
    folder.write("in", "x");
    let bucket = folder.target("bucket media");
    for args in [
        &["r2", "put", "in", "a"][..],
        &["r2", "get", "a", "out"],
        &["r2", "head", "a"],
        &["r2", "cp", "a", "b"],
        &["r2", "presign", "a"],
        &["r2", "rm", "b"],
    ] {
        assert_eq!(folder.json(&[&["--json"], args].concat())["target"], bucket.as_str(), "{args:?}");
    }
    let namespace = folder.target("namespace local");
    folder.write("pairs", r#"{"key":"b","value":"1"}"#);
    for args in [
        &["kv", "put", "a", "1"][..],
        &["kv", "get", "a", "out"],
        &["kv", "bulk", "put", "pairs"],
        &["kv", "rm", "b"],
    ] {
        assert_eq!(folder.json(&[&["--json"], args].concat())["target"], namespace.as_str(), "{args:?}");
    }
    for (args, target) in [
        (&["r2", "ls"][..], &bucket),
        (&["r2", "presign", "a"], &bucket),
        (&["kv", "ls"], &namespace),
        (&["kv", "bulk", "get", "--all"], &namespace),
    ] {
        let stderr = String::from_utf8(folder.run(args).stderr).unwrap();
        assert!(stderr.contains(&format!("  ({target})")), "{args:?}: {stderr}");
        let stderr = String::from_utf8(folder.run(&[&["--json"], args].concat()).stderr).unwrap();
        let summary = stderr.lines().find(|line| line.contains("summary")).unwrap();
        assert_eq!(serde_json::from_str::<Value>(summary).unwrap()["target"], target.as_str());
    }
}

#[test]
fn durations_may_be_seconds() {
    let folder = Folder::new();
    let url = folder.ok(&["r2", "presign", "a", "--expires", "3600"]);
    assert!(url.contains("X-Amz-Expires=3600&"), "{url}");
    folder.ok(&["kv", "put", "k", "v", "--ttl", "60"]);
    let refused = folder.fails(&["kv", "put", "k", "v", "--ttl", "59"]);
    assert!(refused.starts_with("exit 2") && refused.contains("is 59s"), "{refused}");
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
    assert_eq!(folder.done(&put), "stored 2 keys, 2 skipped that expired or would within a minute");
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
            "exit 2\nerror: the pairs cannot be read: unknown field `expirationTtl`, expected one of "
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
        assert!(String::from_utf8(put.stderr).unwrap().contains("--file stores what a file"), "{value}");
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
