//! Checks that a service supports the conditional puts that locks rely on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, ErrorKind, Result};
use crate::r2::{Conditional, R2Service};

/// The name, after the prefix of the locks, of the object that the check writes. It cannot be the name of a
/// lock.
pub(super) const PROBE: &str = ".conditions";

/// Whether conditional puts were seen to fail as they must. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Conditions {
    proved: Arc<AtomicBool>,
}

impl Conditions {
    /// Checks once that puts fail if the conditions used by a lock do not hold.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]: a put was stored although its condition does not hold. The errors of the
    /// puts.
    pub(super) async fn prove(&self, r2: &R2Service, prefix: &str) -> Result<()> {
        // A Worker's binding and the embedded store are known to support conditions, and a Worker may create
        // its `Locks` for each request.
        if self.proved.load(Ordering::Relaxed) || r2.bucket().has_reliable_transport() {
            return Ok(());
        }
        let key = format!("{prefix}{PROBE}");
        let create = Conditional::new().etag_does_not_match("*");
        let replace = Conditional::new().etag_matches(nonce(r2)?);
        if !refuses(r2, &key, replace).await? {
            return Err(ignored("If-Match", &key));
        }
        // The first of these puts may create the object; the second must fail.
        if !refuses(r2, &key, create.clone()).await? && !refuses(r2, &key, create).await? {
            return Err(ignored("If-None-Match", &key));
        }
        self.proved.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Whether a put with this condition fails because of it. Each put has different bytes, so that after a lost
/// answer none is mistaken for another.
async fn refuses(r2: &R2Service, key: &str, only_if: Conditional) -> Result<bool> {
    let content = format!("Conditional puts whose condition does not hold must fail here. {}\n", nonce(r2)?);
    match r2.put(key, content).content_type("text/plain").only_if(only_if).await {
        Ok(_) => Ok(false),
        // For `If-Match`, S3 reports that the object is missing.
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
        "the service ignores {header} on puts, so a lock could have two holders: use R2, or another service that \
         supports conditional puts"
    ))
    .during("acquire", Some(key))
}
