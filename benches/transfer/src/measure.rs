//! What a program takes, measured from outside.

use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde_json::json;

use crate::Result;

/// Runs a program and prints what it took. This process has no other child, so that all that its children
/// took is what the program did. What it printed is the error, if it fails.
pub(crate) fn measure(program: &str, arguments: &[&str]) -> Result<()> {
    let begun = Instant::now();
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output()?;
    let wall = begun.elapsed();
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        return Err(String::from_utf8_lossy(&said).trim().into());
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    // Linux counts in KiB.
    let taken = json!({
        "wall_us": u64::try_from(wall.as_micros())?,
        "cpu_us": cpu,
        "peak_kib": usage.max_rss(),
    });
    println!("{taken}");
    Ok(())
}
