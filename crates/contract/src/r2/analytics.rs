use cloudflare_clients::analytics::EventStore;

use super::Fixture;
use crate::events;

pub(crate) async fn events_are_stored_and_read_by_range(Fixture { service, .. }: Fixture) {
    events::are_stored_and_read_by_range(EventStore::r2(service.clone(), "events/").unwrap()).await;
    let listed = service.list().prefix("events/").await.unwrap();
    assert!(listed.objects.len() > 1, "{listed:?}");
}
