//! Delivery of events to a file, one per line.

use std::path::Path;

use tokio::io::AsyncWriteExt as _;

use crate::error::{Error, Result};

pub(crate) struct File(tokio::fs::File);

impl File {
    pub(super) async fn open(path: &Path) -> Result<Self> {
        let opened = tokio::fs::OpenOptions::new().create(true).append(true).open(path).await;
        opened.map(Self).map_err(|error| Error::file(path, "cannot be written", &error))
    }

    pub(super) async fn append(&mut self, json: &str) -> std::result::Result<(), String> {
        let line = format!("{json}\n");
        let failed = |error: std::io::Error| format!("cannot write the file: {error}");
        let length = self.0.metadata().await.map_err(failed)?.len();
        let written = async {
            self.0.write_all(line.as_bytes()).await?;
            self.0.flush().await
        };
        if let Err(error) = written.await {
            // Remove a partial line, so that the next one starts at its own line.
            self.0.set_len(length).await.map_err(failed)?;
            return Err(failed(error));
        }
        Ok(())
    }
}
