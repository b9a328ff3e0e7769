//! The table in the documentation of `rate_limit` has the figures of the simulation.

#[path = "../examples/rate_limit_overshoot/simulation.rs"]
mod simulation;

#[test]
fn the_documentation_has_the_figures_of_the_simulation() {
    let table = simulation::table(&simulation::measure());
    assert_eq!(
        include_str!("../src/rate_limit/overshoot.md"),
        table,
        "update the file with the output of `cargo run -p cloudflare-clients --example rate_limit_overshoot`"
    );
}
