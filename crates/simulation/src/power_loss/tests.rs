use std::collections::BTreeSet;
use std::thread;

use cloudflare_clients::simulation::Mutation;

use crate::run::{Settings, run};
use crate::scenarios;

fn findings(mutation: Option<Mutation>, seeds: std::ops::Range<u64>) -> Option<String> {
    let scenario = scenarios::named("power-loss").unwrap();
    seeds.into_iter().find_map(|seed| {
        let report = run(scenario, Settings { mutation, ..Settings::of(seed) });
        report.finding.map(|finding| format!("seed {seed}: {finding}"))
    })
}

#[test]
fn what_was_acknowledged_is_there_after_a_power_loss() {
    assert_eq!(findings(None, 1..4), None);
}

#[test]
fn what_is_not_synced_is_found() {
    let threads: Vec<_> = [Mutation::FileNotSynced, Mutation::FolderNotSynced]
        .map(|mutation| thread::spawn(move || (mutation, findings(Some(mutation), 1..40))))
        .into();
    let missed: BTreeSet<_> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .filter(|(_, finding)| finding.is_none())
        .map(|(mutation, _)| format!("{mutation:?}"))
        .collect();
    assert_eq!(missed, BTreeSet::new());
}
