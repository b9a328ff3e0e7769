//! The library through its public interface: over services that fail as scripted, and over the embedded
//! store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod analytics;
mod contract_local;
mod corpus;
mod from_env;
mod http_client;
mod http_proxy;
mod kv_client;
mod locks;
mod one_clock;
mod proxies;
mod r2_listings;
mod r2_service;
mod rest_namespace;
mod resumable_upload;
mod s3_bucket;
mod signing_clock;
mod temp_credentials;
mod transfer;
mod transfer_copy;
mod transfer_rate;
mod transfer_streams;
mod tree;
