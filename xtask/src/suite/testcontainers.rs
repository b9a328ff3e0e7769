//! The modules of `testcontainers/`, with `docker.py` instead of Docker: a container is the program itself.

use std::process::Command;

use super::node;
use crate::command::{run, run_and_read};
use crate::context::Context;
use crate::harness::libtest;
use crate::install;
use crate::report::{Stop, Tally};

/// The tests of the crate, which is a separate workspace.
pub(crate) fn rust(context: &Context<'_>) -> Result<Tally, Stop> {
    let workspace = context.workspace;
    let mut test = over_processes(context)?;
    test.args(["cargo", "test", "--locked", "--manifest-path", "testcontainers/rust/Cargo.toml"])
        .env("CARGO_TARGET_DIR", workspace.target.join("testcontainers"));
    libtest(test)
}

/// The tests of the package, and its types as a caller sees them.
pub(crate) fn node(context: &Context<'_>) -> Result<Tally, Stop> {
    let packages = install::npm(context, "testcontainers/node", "testcontainers-node")?;
    let programs = packages.join("node_modules/.bin");
    let mut compile = context.workspace.command(programs.join("tsc"));
    compile.args(["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--lib", "esnext"]);
    run(compile.args(["--skipLibCheck", "types.test.mts"]).current_dir(&packages))?;
    let mut test = over_processes(context)?;
    test.arg(programs.join("node")).current_dir(&packages);
    node::run_tests(test, "container.test.mjs")
}

/// The tests of the package.
pub(crate) fn python(context: &Context<'_>) -> Result<Tally, Stop> {
    let workspace = context.workspace;
    let programs = install::pip(context, "testcontainers/python", "testcontainers-python")?;
    let mut test = over_processes(context)?;
    test.arg(programs.join("python"))
        .args(["-m", "unittest", "discover", "--verbose", "--start-directory", "testcontainers/python/tests"])
        .env("PYTHONPATH", workspace.root.join("testcontainers/python/src"));
    let (status, lines) = run_and_read(&mut test)?;
    let count = |end: &str| lines.iter().filter(|line| line.ends_with(end)).count();
    let tally = Tally { passed: count("... ok"), failed: count("... FAIL") + count("... ERROR"), skipped: 0 };
    if status.success() || tally.failed > 0 {
        Ok(tally)
    } else {
        Err(Stop::Failed(format!("the tests ended with {status}")))
    }
}

/// A command of `docker.py` over the program. The caller adds the command to run.
fn over_processes(context: &Context<'_>) -> Result<Command, Stop> {
    let workspace = context.workspace;
    install::system(context, "python3", "python3")?;
    run(&mut workspace.cargo(["build", "--package", "cfstore"]))?;
    let mut docker = workspace.command("python3");
    docker.arg(workspace.root.join("testcontainers/docker.py")).arg(workspace.target.join("debug/cfstore"));
    Ok(docker)
}
