//! Whether a bucket honours the conditions that locks rest on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, ErrorKind, Result};
use crate::r2::{Conditional, R2Service};

/// The name, behind the prefix of the locks, of the object that conditions are tried on. No lock is called
/// so.
pub(super) const PROBE: &str = ".conditions";

/// Whether puts were refused that must be. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Conditions {
    proved: Arc<AtomicBool>,
}

impl Conditions {
    /// Sees to it, once, that puts with either condition of a lock can fail.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]: one was stored though its condition does not hold. Those of the puts.
    pub(super) async fn prove(&self, r2: &R2Service, prefix: &str) -> Result<()> {
        // A Worker's binding and the embedded store are R2's and ours: they honour them, and a Worker may make its
        // `Locks` for each request.
        if self.proved.load(Ordering::Relaxed) || r2.bucket().has_reliable_transport() {
            return Ok(());
        }
        let key = format!("{prefix}{PROBE}");
        let create = Conditional::new().etag_does_not_match("*");
        let replace = Conditional::new().etag_matches(nonce(r2)?);
        if !refuses(r2, &key, replace).await? {
            return Err(ignored("If-Match", &key));
        }
        // The first of them may create the object, which is then there.
        if !refuses(r2, &key, create.clone()).await? && !refuses(r2, &key, create).await? {
            return Err(ignored("If-None-Match", &key));
        }
        self.proved.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Whether a put on this condition fails by it. No two have the same bytes, so that after a lost answer none
/// is taken for another.
async fn refuses(r2: &R2Service, key: &str, only_if: Conditional) -> Result<bool> {
    let content = format!("Puts on conditions that do not hold must fail here. {}\n", nonce(r2)?);
    match r2.put(key, content).content_type("text/plain").only_if(only_if).await {
        Ok(_) => Ok(false),
        // S3 says of `If-Match` that the object is missing.
        Err(error) if matches!(error.kind(), ErrorKind::PreconditionFailed | ErrorKind::NoSuchKey) => {
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

fn nonce(r2: &R2Service) -> Result<String> {
    let mut nonce = [0; 16];
    r2.runtime().fill_random(&mut nonce)?;
    Ok(hex::encode(nonce))
}

fn ignored(header: &str, key: &str) -> Error {
    Error::unsupported(format!(
        "the service ignores {header} of a put, so that a lock could have two holders: use R2, or another service that \
         honours conditions"
    ))
    .during("acquire", Some(key))
}
