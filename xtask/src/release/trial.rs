//! A workspace of the unpacked packages alone. A
//! [directory source](https://doc.rust-lang.org/cargo/reference/source-replacement.html#directory-sources)
//! replaces the registry, also for their dependencies on each other.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::packages::Packages;
use crate::command::{on_path, read, run, run_and_read};
use crate::harness::cargo_test;
use crate::report::{Stop, Tally};
use crate::wasm;
use crate::workspace::Workspace;

#[derive(Debug)]
pub(super) struct Trial {
    root: PathBuf,
}

impl Trial {
    pub(super) fn make(workspace: &Workspace, packages: &Packages) -> Result<Self, Stop> {
        let root = workspace.target.join("publish/trial");
        let failed = |error: io::Error| Stop::failed(&root.display().to_string(), &error);
        for folder in ["vendor", ".cargo", "members"] {
            let folder = root.join(folder);
            if folder.exists() {
                fs::remove_dir_all(&folder).map_err(failed)?;
            }
            fs::create_dir_all(&folder).map_err(failed)?;
        }
        let vendor = root.join("vendor");
        let mut vendored = workspace.cargo(["vendor", "--quiet", "--locked", "--versioned-dirs"]);
        let (status, _) = run_and_read(vendored.arg(&vendor))?;
        if !status.success() {
            return Err(Stop::Failed(format!("cargo vendor ended with {status}")));
        }
        for package in &packages.all {
            let name = package.root.file_name().unwrap_or_default();
            let dependency = vendor.join(name);
            copy_folder(&package.root, &dependency).map_err(failed)?;
            fs::write(dependency.join(".cargo-checksum.json"), r#"{"files":{}}"#).map_err(failed)?;
            copy_folder(&package.root, &root.join("members").join(name)).map_err(failed)?;
        }
        let manifest = "[workspace]\nresolver = \"3\"\nmembers = [\"members/*\"]\n\n[profile.dev]\ndebug = false\n\n\
                        [profile.dev.package.\"*\"]\nopt-level = 1\n";
        fs::write(root.join("Cargo.toml"), manifest).map_err(failed)?;
        let config = "[source.crates-io]\nreplace-with = \"packages\"\n\n[source.packages]\ndirectory = \"vendor\"\n\n\
                      [net]\noffline = true\n";
        fs::write(root.join(".cargo/config.toml"), config).map_err(failed)?;
        let lock = root.join("Cargo.lock");
        if lock.exists() {
            fs::remove_file(lock).map_err(failed)?;
        }
        Ok(Self { root })
    }

    fn cargo<const N: usize>(
        &self,
        workspace: &Workspace,
        toolchain: Option<&str>,
        arguments: [&str; N],
    ) -> Command {
        let mut command = workspace.command("cargo");
        if let Some(toolchain) = toolchain {
            command.arg(format!("+{toolchain}"));
        }
        let target = format!("target-{}", toolchain.unwrap_or("default"));
        command.args(arguments).current_dir(&self.root).env("CARGO_TARGET_DIR", self.root.join(target));
        if toolchain.is_some() {
            command.env_remove("RUSTUP_TOOLCHAIN");
        }
        // The repository's cargo configuration, in a parent folder, sets flags for `cargo xtask dist`.
        command.env("LIBSQLITE3_FLAGS", "");
        // Only publishing needs the token, and this runs code of dependencies.
        command.env_remove("CARGO").env_remove("CARGO_REGISTRY_TOKEN");
        command
    }

    /// Compiles everything, including the tests.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<Tally, Stop> {
        let check = ["check", "--quiet", "--workspace", "--all-targets", "--all-features"];
        run(&mut self.cargo(workspace, None, check)).map(|()| Tally::ONE_PASSED)
    }

    /// Compiles every combination of the features for users.
    pub(super) fn features(&self, workspace: &Workspace, toolchain: Option<&str>) -> Result<Tally, Stop> {
        let library = ["hack", "check", "--package", "cloudflare-clients", "--feature-powerset"];
        let mut hack = self.hack(workspace, toolchain, library)?;
        run(hack.args(["--exclude-features", "default,simulation,workers"]))?;
        let rest =
            ["hack", "check", "--package", "cloudflare-emulator", "--package", "cfstore", "--each-feature"];
        run(&mut self.hack(workspace, toolchain, rest)?)?;
        Ok(Tally { passed: 2, ..Tally::default() })
    }

    /// Compiles pairs of features for Workers.
    pub(super) fn features_wasm32(
        &self,
        workspace: &Workspace,
        toolchain: Option<&str>,
    ) -> Result<Tally, Stop> {
        let mut sysroot = workspace.command("rustc");
        sysroot.args(toolchain.map(|toolchain| format!("+{toolchain}")));
        let libraries = read(sysroot.args(["--print", "target-libdir", "--target", wasm::TARGET]))?;
        if !Path::new(libraries.trim()).exists() {
            let toolchain =
                toolchain.map(|toolchain| format!(" --toolchain {toolchain}")).unwrap_or_default();
            let how = format!("the target is not installed: rustup target add{toolchain} {}", wasm::TARGET);
            return Err(Stop::Skipped(how));
        }
        let mut without = "default,simulation".to_owned();
        if toolchain.is_some() {
            // The crate `worker` requires a newer Rust.
            without += ",workers";
        }
        let library = ["hack", "check", "--package", "cloudflare-clients", "--target", wasm::TARGET];
        let mut hack = self.hack(workspace, toolchain, library)?;
        hack.args(["--feature-powerset", "--depth", "2", "--exclude-features", &without]);
        run(&mut hack).map(|()| Tally::ONE_PASSED)
    }

    fn hack<const N: usize>(
        &self,
        workspace: &Workspace,
        toolchain: Option<&str>,
        arguments: [&str; N],
    ) -> Result<Command, Stop> {
        if !on_path("cargo-hack") {
            let how = "cargo-hack is not installed: cargo install --locked cargo-hack";
            return Err(Stop::Skipped(how.into()));
        }
        let mut command = self.cargo(workspace, toolchain, arguments);
        command.arg("--quiet");
        Ok(command)
    }

    /// Runs the tests and doctests of the packages.
    pub(super) fn tests(&self, workspace: &Workspace, toolchain: Option<&str>) -> Result<Tally, Stop> {
        cargo_test(self.cargo(workspace, toolchain, ["test"]), &[])
    }

    /// Builds the documentation as docs.rs does, and checks that items name their features.
    pub(super) fn documentation(&self, workspace: &Workspace) -> Result<Tally, Stop> {
        let features = "analytics,http,local,native-roots,testing,workers";
        let doc = ["doc", "--no-deps", "--package", "cloudflare-clients", "--features", features];
        let mut doc = self.cargo(workspace, None, doc);
        run(doc.env("RUSTC_BOOTSTRAP", "1").env("RUSTDOCFLAGS", "--cfg docsrs -D warnings"))?;
        let page = self.root.join("target-default/doc/cloudflare_clients/struct.LocalStore.html");
        let text =
            fs::read_to_string(&page).map_err(|error| Stop::failed(&page.display().to_string(), &error))?;
        if text.contains("Available on <strong>crate feature <code>local</code>") {
            Ok(Tally::ONE_PASSED)
        } else {
            Err(Stop::Failed(format!("{} does not say which feature it needs", page.display())))
        }
    }
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
