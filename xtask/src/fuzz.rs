//! `cargo xtask fuzz`: runs each target of `fuzz/` for some seconds. Findings are in `fuzz/artifacts`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::command::{on_path, run};
use crate::report::Stop;
use crate::workspace::Workspace;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Time that each target runs, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// The targets to run; all by default
    #[arg(value_name = "TARGET")]
    names: Vec<String>,
}

/// Returns true if nothing was found.
pub(crate) fn fuzz(workspace: &Workspace, options: &Options) -> Result<bool, String> {
    if !on_path("cargo-fuzz") {
        return Err("cargo-fuzz is not on the PATH: cargo install cargo-fuzz --locked".to_owned());
    }
    let folder = workspace.root.join("fuzz");
    let known = targets(&folder)?;
    if let Some(name) = options.names.iter().find(|name| !known.contains(name)) {
        return Err(format!("no target is called `{name}`; the targets are {}", known.join(", ")));
    }
    let names = if options.names.is_empty() { &known } else { &options.names };
    // The local server's store: in memory, if possible. It is removed after the run.
    let temporary =
        [PathBuf::from("/dev/shm"), std::env::temp_dir()].into_iter().find(|folder| folder.is_dir());
    let temporary = temporary.unwrap_or_default().join(format!("fuzz-{}", std::process::id()));
    let mut found = Vec::new();
    for name in names {
        let corpus = folder.join("corpus").join(name);
        let created = fs::create_dir_all(&corpus).and_then(|()| fs::create_dir_all(&temporary));
        created.map_err(|error| format!("{name}: {error}"))?;
        let mut command = workspace.cargo(["fuzz", "run", name]);
        command.arg(&corpus).arg(folder.join("seeds").join(name)).arg("--");
        command.arg(format!("-max_total_time={}", options.seconds));
        // An input that takes ten seconds is a finding too.
        command.args(["-timeout=10", "-print_final_stats=1"]);
        let dictionary = folder.join("dictionaries").join(format!("{name}.dict"));
        if dictionary.is_file() {
            command.arg(format!("-dict={}", dictionary.display()));
        }
        // The coverage that libFuzzer needs is a nightly setting, which the stable compiler has as well.
        command.env("RUSTC_BOOTSTRAP", "1").env("TMPDIR", &temporary);
        if let Err(Stop::Skipped(why) | Stop::Failed(why)) = run(&mut command) {
            found.push(format!("{name}: {why}"));
        }
        fs::remove_dir_all(&temporary).map_err(|error| format!("{}: {error}", temporary.display()))?;
    }
    for line in &found {
        eprintln!("{line}");
    }
    Ok(found.is_empty())
}

fn targets(folder: &Path) -> Result<Vec<String>, String> {
    let folder = folder.join("fuzz_targets");
    let failed = |error| format!("{}: {error}", folder.display());
    let mut names = Vec::new();
    for file in fs::read_dir(&folder).map_err(failed)? {
        let path = file.map_err(failed)?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}
