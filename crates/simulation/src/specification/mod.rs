//! What R2 and Workers KV promise of one key, written to be held against Cloudflare's documents.

pub(crate) mod content;
pub(crate) mod kv;
pub(crate) mod r2;
