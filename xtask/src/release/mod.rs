//! `cargo xtask release`: the crates as they are published, tried before that by what their packages hold alone.

mod contents;
mod packages;
mod stage;
mod trial;

use clap::Args;

use crate::command::{run, succeeds};
use crate::context::Context;
use crate::report::{Report, Stop, Tally};
use crate::workspace::Workspace;
use packages::Packages;
use stage::Stage;
use trial::Trial;

/// The crates that are published, each behind those that it depends on.
const CRATES: [&str; 3] = ["cloudflare-clients", "cloudflare-emulator", "cfstore"];

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Package and try the crates, and publish nothing
    #[arg(long)]
    dry_run: bool,
    /// Where the sources are, for the packages' `repository`
    #[arg(long, value_name = "URL", env = "CFSTORE_REPOSITORY")]
    repository: Option<String>,
    /// The page of the project, for the packages' `homepage`
    #[arg(long, value_name = "URL", env = "CFSTORE_HOMEPAGE")]
    homepage: Option<String>,
    /// Try the packages with this toolchain of rustup's too, as `1.89.0`; may be given several times
    #[arg(long, value_name = "TOOLCHAIN")]
    toolchain: Vec<String>,
}

/// The addresses that a package may name.
#[derive(Debug, Default, Clone)]
struct Addresses {
    repository: Option<String>,
    homepage: Option<String>,
}

impl Addresses {
    /// As a manifest has them.
    fn lines(&self) -> String {
        let line = |name: &str, url: &Option<String>| {
            url.as_ref().map(|url| format!("{name} = {url:?}\n")).unwrap_or_default()
        };
        line("repository", &self.repository) + &line("homepage", &self.homepage)
    }

    fn check(&self) -> Result<(), String> {
        for (option, url) in [("--repository", &self.repository), ("--homepage", &self.homepage)] {
            let is_url = |url: &String| {
                url.strip_prefix("https://").is_some_and(|rest| rest.contains('.'))
                    && !url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '\\')
            };
            if let Some(url) = url.as_ref().filter(|url| !is_url(url)) {
                return Err(format!("{option} {url}: give an address that begins with https://"));
            }
        }
        Ok(())
    }
}

/// True if nothing failed.
pub(crate) fn release(workspace: &Workspace, options: &Options) -> Result<bool, String> {
    let addresses = Addresses { repository: options.repository.clone(), homepage: options.homepage.clone() };
    addresses.check()?;
    if !options.dry_run && addresses.repository.is_none() {
        return Err("the packages name no repository: give --repository, or --dry-run".into());
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
        if !options.dry_run && report.total().failed == 0 {
            report.run("publish", || publish(workspace, &stage));
        }
    }
    println!("\n{report}");
    for (what, missing) in
        [("repository", options.repository.is_none()), ("homepage", options.homepage.is_none())]
    {
        if missing {
            println!("not given: --{what}; the packages name none");
        }
    }
    Ok(report.total().failed == 0)
}

/// The quick form: what the packages hold, and that they and their tests compile from it.
pub(crate) fn quick(context: &Context<'_>) -> Result<Tally, Stop> {
    let workspace = context.workspace;
    let packages = Packages::make(workspace, &Stage::make(workspace, &Addresses::default())?)?;
    let mut tally = contents::check(&packages)?;
    tally += Trial::make(workspace, &packages)?.check(workspace)?;
    Ok(tally)
}

/// Whether the version says what has changed since the last one, for those who have it.
fn semver(workspace: &Workspace) -> Result<Tally, Stop> {
    let tags = workspace.command("git").args(["tag", "--list", "v*", "--sort=-v:refname"]).output();
    let tags = tags.map_err(|error| Stop::failed("git tag", &error))?;
    let tags = String::from_utf8_lossy(&tags.stdout).into_owned();
    let Some(last) = tags.lines().next() else {
        return Err(Stop::Skipped("no version was released yet: nothing to compare with".into()));
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

/// With the token that cargo has: `cargo login`, or `CARGO_REGISTRY_TOKEN`.
fn publish(workspace: &Workspace, stage: &Stage) -> Result<Tally, Stop> {
    let mut publish = workspace.cargo(["publish", "--locked", "--no-verify", "--allow-dirty"]);
    publish.current_dir(stage.root());
    for name in CRATES {
        publish.args(["--package", name]);
    }
    run(&mut publish).map(|()| Tally { passed: CRATES.len(), ..Tally::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_lines_of_a_manifest() {
        let mut addresses = Addresses { repository: Some("https://git.example/a".into()), homepage: None };
        assert_eq!(addresses.lines(), "repository = \"https://git.example/a\"\n");
        assert_eq!(addresses.check(), Ok(()));
        for wrong in ["git.example/a", "http://git.example", "https://x", "https://a.example/\"\n[x]"] {
            addresses.homepage = Some(wrong.into());
            assert!(addresses.check().is_err_and(|error| error.starts_with("--homepage")), "{wrong}");
        }
    }
}
