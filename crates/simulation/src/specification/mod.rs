//! What R2 and Workers KV guarantee for one key, in a form that can be compared with Cloudflare's
//! documentation.

pub(crate) mod content;
pub(crate) mod kv;
pub(crate) mod r2;
