//! A server for tests. It is stopped when it is dropped.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::report::Stop;

const STARTS_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Returns the id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Starts the server and passes each line that it prints to `ready`, until `ready` returns something. Its
    /// stderr is written to `log`.
    pub(crate) fn start<T>(
        command: &mut Command,
        log: &Path,
        mut ready: impl FnMut(&str) -> Option<T>,
    ) -> Result<(Self, T), Stop> {
        let failed = |what: &str| {
            let said = fs::read_to_string(log).unwrap_or_default();
            let last = said.lines().next_back().unwrap_or("it wrote nothing");
            Stop::Failed(format!("the server {what}: {last} ({})", log.display()))
        };
        let open = || {
            if let Some(folder) = log.parent() {
                fs::create_dir_all(folder)?;
            }
            File::create(log)
        };
        let stderr = open().map_err(|error| Stop::failed(&log.display().to_string(), &error))?;
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .map_err(|error| Stop::failed(&command.get_program().to_string_lossy(), &error))?;
        let mut server = Self { child };
        let stdout = server.child.stdout.take().ok_or_else(|| failed("has no output"))?;

        let (sender, lines) = mpsc::channel();
        // Continues to read when nobody listens any more: a full pipe would block the server.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                sender.send(line).ok();
            }
        });
        let deadline = Instant::now() + STARTS_WITHIN;
        loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(made) = ready(&line) {
                        return Ok((server, made));
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => return Err(failed("did not start in time")),
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(failed("ended immediately")),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Send a signal first: Miniflare must stop its child process, workerd.
        Command::new("kill").arg(self.child.id().to_string()).status().ok();
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
