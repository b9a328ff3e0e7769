//! Running programs.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::report::Stop;

/// Runs a command with our stdout and stderr.
pub(crate) fn run(command: &mut Command) -> Result<(), Stop> {
    let status = command.status().map_err(|error| Stop::failed(&name(command), &error))?;
    judge(command, status)
}

/// The same, with a time limit.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<(), Stop> {
    let program = name(command);
    let failed = |error: &io::Error| Stop::failed(&program, error);
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().map_err(|error| failed(&error))? {
            return judge(command, status);
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().and_then(|()| child.wait()).map_err(|error| failed(&error))?;
    Err(Stop::Failed(format!("{} took more than {} s", name(command), limit.as_secs())))
}

fn judge(command: &Command, status: ExitStatus) -> Result<(), Stop> {
    if status.success() {
        Ok(())
    } else {
        Err(Stop::Failed(format!("{} ended with {status}", name(command))))
    }
}

/// Runs a command, shows its output as it arrives, and returns the lines of stdout, then those of stderr.
pub(crate) fn run_and_read(command: &mut Command) -> Result<(ExitStatus, Vec<String>), Stop> {
    let failed = |error: &io::Error| Stop::failed("cannot run a program", error);
    let program = name(command);
    let mut child = command
        .env("CARGO_TERM_COLOR", "never")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Stop::failed(&program, &error))?;
    let stderr = child.stderr.take().map(|pipe| thread::spawn(move || echo(pipe, io::stderr())));
    let mut lines = match child.stdout.take() {
        Some(pipe) => echo(pipe, io::stdout()).map_err(|error| failed(&error))?,
        None => Vec::new(),
    };
    if let Some(Ok(more)) = stderr.map(thread::JoinHandle::join) {
        lines.extend(more.map_err(|error| failed(&error))?);
    }
    let status = child.wait().map_err(|error| failed(&error))?;
    Ok((status, lines))
}

/// Runs a command and returns its stdout. Its stderr is ours.
pub(crate) fn read(command: &mut Command) -> Result<String, Stop> {
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|error| Stop::failed(&name(command), &error))?;
    judge(command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn echo(from: impl Read, mut to: impl Write) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    for line in BufReader::new(from).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        writeln!(to, "{line}")?;
        lines.push(line);
    }
    Ok(lines)
}

/// Whether the command can be started and succeeds. Its output is not shown.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

pub(crate) fn on_path(program: &str) -> bool {
    find(program).is_some()
}

/// Returns the path of a program on the PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|program| program.is_file())
}

/// The program and its first argument, as in `cargo clippy`.
fn name(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    std::iter::once(program)
        .chain(command.get_args().take(1))
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
