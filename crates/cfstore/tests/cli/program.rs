//! The program in a folder of its own, and `cfstore serve` on a free port.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cfstore"));
        command.args(args).env_clear().current_dir(self.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Stdout of a command that has to succeed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        stdout(&self.run(args), args)
    }

    /// Its only line of JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(args)).unwrap()
    }

    /// What summaries say of the embedded store's bucket or namespace.
    pub(crate) fn target(&self, what: &str) -> String {
        format!("{what} in {}", self.path().canonicalize().unwrap().join(".cfstore").display())
    }

    /// What the command prints after its summary of what it did in the embedded store.
    pub(crate) fn done(&self, args: &[&str]) -> String {
        let printed = self.ok(args);
        let what = if args.contains(&"kv") { "namespace local" } else { "bucket media" };
        let end = format!("  ({})\n", self.target(what));
        assert!(printed.ends_with(&end), "{printed:?} does not name {end:?}");
        printed[..printed.len() - end.len()].to_owned()
    }

    /// The exit code and stderr of a command that has to fail, without the note on the embedded store.
    pub(crate) fn fails(&self, args: &[&str]) -> String {
        failure(&self.run(args))
    }
}

pub(crate) fn stdout(output: &Output, args: &[&str]) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn failure(output: &Output) -> String {
    assert!(output.stdout.is_empty(), "{output:?}");
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    let lines = stderr.lines().filter(|line| !line.starts_with("using the embedded store"));
    let lines: Vec<_> = lines.collect();
    format!("exit {}\n{}", output.status.code().unwrap(), lines.join("\n"))
}

/// `cfstore serve` on a free port, with the variables that it prints.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) variables: Vec<(String, String)>,
}

impl Server {
    pub(crate) fn start(folder: &Folder) -> Self {
        Self::start_with(folder, &[])
    }

    pub(crate) fn start_with(folder: &Folder, args: &[&str]) -> Self {
        let mut child = folder
            .command(&[&["serve", "--listen", "127.0.0.1:0"], args].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Over TLS also the certificate.
        let printed = if args.iter().any(|arg| arg.starts_with("--tls")) { 10 } else { 9 };
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

    pub(crate) fn command(&self, folder: &Folder, args: &[&str]) -> Command {
        let mut command = folder.command(args);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn variable(&self, name: &str) -> &str {
        &self.variables.iter().find(|(variable, _)| variable == name).unwrap().1
    }

    pub(crate) fn ok(&self, folder: &Folder, args: &[&str]) -> String {
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
pub(crate) fn http_get(url: &str) -> (String, Vec<u8>) {
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
pub(crate) fn failures_have_their_exit_code_and_say_what_to_do() {
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
     hint: give -r to put what is in it
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
