//! Contenders that take turns, each run a process of its own.

use std::process::Command;

use serde::Deserialize;

use super::super::table::Measurement;
use super::folder::Folder;
use super::programs::Programs;
use crate::report::Stop;
use crate::workspace::Workspace;

/// What every case has.
#[derive(Debug)]
pub(super) struct Track<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) programs: &'a Programs,
    pub(super) folder: &'a Folder,
    /// How often each contender runs.
    pub(super) runs: usize,
}

/// A program and its arguments.
pub(super) type Words = Vec<String>;

/// Who is measured.
pub(super) struct Contender<'a> {
    pub(super) name: &'static str,
    /// What it runs, in its run of this number.
    pub(super) words: Box<dyn Fn(usize) -> Words + 'a>,
}

/// What a run took.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Taken {
    wall_us: u64,
    cpu_us: u64,
    peak_kib: u64,
}

/// What is shown of a run: its name, and the figure.
pub(super) type Figure = (&'static str, fn(Taken) -> u64);

/// Of a transfer.
pub(super) const WHOLE: &[Figure] = &[
    ("wall ms", |run| run.wall_us / 1000),
    ("CPU ms", |run| run.cpu_us / 1000),
    ("peak KiB", |run| run.peak_kib),
];

/// Of [`REQUESTS`] requests, each.
pub(super) const EACH: &[Figure] = &[
    ("wall ns a request", |run| run.wall_us * 1000 / REQUESTS),
    ("CPU ns a request", |run| run.cpu_us * 1000 / REQUESTS),
];

/// How many requests a run makes where each is measured.
pub(super) const REQUESTS: u64 = 5000;

/// A server, and the folder on it that is raced in.
pub(super) struct Race<'a> {
    pub(super) track: &'a Track<'a>,
    /// Of the server.
    pub(super) environment: &'a [(String, String)],
    pub(super) contenders: Vec<Contender<'a>>,
    /// What is done after each run, and not measured.
    pub(super) after: Box<dyn Fn() -> Result<(), Stop> + 'a>,
}

impl Race<'_> {
    /// Has each do once what it is measured at, as well as it can.
    pub(super) fn warm_up(&self) {
        for contender in &self.contenders {
            self.measure(&(contender.words)(0)).ok();
        }
    }

    /// Runs all contenders. One whose first run fails is left out.
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

    /// Runs a program once, and says what it took.
    pub(super) fn measure(&self, words: &[String]) -> Result<Taken, Stop> {
        let Track { workspace, programs, folder, .. } = self.track;
        let mut command = workspace.command(&programs.bench);
        command.arg("measure").args(words).envs(self.environment.iter().map(|(name, value)| (name, value)));
        // Nothing of whoever runs this is read or written.
        command.env("HOME", folder.path("home")).env_remove("XDG_STATE_HOME");
        set_variables_of_others(&mut command, self.environment);
        let failed = |error: std::io::Error| Stop::failed(&words[0], &error);
        let output = command.output().map_err(failed)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Stop::Failed(said.lines().next().unwrap_or("it failed").to_owned()));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Stop::Failed(format!("what was measured is no JSON: {error}")))
    }
}

/// Tells s5cmd and rclone, whose remote is `r2:`, what the environment says.
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
    // rclone takes none.
    command.env_remove("AWS_CA_BUNDLE");
    command.env("AWS_REGION", "auto").env("RCLONE_CONFIG_R2_REGION", "auto");
    command.env("RCLONE_CONFIG_R2_TYPE", "s3").env("RCLONE_CONFIG_R2_PROVIDER", "Other");
}
