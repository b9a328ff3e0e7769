//! Contenders that take turns. Each run is a separate process.

use std::process::Command;

use serde::Deserialize;

use super::super::table::Measurement;
use super::folder::Folder;
use super::programs::Programs;
use crate::report::Stop;
use crate::workspace::Workspace;

/// What all cases share.
#[derive(Debug)]
pub(super) struct Track<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) programs: &'a Programs,
    pub(super) folder: &'a Folder,
    /// Number of runs of each contender.
    pub(super) runs: usize,
}

/// A program and its arguments.
pub(super) type Words = Vec<String>;

/// A contender.
pub(super) struct Contender<'a> {
    pub(super) name: &'static str,
    /// The command of the run with this number.
    pub(super) words: Box<dyn Fn(usize) -> Words + 'a>,
}

/// The cost of a run.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Taken {
    wall_us: u64,
    cpu_us: u64,
    peak_kib: u64,
}

/// A figure of a run: its name, and how to compute it.
pub(super) type Figure = (&'static str, fn(Taken) -> u64);

/// The figures of a transfer.
pub(super) const WHOLE: &[Figure] = &[
    ("wall ms", |run| run.wall_us / 1000),
    ("CPU ms", |run| run.cpu_us / 1000),
    ("peak KiB", |run| run.peak_kib),
];

/// The figures of each of [`REQUESTS`] requests.
pub(super) const EACH: &[Figure] = &[
    ("wall ns a request", |run| run.wall_us * 1000 / REQUESTS),
    ("CPU ns a request", |run| run.cpu_us * 1000 / REQUESTS),
];

/// Number of requests of a run that measures each of them.
pub(super) const REQUESTS: u64 = 5000;

/// A server, and the contenders that use it.
pub(super) struct Race<'a> {
    pub(super) track: &'a Track<'a>,
    /// The environment for clients of the server.
    pub(super) environment: &'a [(String, String)],
    pub(super) contenders: Vec<Contender<'a>>,
    /// Called after each run, not measured.
    pub(super) after: Box<dyn Fn() -> Result<(), Stop> + 'a>,
}

impl Race<'_> {
    /// Lets each contender run once, ignoring errors.
    pub(super) fn warm_up(&self) {
        for contender in &self.contenders {
            self.measure(&(contender.words)(0)).ok();
        }
    }

    /// Runs all contenders. A contender whose first run fails is left out.
    pub(super) fn run(mut self, case: &str, figures: &[Figure]) -> Result<Vec<Measurement>, Stop> {
        let mut taken: Vec<Vec<Taken>> = self.contenders.iter().map(|_| Vec::new()).collect();
        for number in 0..self.track.runs {
            let mut contender = 0;
            while let Some(Contender { name, words }) = self.contenders.get(contender) {
                match self.measure(&words(number)) {
                    Ok(run) => {
                        taken[contender].push(run);
                        (self.after)()?;
                        contender += 1;
                    }
                    Err(Stop::Skipped(why) | Stop::Failed(why)) if number == 0 => {
                        println!("  {name} is left out of `{case}`: {why}");
                        self.contenders.remove(contender);
                        taken.remove(contender);
                    }
                    Err(stop) => return Err(stop),
                }
            }
        }
        let mut measurements = Vec::new();
        for (shown, figure) in figures {
            for (contender, runs) in self.contenders.iter().zip(&taken) {
                let values = runs.iter().copied().map(figure).collect();
                measurements.push(Measurement::of_samples(
                    contender.name,
                    format!("{case}, {shown}"),
                    values,
                )?);
            }
        }
        Ok(measurements)
    }

    /// Runs a program once, and returns its cost.
    pub(super) fn measure(&self, words: &[String]) -> Result<Taken, Stop> {
        let Track { workspace, programs, folder, .. } = self.track;
        let mut command = workspace.command(&programs.bench);
        command.arg("measure").args(words).envs(self.environment.iter().map(|(name, value)| (name, value)));
        // The settings of the user who runs this are neither read nor written.
        command.env("HOME", folder.path("home")).env_remove("XDG_STATE_HOME");
        set_variables_of_others(&mut command, self.environment);
        let failed = |error: std::io::Error| Stop::failed(&words[0], &error);
        let output = command.output().map_err(failed)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Stop::Failed(said.lines().next().unwrap_or("it failed").to_owned()));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Stop::Failed(format!("the measurement is not JSON: {error}")))
    }
}

/// Translates the environment for s5cmd and rclone, whose remote is `r2:`.
fn set_variables_of_others(command: &mut Command, environment: &[(String, String)]) {
    for (name, value) in environment {
        let [s5cmd, rclone] = match name.as_str() {
            "R2_ENDPOINT" => ["S3_ENDPOINT_URL", "RCLONE_CONFIG_R2_ENDPOINT"],
            "R2_ACCESS_KEY_ID" => ["AWS_ACCESS_KEY_ID", "RCLONE_CONFIG_R2_ACCESS_KEY_ID"],
            "R2_SECRET_ACCESS_KEY" => ["AWS_SECRET_ACCESS_KEY", "RCLONE_CONFIG_R2_SECRET_ACCESS_KEY"],
            _ => continue,
        };
        command.env(s5cmd, value).env(rclone, value);
    }
    // rclone does not accept a CA bundle.
    command.env_remove("AWS_CA_BUNDLE");
    command.env("AWS_REGION", "auto").env("RCLONE_CONFIG_R2_REGION", "auto");
    command.env("RCLONE_CONFIG_R2_TYPE", "s3").env("RCLONE_CONFIG_R2_PROVIDER", "Other");
}
