//! By how much a limiter over Workers KV exceeds its limit: the simulation behind the table of
//! `cloudflare_clients::rate_limit`.
//!
//! `cargo run -p cloudflare-clients --example rate_limit_overshoot` prints the table; with `-- --json` it
//! prints JSON.

mod simulation;

fn main() {
    let rows = simulation::measure();
    if std::env::args().any(|argument| argument == "--json") {
        println!("{}", simulation::json(&rows));
    } else {
        print!("{}", simulation::table(&rows));
    }
}
