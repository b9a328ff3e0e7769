//! The local server over real sockets, with requests made by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::format_collect)]

mod access;
mod auth;
mod chunks;
mod client;
mod copies;
mod cors;
mod customer_keys;
mod damage;
mod emulator;
mod faults;
mod hostile;
mod kv;
mod kv_eventual;
mod lifecycle;
mod limits;
mod lists;
mod metadata;
mod metrics;
mod multipart;
mod objects;
mod parameters;
mod r2_production;
mod s3_bucket;
mod server;
mod tls;
mod virtual_hosts;
