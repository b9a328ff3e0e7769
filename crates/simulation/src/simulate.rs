//! The command: which scenarios run with which seeds, for how long, and what is printed.

use std::io::{BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::num::NonZero;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::mutations::{self, MUTATIONS, Named};
use crate::run::{Report, Settings, run};
use crate::scenarios::{self, SCENARIOS, Scenario};
use crate::steps::{StepId, shorten};
use crate::trace::{Counts, Summary};

/// Maximum length of a finding in a list, in characters.
const LONGEST_LINE: usize = 120;
/// Maximum time for removing steps that a finding does not need.
const LONGEST_SHORTENING: Duration = Duration::from_secs(30);
/// Seeds with earlier findings, which are tried each time.
const FOUND: &str = include_str!("../seeds.txt");

/// Runs client, server and store in virtual time, with failures that follow from a seed, and checks each
/// answer.
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(name = "simulate", bin_name = "cargo xtask simulate")]
pub(crate) struct Arguments {
    /// Run only this seed, twice, and compare the traces
    #[arg(long)]
    seed: Option<u64>,
    /// Run seeds starting with this one [default: one derived from the time]
    #[arg(long, conflicts_with = "seed")]
    from: Option<u64>,
    /// Run for this many minutes, or search this long for a mutation
    #[arg(long, default_value = "1", value_parser = minutes, conflicts_with = "seed")]
    minutes: Minutes,
    /// Run only this scenario
    #[arg(long, conflicts_with_all = ["mutations", "next_mutation"])]
    scenario: Option<String>,
    /// Introduce this mutation, an error in a line of the code, which its scenario (or the given one) must
    /// find
    #[arg(long, conflicts_with_all = ["mutations", "json", "jobs"])]
    mutation: Option<String>,
    /// Try all mutations, one after the other
    #[arg(long, conflicts_with_all = ["seed", "from", "json", "jobs"])]
    mutations: bool,
    /// Try one mutation, a different one each hour
    #[arg(long, conflicts_with_all = ["mutation", "mutations", "seed", "from", "json", "jobs"])]
    next_mutation: bool,
    /// Number of concurrent processes [default: number of processors]
    #[arg(long, conflicts_with_all = ["seed", "json"])]
    jobs: Option<NonZero<usize>>,
    /// Run only these steps, each given as the number of a client and that of its step
    #[arg(long, requires = "seed", value_delimiter = ',', value_parser = step, value_name = "CLIENT.STEP")]
    only: Option<Vec<StepId>>,
    /// Print each line of the trace
    #[arg(long, requires = "seed")]
    trace: bool,
    /// List scenarios and mutations
    #[arg(long, exclusive = true)]
    list: bool,
    /// Print one line of JSON per run, in one process
    #[arg(long, conflicts_with = "seed")]
    json: bool,
    /// Run every n-th seed
    #[arg(long, hide = true, default_value_t = 1)]
    stride: u64,
}

/// Returns the names of all scenarios.
fn names() -> String {
    SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ")
}

fn step(text: &str) -> Result<StepId, String> {
    text.split_once('.')
        .and_then(|(client, step)| Some((client.parse().ok()?, step.parse().ok()?)))
        .ok_or_else(|| "give two numbers, such as 0.12".to_owned())
}

#[derive(Debug, Clone, Copy)]
struct Minutes(f64);

fn minutes(text: &str) -> Result<Minutes, String> {
    match text.parse() {
        Ok(minutes) if minutes > 0.0 && minutes <= 100_000.0 => Ok(Minutes(minutes)),
        _ => Err("give a number of minutes above 0, up to 100000".to_owned()),
    }
}

/// A run, in the form in which a process reports it to another one.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    scenario: String,
    seed: u64,
    trace: String,
    simulated_ms: u64,
    counts: std::collections::BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finding: Option<String>,
}

