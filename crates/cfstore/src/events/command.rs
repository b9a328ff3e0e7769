//! A command that reads an event.

use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;

pub(crate) struct Command {
    line: String,
}

impl Command {
    pub(super) fn new(line: &str) -> Self {
        Self { line: line.to_owned() }
    }

    /// Runs it with the event on its stdin. What it prints goes to stderr: stdout has the variables.
    pub(super) async fn run(&self, json: &str) -> Result<(), String> {
        let mut command = shell(&self.line);
        command.stdin(Stdio::piped()).stdout(std::io::stderr()).kill_on_drop(true);
        let failed = |error: std::io::Error| format!("the command cannot be run: {error}");
        let mut child = command.spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command need not read it.
            let _ = stdin.write_all(format!("{json}\n").as_bytes()).await;
        }
        let status = child.wait().await.map_err(failed)?;
        if status.success() { Ok(()) } else { Err(format!("the command failed: {status}")) }
    }
}

#[cfg(unix)]
fn shell(line: &str) -> tokio::process::Command {
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", line]);
    command
}

#[cfg(not(unix))]
fn shell(line: &str) -> tokio::process::Command {
    let mut command = tokio::process::Command::new("cmd");
    command.args(["/C", line]);
    command
}
