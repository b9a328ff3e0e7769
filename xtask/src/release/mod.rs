//! `cargo xtask release`: tests the crates from their packages alone, then publishes them.

mod addresses;
mod contents;
mod packages;
mod stage;
mod trial;

use clap::Args;

use self::addresses::Addresses;
use self::packages::Packages;
use self::stage::{CRATES, Stage};
use self::trial::Trial;
use crate::command::{read, run, succeeds};
use crate::context::Context;
use crate::report::{Report, Stop, Tally};
use crate::workspace::Workspace;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Package and test the crates without publishing them
    #[arg(long)]
    dry_run: bool,
    /// Address of the repository, for the packages' `repository` field
    #[arg(long, value_name = "URL", env = "CFSTORE_REPOSITORY")]
    repository: Option<String>,
    /// Address of the project's page, for the packages' `homepage` field
    #[arg(long, value_name = "URL", env = "CFSTORE_HOMEPAGE")]
    homepage: Option<String>,
    /// Also test the packages with this rustup toolchain, such as `1.89.0`; can be repeated
    #[arg(long, value_name = "TOOLCHAIN")]
    toolchain: Vec<String>,
}

/// Returns true if nothing failed.
pub(crate) fn release(workspace: &Workspace, options: &Options) -> Result<bool, String> {
    let addresses = Addresses { repository: options.repository.clone(), homepage: options.homepage.clone() };
    addresses.check()?;
    if !options.dry_run && addresses.repository.is_none() {
        return Err("the packages need a repository: give --repository, or --dry-run".into());
    }
    if !options.dry_run {
        is_tagged(workspace)?;
    }
    let mut report = Report::default();
    let mut stage = None;
    report.run("packages", || {
        let made = Stage::make(workspace, &addresses)?;
        let packages = Packages::make(workspace, &made)?;
        stage = Some((made, packages));
        Ok(Tally { passed: CRATES.len(), ..Tally::default() })
    });
    if let Some((stage, packages)) = stage {
        report.run("contents", || contents::check(&packages));
        let mut trial = None;
        report.run("workspace of the packages alone", || {
            trial = Some(Trial::make(workspace, &packages)?);
            Ok(Tally::ONE_PASSED)
        });
        if let Some(trial) = trial {
            let toolchains =
                std::iter::once(None).chain(options.toolchain.iter().map(String::as_str).map(Some));
            for toolchain in toolchains {
                println!("\n##### {} #####", toolchain.unwrap_or("the toolchain in use"));
                report.run("features", || trial.features(workspace, toolchain));
                report.run("features wasm32", || trial.features_wasm32(workspace, toolchain));
                report.run("tests", || trial.tests(workspace, toolchain));
            }
            report.run("documentation", || trial.documentation(workspace));
        }
        report.run("semver", || semver(workspace));
        if !options.dry_run {
            let before = report.total();
            report.run("publish", || publish(workspace, &stage, before));
        }
    }
    println!("\n{report}");
    for (what, missing) in
        [("repository", options.repository.is_none()), ("homepage", options.homepage.is_none())]
    {
        if missing {
            println!("--{what} is not set: the packages have no {what}");
        }
    }
    Ok(report.total().failed == 0)
}

/// Publishing requires a clean commit with the tag of its version.
fn is_tagged(workspace: &Workspace) -> Result<(), String> {
    let git = |arguments: &[&str]| {
        read(workspace.command("git").args(arguments)).map_err(|stop| match stop {
            Stop::Skipped(why) | Stop::Failed(why) => why,
        })
    };
    if !git(&["status", "--porcelain"])?.is_empty() {
        return Err("the working tree has uncommitted changes: commit them, or give --dry-run".into());
    }
    let tag = format!("v{}", env!("CARGO_PKG_VERSION"));
    if !git(&["tag", "--points-at", "HEAD"])?.lines().any(|name| name == tag) {
        return Err(format!(
            "this commit does not have the tag {tag}: git tag --annotate {tag}, or give --dry-run"
        ));
    }
    Ok(())
}

/// The quick form: checks the packages' contents, and that they and their tests compile.
pub(crate) fn quick(context: &Context<'_>) -> Result<Tally, Stop> {
    let workspace = context.workspace;
    let packages = Packages::make(workspace, &Stage::make(workspace, &Addresses::default())?)?;
    let mut tally = contents::check(&packages)?;
    tally += Trial::make(workspace, &packages)?.check(workspace)?;
    Ok(tally)
}

/// Whether the version number fits the changes since the last release. The first version passes.
fn semver(workspace: &Workspace) -> Result<Tally, Stop> {
    let mut tags = workspace.command("git");
    tags.args(["tag", "--list", "v*", "--sort=-v:refname", "--no-contains", "HEAD"]);
    let tags = read(&mut tags)?;
    let Some(last) = tags.lines().next() else {
        println!("no version was released before this one: nothing to compare with");
        return Ok(Tally::default());
    };
    let mut check = workspace.cargo(["semver-checks", "--baseline-rev", last]);
    if !succeeds(&mut workspace.cargo(["semver-checks", "--version"])) {
        let how = "cargo-semver-checks is not installed: cargo install --locked cargo-semver-checks";
        return Err(Stop::Skipped(how.into()));
    }
    for name in &CRATES[..2] {
        check.args(["--package", name]);
    }
    run(&mut check).map(|()| Tally::ONE_PASSED)
}

/// Publishes with cargo's token: `cargo login`, or `CARGO_REGISTRY_TOKEN`.
fn publish(workspace: &Workspace, stage: &Stage, before: Tally) -> Result<Tally, Stop> {
    if before.failed > 0 || before.skipped > 0 {
        return Err(Stop::Failed("publishing requires that all checks pass".into()));
    }
    let mut publish = workspace.cargo(["publish", "--locked", "--no-verify", "--allow-dirty"]);
    publish.current_dir(stage.root());
    for name in CRATES {
        publish.args(["--package", name]);
    }
    run(&mut publish).map(|()| Tally { passed: CRATES.len(), ..Tally::default() })
}
