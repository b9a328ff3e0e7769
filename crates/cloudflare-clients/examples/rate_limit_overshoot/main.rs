//! How far a limiter over Workers KV lets more through than its limit, simulated: the table of `cloudflare_clients::rate_limit`.
//!
//! `cargo run -p cloudflare-clients --example rate_limit_overshoot`, and with `-- --json` the same as JSON.

mod simulation;

fn main() {
    let rows = simulation::measure();
    if std::env::args().any(|argument| argument == "--json") {
        println!("{}", simulation::json(&rows));
    } else {
        print!("{}", simulation::table(&rows));
    }
}
