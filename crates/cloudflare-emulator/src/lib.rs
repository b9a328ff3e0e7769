//! A local server that speaks R2's S3 API over the embedded store.
