//! Client, server and store on one thread, in virtual time, over a network, a disk and clocks that fail as a seed says.
//!
//! docs/simulation.md of the repository says what it covers, and how to read what it finds.

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
