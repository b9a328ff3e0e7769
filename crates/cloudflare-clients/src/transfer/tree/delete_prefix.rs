//! Deletion of all keys below a prefix.

use futures_util::stream::{StreamExt as _, TryStreamExt as _};

use super::keys::name_below;
use super::place::folder_prefix;
use super::report::{Listeners, Reporter, TreeEvent, TreeReport};
use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::{Error, Result};
use crate::r2::R2Service;

/// Number of concurrent requests, of 1,000 keys each.
const CONCURRENCY: usize = 4;

impl R2Service {
    /// Deletes all objects below a prefix: `r2.delete_prefix("creator-123/drafts/").await?`. If the prefix
    /// does not end with a slash, one is added.
    pub fn delete_prefix(&self, prefix: impl Into<String>) -> DeletePrefix {
        DeletePrefix {
            service: self.clone(),
            prefix: prefix.into(),
            dry_run: false,
            listeners: Listeners::default(),
        }
    }
}

/// A request to delete all objects below a prefix. Awaiting it lists and deletes them, 1,000 per request, and
/// returns how many were deleted.
///
/// Keys that could not be deleted are in the report: [`TreeReport::failures`]. An empty prefix would delete
/// the whole bucket, and is rejected with [`ErrorKind::InvalidInput`](crate::ErrorKind).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct DeletePrefix {
    service: R2Service,
    prefix: String,
    dry_run: bool,
    listeners: Listeners,
}

impl DeletePrefix {
    /// Sets whether to delete nothing and only report what would be deleted. The default is false.
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Calls `listen` with the result for each key. Names in the events are the keys without the prefix.
    pub fn on_event(mut self, listen: impl Fn(TreeEvent<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.event = Some(std::sync::Arc::new(listen));
        self
    }

    async fn send(self) -> Result<TreeReport> {
        let operation = Operation::without_key("delete_prefix");
        if self.prefix.is_empty() {
            let message = "an empty prefix would delete the whole bucket: to do that, list the bucket and delete its keys";
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
