//! Client, server and store on one thread, in virtual time, over a network, a disk and clocks that fail as a seed says.

mod clock;
mod entropy;
mod network;
mod trace;

fn main() {}