impl Arguments {
    pub(crate) fn simulate(self) -> ExitCode {
        match self.outcome() {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::from(2)
            }
        }
    }

    /// Runs the command. Returns whether all is well.
    fn outcome(&self) -> Result<bool, String> {
        if self.list {
            for scenario in SCENARIOS {
                println!("{:<14} {}", scenario.name, scenario.about);
            }
            for mutation in MUTATIONS {
                println!("{:<28} in {}", mutation.name, mutation.scenario);
            }
            return Ok(true);
        }
        let scenarios: Vec<&'static Scenario> = match &self.scenario {
            None => SCENARIOS.iter().collect(),
            Some(name) => vec![
                scenarios::named(name)
                    .ok_or_else(|| format!("unknown scenario {name:?}: use one of {}", names()))?,
            ],
        };
        let mutation = self.mutation.as_deref().map(|name| {
            mutations::find(name).ok_or_else(|| format!("unknown mutation {name:?}: --list shows all"))
        });
        let mutation = mutation.transpose()?;
        if let Some(seed) = self.seed {
            return Ok(self.one_seed(&scenarios, seed, mutation));
        }
        if self.mutations {
            return Ok(MUTATIONS.iter().filter(|mutation| !self.finds(mutation)).count() == 0);
        }
        if self.next_mutation {
            // A daily job at a fixed hour also gets a different one each time.
            let hours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 3600;
            let next = usize::try_from(hours + hours / 24).unwrap_or_default() % MUTATIONS.len();
            return Ok(self.finds(&MUTATIONS[next]));
        }
        if let Some(mutation) = mutation {
            return Ok(self.finds(mutation));
        }
        if self.json {
            return Ok(self.print_runs(&scenarios));
        }
        if self.scenario.is_none() && !known_seeds() {
            return Ok(false);
        }
        self.run_in_processes()
    }

    /// Runs a seed twice.
    fn one_seed(&self, scenarios: &[&'static Scenario], seed: u64, mutation: Option<&Named>) -> bool {
        let mut is_well = true;
        for scenario in scenarios {
            let settings = Settings {
                mutation: mutation.map(|named| named.mutation),
                traces: self.trace,
                only: self.only.as_ref().map(|only| only.iter().copied().collect()),
                ..Settings::of(seed)
            };
            let report = run(scenario, settings.clone());
            is_well &= print_finding(scenario, &settings, mutation, &report);
            let again = run(scenario, Settings { traces: false, ..settings });
            if again.summary != report.summary {
                println!("{} {seed}: the second run had a different trace", scenario.name);
                is_well = false;
            }
            let Summary { hash, time, counts } = report.summary;
            println!("{} {seed}: {:.1} s simulated, trace {hash:016x}", scenario.name, time.as_secs_f64());
            println!("{}", listed(&counts));
        }
        is_well
    }

    /// Runs seeds one after the other, and prints a line per run.
    fn print_runs(&self, scenarios: &[&'static Scenario]) -> bool {
        let until = Instant::now() + self.duration();
        let mut seed = self.first_seed();
        let mut is_well = true;
        while Instant::now() < until {
            for scenario in scenarios {
                let report = run(scenario, Settings::of(seed));
                is_well &= report.finding.is_none();
                let line = Line::new(scenario, seed, &report);
                let written = serde_json::to_string(&line).map_err(std::io::Error::from);
                // Stop if the reader has closed the pipe.
                if written.and_then(|line| writeln!(std::io::stdout(), "{line}")).is_err() {
                    return is_well;
                }
            }
            seed += self.stride;
        }
        is_well
    }

    /// Lets several processes run seeds, because SQLite has one random number generator per process.
    fn run_in_processes(&self) -> Result<bool, String> {
        let jobs = self.jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, usize::from);
        let first = self.first_seed();
        println!("seeds from {first} on, {} minutes in {jobs} processes", self.minutes.0);
        let (sender, lines) = mpsc::channel();
        let mut children = Vec::new();
        for job in 0..jobs {
            let mut child = self.child(first + job as u64, jobs)?;
            let output = child.stdout.take().ok_or("a process has no output")?;
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if sender.send((job, Some(line))).is_err() {
                        return;
                    }
                }
                // The receiver is gone after the first finding.
                let _ = sender.send((job, None));
            });
            children.push(child);
        }
        drop(sender);
        let totals = self.gather(&lines, &mut children);
        for child in &mut children {
            // It has ended, or is not needed any more.
            let _ = child.kill();
            let _ = child.wait();
        }
        let (totals, failed) = totals?;
        println!("{totals}");
        let Some(failed) = failed else { return Ok(true) };
        println!("{} {}: {}", failed.scenario, failed.seed, failed.finding.unwrap_or_default());
        if let Some(scenario) = scenarios::named(&failed.scenario) {
            let settings = Settings::of(failed.seed);
            if print_finding(scenario, &settings, None, &run(scenario, settings.clone())) {
                println!("another process did not find it again: the run does not depend on its seed alone");
            }
        }
        Ok(false)
    }

    fn child(&self, first: u64, stride: usize) -> Result<Child, String> {
        let program =
            std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
        let mut command = Command::new(program);
        command.args(["--json", "--from", &first.to_string(), "--stride", &stride.to_string()]);
        command.args(["--minutes", &self.minutes.0.to_string()]);
        if let Some(scenario) = &self.scenario {
            command.args(["--scenario", scenario]);
        }
        command.stdout(Stdio::piped()).spawn().map_err(|error| format!("cannot start a process: {error}"))
    }

    /// Adds up what the processes report, until the first finding.
    fn gather(
        &self,
        lines: &mpsc::Receiver<(usize, Option<String>)>,
        children: &mut [Child],
    ) -> Result<(Totals, Option<Line>), String> {
        let mut totals = Totals::default();
        let mut last = vec!["nothing".to_owned(); children.len()];
        let begun = Instant::now();
        let mut shown = begun;
        let is_shown = std::io::stderr().is_terminal();
        for (job, line) in lines {
            let Some(line) = line else {
                let ended =
                    children[job].wait().map_err(|error| format!("cannot wait for a process: {error}"))?;
                if !ended.success() {
                    return Err(format!("a process ended with {ended} in the run after {}", last[job]));
                }
                continue;
            };
            let line: Line = serde_json::from_str(&line)
                .map_err(|error| format!("a process printed {line:?}, which is not a run: {error}"))?;
            totals.add(&line);
            last[job] = format!("{} {}", line.scenario, line.seed);
            if line.finding.is_some() {
                return Ok((totals, Some(line)));
            }
            if is_shown && shown.elapsed() > Duration::from_millis(500) {
                shown = Instant::now();
                let (runs, hours) = (totals.runs, totals.hours());
                let seconds = begun.elapsed().as_secs();
                let of = self.duration().as_secs();
                eprint!("\r{seconds} of {of} s: {runs} runs, {hours:.1} simulated hours, no finding ");
            }
        }
        if is_shown {
            eprintln!();
        }
        Ok((totals, None))
    }

    /// Whether a mutation is found in time.
    fn finds(&self, named: &Named) -> bool {
        let scenario = self.scenario.as_deref().unwrap_or(named.scenario);
        let Some(scenario) = scenarios::named(scenario) else { return false };
        let (begun, longest) = (Instant::now(), self.duration());
        let mut seed = self.from.unwrap_or(1);
        while begun.elapsed() < longest {
            let settings = Settings { mutation: Some(named.mutation), ..Settings::of(seed) };
            if let Some(finding) = run(scenario, settings).finding {
                let seconds = begun.elapsed().as_secs_f64();
                let what: String = finding.what.chars().take(LONGEST_LINE).collect();
                println!(
                    "{:<28} found in {} by seed {seed} after {seconds:.1} s: {what}",
                    named.name, scenario.name
                );
                if self.mutation.is_some() {
                    let (scenario, mutation) = (scenario.name, named.name);
                    println!(
                        "repeat it with: cargo xtask simulate --scenario {scenario} --seed {seed} --mutation {mutation}"
                    );
                }
                return true;
            }
            seed += 1;
        }
        println!("{:<28} NOT found in {} within {longest:?} ({seed} seeds)", named.name, scenario.name);
        false
    }

    fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.minutes.0 * 60.0)
    }

    fn first_seed(&self) -> u64 {
        self.from.unwrap_or_else(|| {
            SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() * 1000
        })
    }
}

