//! What runs when an isolate starts.

use cloudflare_clients::playlist;
use worker::event;

/// Has signing compiled: without that, the first playlist takes twice its CPU time.
#[event(start)]
pub fn start() {
    playlist::warm_up();
}
