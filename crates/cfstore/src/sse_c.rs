//! The customer's keys that objects are encrypted with (SSE-C).

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use cloudflare_clients::r2::{R2Service, SseCustomerKey};
use zeroize::Zeroizing;

use crate::cli::SseC;
use crate::error::{Error, Result};
use crate::printer::count;

/// In place of a file: the object has no such key.
const NONE: &str = "none";

/// A key in hex or base64 has less than this, with white space around it.
const MAX_FILE: usize = 1024;

impl SseC {
    /// The service, whose objects are encrypted with the key of the file.
    pub(crate) fn applied(&self, service: R2Service) -> Result<R2Service> {
        Ok(match &self.sse_c_key_file {
            Some(file) => service.with_ssec_key(read(file)?),
            None => service,
        })
    }
}

/// The key in a file: 32 bytes, or these in hex or base64.
fn read(file: &Path) -> Result<Option<SseCustomerKey>> {
    if file == Path::new(NONE) {
        return Ok(None);
    }
    let unusable = |why: &dyn std::fmt::Display| {
        Error::usage(
            format!("the key file {}: {why}", file.display()),
            "it has 32 bytes, or these as 64 digits in hex or 44 characters in base64; `openssl rand -hex 32` makes one",
        )
    };
    let read = || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE));
        File::open(file)?.take(MAX_FILE as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error: io::Error| unusable(&error))?;
    if let Ok(key) = <[u8; 32]>::try_from(bytes.as_slice()) {
        return Ok(Some(SseCustomerKey::from_bytes(key)));
    }
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let read = count(bytes.len() as u64, "byte");
    SseCustomerKey::parse(text)
        .map(Some)
        .map_err(|_| unusable(&format_args!("it has {read}, which are no key")))
}
