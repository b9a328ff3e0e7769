use cloudflare_clients::analytics::EventStore;

use super::Fixture;
use crate::events;

pub(crate) async fn events_are_stored_and_read_by_range(Fixture { client, .. }: Fixture) {
    events::are_stored_and_read_by_range(EventStore::kv(client.clone(), "events/", None).unwrap()).await;
    let listed = client.list().prefix("events/").await.unwrap();
    assert!(listed.keys.len() > 1, "{listed:?}");
}