impl Line {
    fn new(scenario: &Scenario, seed: u64, report: &Report) -> Self {
        let Summary { hash, counts, time } = &report.summary;
        Self {
            scenario: scenario.name.to_owned(),
            seed,
            trace: format!("{hash:016x}"),
            simulated_ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            counts: counts.0.iter().map(|(what, count)| ((*what).to_owned(), *count)).collect(),
            finding: report.finding.as_ref().map(Finding::to_string),
        }
    }
}

/// The totals of all runs.
#[derive(Debug, Default)]
struct Totals {
    runs: u64,
    simulated_ms: u64,
    counts: std::collections::BTreeMap<String, u64>,
}

impl Totals {
    fn add(&mut self, line: &Line) {
        self.runs += 1;
        self.simulated_ms += line.simulated_ms;
        for (what, count) in &line.counts {
            *self.counts.entry(what.clone()).or_default() += count;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "it is for people to read")]
    fn hours(&self) -> f64 {
        self.simulated_ms as f64 / 3_600_000.0
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} runs, {:.1} simulated hours", self.runs, self.hours())?;
        self.counts.iter().try_for_each(|(what, count)| write!(f, "\n{count:>12} {what}"))
    }
}

fn listed(counts: &Counts) -> String {
    let lines: Vec<String> = counts.0.iter().map(|(what, count)| format!("{count:>12} {what}")).collect();
    lines.join("\n")
}

