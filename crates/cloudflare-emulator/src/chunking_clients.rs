//! Clients that sign uploads in chunks. The log warns about each of them once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderValue, header};

/// Maximum number of clients that are distinguished.
const MAX_CLIENTS: usize = 64;

/// The clients that sign in chunks, by `User-Agent`.
#[derive(Debug, Default)]
pub(crate) struct ChunkingClients(Mutex<HashSet<String>>);

impl ChunkingClients {
    pub(crate) fn warn_once(&self, headers: &HeaderMap) {
        let name = headers.get(header::USER_AGENT).map_or(&b"a client"[..], HeaderValue::as_bytes);
        let name: String = String::from_utf8_lossy(name).chars().take(80).collect();
        if self.is_new(&name) {
            tracing::warn!(
                client = ?name,
                "an upload is signed in chunks, which R2 refuses with 501 and this server accepts over plain HTTP: use TLS \
                 (--tls) to make most clients sign as they do for R2"
            );
        }
    }

    fn is_new(&self, name: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.len() < MAX_CLIENTS && known.insert(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_is_warned_about_once_and_not_too_many() {
        let clients = ChunkingClients::default();
        assert!(clients.is_new("minio-go"));
        assert!(!clients.is_new("minio-go"));
        let new = (0..1000).filter(|n| clients.is_new(&n.to_string())).count();
        assert_eq!(new, MAX_CLIENTS - 1);
    }
}
