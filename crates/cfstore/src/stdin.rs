//! Input from stdin.

use tokio::io::AsyncReadExt as _;

use crate::error::{Error, Result};
use crate::shutdown::{self, INTERRUPT_DELAY};

/// Reads stdin, up to `limit` bytes.
pub(crate) async fn read(limit: u64) -> Result<Vec<u8>> {
    shutdown::unless_requested(async {
        let mut bytes = Vec::new();
        let read = tokio::io::stdin().take(limit).read_to_end(&mut bytes).await;
        read.map_err(|error| Error::Local(format!("cannot read stdin: {error}")))?;
        // Ctrl-C also ends the program that writes to the pipe, which must not look like the end of the input.
        tokio::time::sleep(INTERRUPT_DELAY).await;
        Ok(bytes)
    })
    .await
}
