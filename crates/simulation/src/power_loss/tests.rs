use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use cloudflare_clients::simulation::Mutation;
use fastrand::Rng;

use super::expected::{Expected, Place};
use super::recovery::Opened;
use crate::disk::Machine;
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

#[tokio::test(start_paused = true)]
async fn a_store_outlasts_a_power_loss_wherever_the_process_that_began_it_was_killed() {
    let (mut rng, place, bytes) = (Rng::with_seed(1), Place::Object("a"), b"bytes".to_vec());
    for changes in (0..20).flat_map(|changes| [changes; 8]) {
        let machine = Machine::new(rng.u64(..));
        let killed = machine.process();
        killed.kill_after(changes);
        assert!(Opened::open(killed, &Expected::new(), &mut rng).await.is_err());

        let opened = Opened::open(machine.process(), &Expected::new(), &mut rng).await.unwrap();
        opened.put(place, bytes.clone()).await.unwrap();
        opened.kill().await;
        machine.power_loss(&mut rng);

        let mut expected = Expected::new();
        expected.is_prepared = true;
        expected.is(place, Some(Arc::new(bytes.clone())));
        let opened = Opened::open(machine.process(), &expected, &mut rng).await;
        let opened = opened.unwrap_or_else(|problem| panic!("after {changes} changes: {problem}"));
        opened.observe(&expected).await.unwrap();
        opened.close().await;
    }
}
