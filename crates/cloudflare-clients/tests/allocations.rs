//! What signing asks of the allocator, which is a good part of what it costs: for each URL its own text and
//! no more.

use std::time::Duration;

use cloudflare_clients::r2::{R2SigningClient, R2SigningConfig};

const HOUR: Duration = Duration::from_secs(3600);

/// The allocations of one run, once what is kept from one URL to the next is there.
///
/// A run in which the second changes makes that anew, so of several runs the least one counts.
fn allocations(mut run: impl FnMut()) -> u64 {
    (0..10).map(|_| allocation_counter::measure(&mut run).count_total).fold(u64::MAX, u64::min)
}

#[test]
fn a_url_is_one_allocation_and_none_where_a_buffer_has_room() {
    let config = R2SigningConfig::for_endpoint("http://127.0.0.1:9710", "id", "secret", "media");
    let client = R2SigningClient::new(config).unwrap();
    let keys: Vec<_> = (0..100).map(|number| format!("creator 1/hls/segment_{number:05}.ts")).collect();

    let single = allocations(|| drop(client.generate_signed_url(&keys[0], HOUR).unwrap()));
    assert_eq!(single, 1);

    let mut buffer = String::with_capacity(1024);
    let buffered = allocations(|| {
        buffer.clear();
        client.generate_signed_url_into(&keys[0], HOUR, &mut buffer).unwrap();
    });
    assert_eq!(buffered, 0);

    let batch = allocations(|| drop(client.generate_signed_urls(&keys, HOUR).unwrap()));
    let shared = batch - keys.len() as u64;
    assert!(shared < 25, "besides the URLs, {shared} allocations");
}
