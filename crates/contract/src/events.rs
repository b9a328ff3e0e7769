//! The cases about events, shared by both suites.

use std::collections::BTreeSet;

use cloudflare_clients::analytics::{Event, EventStore, EventWriter};
use futures_util::TryStreamExt;

/// Stores events in several batches, and reads back all of them and a range.
pub(crate) async fn are_stored_and_read_by_range(store: EventStore) {
    let events: Vec<_> = (0..100).map(|n| (n, "é\n🎬".repeat(n))).collect();
    let writer = EventWriter::new(store.clone()).with_batch_bytes(5000).unwrap();
    for event in &events {
        writer.record(event).await.unwrap();
    }
    writer.flush().await.unwrap();
    // Nothing is left to store.
    writer.flush().await.unwrap();
    assert_eq!(writer.buffered(), 0);

    let stored: Vec<Event<(usize, String)>> = store.read(..).try_collect().await.unwrap();
    assert_eq!(stored.iter().map(|event| event.event.clone()).collect::<Vec<_>>(), events);
    let ids: BTreeSet<_> = stored.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), events.len(), "{ids:?}");

    // Which events these are depends on the clock: a Worker's clock stands still.
    let (from, to) = (stored[40].time, stored[70].time);
    let expected: Vec<_> = stored.iter().filter(|event| (from..=to).contains(&event.time)).cloned().collect();
    let read: Vec<Event<(usize, String)>> = store.read(from..=to).try_collect().await.unwrap();
    assert_eq!(read, expected);
    let first = stored[0].time;
    let before: Vec<Event<(usize, String)>> = store.read(..first).try_collect().await.unwrap();
    assert!(before.is_empty(), "{before:?}");
}
