//! The command line, compiled for systems on which its tests do not run: `cargo xtask check cross`.

use crate::command::run;
use crate::context::Context;
use crate::install;
use crate::report::{Stop, Tally};
use crate::workspace::Workspace;

pub(crate) const NAME: &str = "cross";

/// Zig has the C headers of both, which SQLite and ring need.
const TARGETS: [&str; 2] = ["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

/// Compiles the program and its tests for each target. Warnings are errors.
pub(crate) fn check(workspace: &Workspace) -> Result<Tally, Stop> {
    let context = Context { workspace, install_system: false };
    let mut tally = Tally::default();
    for target in TARGETS {
        install::target(&context, target)?;
        let mut check = install::zigbuild(&context, "check")?;
        check.args(["--package", "cfstore", "--all-targets", "--target", target]);
        match run(check.env("RUSTFLAGS", "-D warnings")) {
            Ok(()) => tally.passed += 1,
            Err(Stop::Skipped(why) | Stop::Failed(why)) => {
                eprintln!("{target}: {why}");
                tally.failed += 1;
            }
        }
    }
    Ok(tally)
}
