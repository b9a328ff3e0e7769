//! Deleting all keys below a prefix.

use futures_util::stream::{StreamExt as _, TryStreamExt as _};

use super::keys::name_below;
use super::place::folder_prefix;
use super::report::{Listeners, Reporter, TreeEvent, TreeReport};
use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::{Error, Result};
use crate::r2::R2Service;

/// How many requests, of 1,000 keys each, are under way at once.
const CONCURRENCY: usize = 4;

impl R2Service {
    /// Deletes the objects below a prefix: `r2.delete_prefix("creator-123/drafts/").await?`. A prefix that
    /// does not end with a slash gets one.
    pub fn delete_prefix(&self, prefix: impl Into<String>) -> DeletePrefix {
        DeletePrefix {
            service: self.clone(),
            prefix: prefix.into(),
            dry_run: false,
            listeners: Listeners::default(),
        }
    }
}

/// The deletion of all objects below a prefix; awaiting it lists and deletes them, 1,000 a request, and says
/// how many they were.
///
/// Keys that could not be deleted are in the report: [`TreeReport::failures`]. An empty prefix would be
/// the whole bucket, and is [`ErrorKind::InvalidInput`](crate::ErrorKind).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct DeletePrefix {
    service: R2Service,
    prefix: String,
    dry_run: bool,
    listeners: Listeners,
}

impl DeletePrefix {
    /// Whether nothing is deleted, and the report says what would be.
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Calls `listen` with what becomes of each key, whose name is what follows the prefix.
    pub fn on_event(mut self, listen: impl Fn(TreeEvent<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.event = Some(std::sync::Arc::new(listen));
        self
    }

    async fn send(self) -> Result<TreeReport> {
        let operation = Operation::without_key("delete_prefix");
        if self.prefix.is_empty() {
            let message =
                "an empty prefix is the whole bucket: list it, and delete its keys, if that is meant";
            return operation.check(Err(Error::invalid_input(message)));
        }
        let Self { service, dry_run, listeners, .. } = self;
        let prefix = folder_prefix(self.prefix);
        let reporter = Reporter::new(listeners);
        let mut report = TreeReport::default();
        let mut deleted = service
            .list()
            .prefix(&prefix)
            .pages()
            .map_ok(|page| {
                let service = &service;
                async move {
                    let sizes: Vec<_> = page.objects.iter().map(|object| object.size).collect();
                    let keys: Vec<_> = page.objects.into_iter().map(|object| object.key).collect();
                    let results = if dry_run {
                        keys.into_iter().map(|key| (key, Ok(()))).collect()
                    } else {
                        service.delete_many(keys).await?.results
                    };
                    Ok::<_, Error>(results.into_iter().zip(sizes).collect::<Vec<_>>())
                }
            })
            .try_buffer_unordered(CONCURRENCY)
            .boxed();
        while let Some(results) = deleted.try_next().await? {
            for ((key, result), size) in results {
                let name = name_below(&prefix, &key);
                let name = name.as_deref().unwrap_or(&key);
                let event = match &result {
                    Ok(()) => TreeEvent::Deleted { name, size },
                    Err(error) => TreeEvent::Failed { name, error },
                };
                reporter.record(&mut report, event);
            }
        }
        Ok(report)
    }
}

sent_when_awaited!(DeletePrefix => TreeReport);
