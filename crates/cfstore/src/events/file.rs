//! A file of events, one a line.

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
        let written = async {
            self.0.write_all(line.as_bytes()).await?;
            self.0.flush().await
        };
        written.await.map_err(|error| format!("the file cannot be written: {error}"))
    }
}