/// Prints a finding, shortened, and the command to repeat it. Returns whether there was no finding.
fn print_finding(
    scenario: &'static Scenario,
    settings: &Settings,
    mutation: Option<&Named>,
    report: &Report,
) -> bool {
    let Some(finding) = &report.finding else { return true };
    println!("{} {}: {}", scenario.name, settings.seed, finding.what);
    let until = Instant::now() + LONGEST_SHORTENING;
    let mut shortest = finding.clone();
    let kept = shorten(&report.steps, |kept| {
        if Instant::now() > until {
            return None;
        }
        let settings = Settings { only: Some(kept.clone()), traces: false, ..settings.clone() };
        let found = run(scenario, settings).finding;
        let is_found = found.is_some();
        shortest = found.unwrap_or_else(|| shortest.clone());
        Some(is_found)
    });
    println!("with {} of {} steps: {shortest}", kept.len(), report.steps.len());
    let mutation = mutation.map(|named| format!(" --mutation {}", named.name)).unwrap_or_default();
    let command =
        format!("cargo xtask simulate --scenario {} --seed {}{mutation}", scenario.name, settings.seed);
    println!("repeat it: {command}");
    if !kept.is_empty() && kept.len() < report.steps.len() {
        let steps: Vec<String> = kept.iter().map(|(client, step)| format!("{client}.{step}")).collect();
        println!("only this: {command} --only {}", steps.join(","));
    }
    false
}

/// Runs the seeds with earlier findings.
fn known_seeds() -> bool {
    let mut is_well = true;
    for line in FOUND.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let known =
            words.next().and_then(scenarios::named).zip(words.next().and_then(|seed| seed.parse().ok()));
        let Some((scenario, seed)) = known else {
            println!("seeds.txt has {line:?}, which is not a scenario and a seed");
            is_well = false;
            continue;
        };
        let settings = Settings::of(seed);
        is_well &= print_finding(scenario, &settings, None, &run(scenario, settings.clone()));
    }
    is_well
}
