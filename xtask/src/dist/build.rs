//! Building `cfstore` for one target.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use super::release::Release;
use crate::command::run;
use crate::context::Context;
use crate::install;
use crate::report::Stop;

/// The targets of static programs, which need no libraries of the system.
pub(crate) const STATIC: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];

/// Linker flags of the static programs: relocations in their short form.
const LINK: [&str; 2] = ["-C", "link-args=-zpack-relative-relocs"];

/// A built program.
#[derive(Debug)]
pub(crate) struct Binary {
    /// The target triple.
    pub(crate) target: String,
    pub(crate) path: PathBuf,
    pub(crate) version: String,
}

impl Binary {
    pub(crate) fn is_static(&self) -> bool {
        is_static(&self.target)
    }

    fn processor(&self) -> &str {
        self.target.split('-').next().unwrap_or_default()
    }

    /// Whether the program is for this machine's processor.
    pub(crate) fn runs_here(&self) -> bool {
        self.processor() == env::consts::ARCH
    }

    /// A command that runs the program, in QEMU if it is for another processor.
    pub(crate) fn command(&self, context: &Context<'_>) -> Result<Command, Stop> {
        if self.runs_here() {
            return Ok(context.workspace.command(&self.path));
        }
        let emulator = format!("qemu-{}", self.processor());
        install::system(context, &emulator, "qemu-user")?;
        let mut command = context.workspace.command(emulator);
        command.arg(&self.path);
        Ok(command)
    }
}

fn is_static(target: &str) -> bool {
    STATIC.contains(&target)
}

pub(super) fn build(release: &Release<'_>, target: &str) -> Result<Binary, Stop> {
    let workspace = release.context.workspace;
    install::target(release.context, target)?;
    let mut flags = Vec::new();
    let mut build = if is_static(target) {
        // Zig compiles the C code. Rust's own files suffice to link for musl.
        let mut build = install::zigbuild(release.context, "zigbuild")?;
        build.env(format!("CARGO_TARGET_{}_LINKER", target.replace('-', "_").to_uppercase()), "rust-lld");
        flags.extend(LINK.map(str::to_owned));
        build
    } else {
        workspace.cargo(["build"])
    };
    flags.extend(unnamed_folders(release));
    // Cargo splits this at a character that does not occur in paths.
    build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    build.args(["--locked", "--profile", "small", "--package", "cfstore", "--target", target]);
    run(build.env("SOURCE_DATE_EPOCH", release.source_date_epoch.to_string()))?;
    let program = if target.contains("windows") { "cfstore.exe" } else { "cfstore" };
    let path = workspace.target.join(target).join("small").join(program);
    Ok(Binary { target: target.to_owned(), path, version: release.version.clone() })
}

/// Flags that keep this machine's folders out of panic messages.
fn unnamed_folders(release: &Release<'_>) -> Vec<String> {
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let folders = [(cargo_home, "/cargo"), (Some(release.context.workspace.root.clone()), "/cfstore")];
    let flag = |(folder, name): (Option<PathBuf>, &str)| {
        folder.map(|folder| format!("--remap-path-prefix={}={name}", folder.display()))
    };
    folders.into_iter().filter_map(flag).collect()
}
