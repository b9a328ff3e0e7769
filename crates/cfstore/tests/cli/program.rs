//! The program in a folder of its own, and `cfstore serve` on a free port.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The program of this package; for the tests of `tests/program` that of `$CFSTORE`, or the one that was
/// built beside them.
pub(crate) fn program() -> PathBuf {
    if let Some(own) = option_env!("CARGO_BIN_EXE_cfstore") {
        return own.into();
    }
    let program = env::var_os("CFSTORE").map_or_else(
        || {
            env::current_exe()
                .unwrap()
                .ancestors()
                .nth(2)
                .unwrap()
                .join(format!("cfstore{}", env::consts::EXE_SUFFIX))
        },
        PathBuf::from,
    );
    assert!(program.is_file(), "{} does not exist: cargo build --package cfstore", program.display());
    program
}

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
        let mut command = Command::new(program());
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
