//! Delivery of events to a command.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

/// Maximum run time of a command for one event.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Command {
    line: String,
}

impl Command {
    pub(super) fn new(line: &str) -> Self {
        Self { line: line.to_owned() }
    }

    /// Runs the command with the event on its stdin. Its output goes to stderr: stdout has the variables.
    pub(super) async fn run(&self, json: &str) -> Result<(), String> {
        let mut command = shell(&self.line);
        command.stdin(Stdio::piped()).stdout(std::io::stderr()).kill_on_drop(true);
        // Its own process group, so that all processes it starts can be ended.
        #[cfg(unix)]
        command.process_group(0);
        let failed = |error: std::io::Error| format!("cannot run the command: {error}");
        let mut child = command.spawn().map_err(failed)?;
        let _group = Group::of(&child);
        let stdin = child.stdin.take();
        let ended = timeout(PATIENCE, async {
            if let Some(mut stdin) = stdin {
                // A command may ignore its stdin.
                let _ = stdin.write_all(format!("{json}\n").as_bytes()).await;
            }
            child.wait().await
        });
        let Ok(status) = ended.await else {
            return Err(format!("the command did not end within {} s", PATIENCE.as_secs()));
        };
        let status = status.map_err(failed)?;
        if status.success() { Ok(()) } else { Err(format!("the command failed: {status}")) }
    }
}

/// Process group of a command, which is killed with it.
struct Group(#[cfg(unix)] Option<rustix::process::Pid>);

impl Group {
    #[cfg(unix)]
    fn of(child: &tokio::process::Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(rustix::process::Pid::from_raw))
    }

    #[cfg(not(unix))]
    fn of(_: &tokio::process::Child) -> Self {
        Self()
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Usually all its processes have ended.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
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
