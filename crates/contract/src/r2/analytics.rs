use cloudflare_clients::analytics::EventStore;

use super::Fixture;
use super::listing::whole;
use crate::events;

pub(crate) async fn events_are_stored_and_read_by_range(Fixture { service, short_pages, .. }: Fixture) {
    events::are_stored_and_read_by_range(EventStore::r2(service.clone(), "events/").unwrap()).await;
    let listed = whole(service.list().prefix("events/"), short_pages).await;
    assert!(listed.objects.len() > 1, "{listed:?}");
}
