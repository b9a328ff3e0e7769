//! Client, server and store on one thread, in virtual time. The network, the disk and the clocks fail
//! according to a seed.
//!
//! `docs/simulation.md` in the repository describes what is covered, and how to read the findings.

mod clock;
mod disk;
mod entropy;
mod finding;
mod history;
mod linearizability;
mod mutations;
mod network;
mod power_loss;
mod recorder;
mod run;
mod scenarios;
mod simulate;
mod specification;
mod steps;
mod storm;
mod threads;
mod trace;
mod world;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    simulate::Arguments::parse().simulate()
}
