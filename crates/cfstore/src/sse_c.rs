//! Customer keys for encryption (SSE-C).

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use cloudflare_clients::r2::{R2Service, SseCustomerKey};
use zeroize::Zeroizing;

use crate::cli::SseC;
use crate::error::{Error, Result};
use crate::printer::count;

/// Value instead of a file for an object that is not encrypted with a customer's key.
const NONE: &str = "none";

/// Maximum size of a key file, in bytes. A key in hex or base64 with white space is smaller.
const MAX_FILE: usize = 1024;

impl SseC {
    /// Returns the service with the key of the file, if one is given.
    pub(crate) fn applied(&self, service: R2Service) -> Result<R2Service> {
        Ok(match &self.sse_c_key_file {
            Some(file) => service.with_ssec_key(read(file)?),
            None => service,
        })
    }
}

/// Reads the key in a file: 32 bytes, raw or in hex or base64.
fn read(file: &Path) -> Result<Option<SseCustomerKey>> {
    if file == Path::new(NONE) {
        return Ok(None);
    }
    let unusable = |why: &dyn std::fmt::Display| {
        Error::usage(
            format!("cannot use the SSE-C key file \"{}\": {why}", file.display()),
            "it must hold 32 bytes, raw or as 64 hex digits or 44 characters of base64; `openssl rand -hex 32` generates a key",
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
    SseCustomerKey::parse(text).map(Some).map_err(|_| unusable(&format_args!("its {read} are not a key")))
}
