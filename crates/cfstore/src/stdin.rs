//! What comes in through a pipe.

use tokio::io::AsyncReadExt as _;

use crate::error::{Error, Result};
use crate::shutdown::{self, INTERRUPT_DELAY};

/// All of stdin, or its first `limit` bytes.
pub(crate) async fn read(limit: u64) -> Result<Vec<u8>> {
    shutdown::unless_requested(async {
        let mut bytes = Vec::new();
        let read = tokio::io::stdin().take(limit).read_to_end(&mut bytes).await;
        read.map_err(|error| Error::Local(format!("stdin cannot be read: {error}")))?;
        // Ctrl-C ends the program at the other end of a pipe too: that is not the end of the input.
        tokio::time::sleep(INTERRUPT_DELAY).await;
        Ok(bytes)
    })
    .await
}
