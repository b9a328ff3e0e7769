//! Events about the objects of a store, for listeners.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_util::Stream;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::r2::R2Event;
use crate::sync::lock;

/// Maximum number of events that wait for a listener.
const MAX_WAITING: usize = 10_000;

/// A stream of events about the objects of a [`LocalStore`](crate::LocalStore), like R2's event
/// notifications. It contains the changes made through this store and its clones, in the order of their
/// transactions. Changes by other processes are not included.
///
/// Up to 10,000 unread events are kept. Further events are dropped, with a warning, and
/// [counted](Self::dropped).
#[derive(Debug)]
pub struct R2Events {
    receiver: Receiver<R2Event>,
    dropped: Arc<AtomicU64>,
}

impl R2Events {
    /// Returns the number of unread events.
    pub fn waiting(&self) -> usize {
        self.receiver.len()
    }

    /// Returns the number of events that were dropped because 10,000 were unread.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Stream for R2Events {
    type Item = R2Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R2Event>> {
        self.receiver.poll_recv(cx)
    }
}

/// The listeners of a store.
#[derive(Debug, Default)]
pub(super) struct Events {
    listeners: Mutex<Vec<Listener>>,
    /// Whether there may be a listener.
    heard: AtomicBool,
}

#[derive(Debug)]
struct Listener {
    account: String,
    sender: Sender<R2Event>,
    /// Whether the last event was dropped.
    full: bool,
    dropped: Arc<AtomicU64>,
}

impl Events {
    /// Adds a listener for changes from now on. The events have this account id.
    pub(super) fn listen(&self, account: String) -> R2Events {
        let (sender, receiver) = channel(MAX_WAITING);
        let dropped = Arc::default();
        let mut listeners = lock(&self.listeners);
        listeners.push(Listener { account, sender, full: false, dropped: Arc::clone(&dropped) });
        self.heard.store(true, Ordering::Release);
        R2Events { receiver, dropped }
    }

    /// Whether there is a listener.
    pub(super) fn are_heard(&self) -> bool {
        self.heard.load(Ordering::Acquire)
    }

    /// Sends the events of a committed transaction. Never waits.
    pub(super) fn tell(&self, events: Vec<R2Event>) {
        if events.is_empty() {
            return;
        }
        let mut listeners = lock(&self.listeners);
        for event in events {
            listeners.retain_mut(|listener| listener.tell(&event));
        }
        self.heard.store(!listeners.is_empty(), Ordering::Release);
    }
}

impl Listener {
    /// Sends an event. Returns whether the listener still exists.
    fn tell(&mut self, event: &R2Event) -> bool {
        let account = self.account.clone();
        let was_full = self.full;
        let sent = self.sender.try_send(R2Event { account, ..event.clone() });
        self.full = matches!(sent, Err(TrySendError::Full(_)));
        if self.full {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        if self.full && !was_full {
            tracing::warn!("{MAX_WAITING} R2 events are waiting to be read: further events are dropped");
        }
        !matches!(sent, Err(TrySendError::Closed(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::r2::{
        Bucket as _, CompleteMultipartUploadRequest, Conditional, CopyRequest, CreateMultipartUploadRequest,
        DeleteManyRequest, DeleteRequest, PutRequest, R2Action, UploadPartRequest,
    };
    use crate::runtime::Runtime as _;
    use crate::store::testing::bucket_with_clock;

    fn waiting(events: &mut R2Events) -> Vec<R2Event> {
        std::iter::from_fn(|| events.receiver.try_recv().ok()).collect()
    }

    #[tokio::test]
    async fn what_was_done_is_told_and_what_was_not_is_not() {
        let (_folder, bucket, clock) = bucket_with_clock().await;
        bucket.put(PutRequest::new("before", "1")).await.unwrap();
        let mut events = bucket.store().events("account");
        let etag = bucket.put(PutRequest::new("a", "12345")).await.unwrap().etag;
        bucket.put(PutRequest::new("a", "123")).await.unwrap();
        let refused =
            PutRequest { only_if: Conditional::new().etag_matches("x"), ..PutRequest::new("a", "1") };
        bucket.put(refused).await.unwrap_err();
        bucket.copy(CopyRequest::new("a", "b")).await.unwrap();
        let created = bucket.create_multipart_upload(CreateMultipartUploadRequest::new("c")).await.unwrap();
        let part = UploadPartRequest::new("c", &created.upload_id, 1, "12");
        let part = bucket.upload_part(part).await.unwrap();
        let complete = CompleteMultipartUploadRequest::new("c", &created.upload_id, vec![part]);
        bucket.complete_multipart_upload(complete).await.unwrap();
        for key in ["a", "a", "never"] {
            bucket.delete(DeleteRequest::new(key)).await.unwrap();
        }
        bucket.delete_many(DeleteManyRequest::new(["never", "cafe\u{301}", "b"])).await.unwrap();

        let told = waiting(&mut events);
        let short: Vec<_> = told
            .iter()
            .map(|event| (event.action.as_str(), event.object.key.as_str(), event.object.size))
            .collect();
        assert_eq!(
            short,
            [
                ("PutObject", "a", Some(5)),
                ("PutObject", "a", Some(3)),
                ("CopyObject", "b", Some(3)),
                ("CompleteMultipartUpload", "c", Some(2)),
                ("DeleteObject", "a", None),
                ("DeleteObject", "b", None),
            ]
        );
        assert!(told.iter().all(|event| (&*event.account, &*event.bucket) == ("account", "media")));
        assert!(told.iter().all(|event| event.event_time == clock.now()));
        assert_eq!(told[0].object.e_tag.as_ref(), Some(&etag));
        let source = told[2].copy_source.as_ref().map(|source| (&*source.bucket, &*source.object));
        assert_eq!(source, Some(("media", "a")));
        drop(events);
        bucket.put(PutRequest::new("after", "1")).await.unwrap();
        assert!(!bucket.store().shared().events.are_heard());
    }

    #[tokio::test]
    async fn what_nobody_reads_is_dropped_at_a_limit() {
        let events = Events::default();
        let mut slow = events.listen("slow".to_owned());
        let mut other = events.listen("other".to_owned());
        let event = R2Event::new("", R2Action::PutObject, "media", "a", std::time::UNIX_EPOCH);
        for _ in 0..MAX_WAITING {
            events.tell(vec![event.clone()]);
        }
        assert_eq!(other.waiting(), MAX_WAITING);
        assert_eq!(waiting(&mut other).len(), MAX_WAITING);
        events.tell(vec![event]);
        assert_eq!((slow.dropped(), other.dropped()), (1, 0));
        assert_eq!((waiting(&mut slow).len(), waiting(&mut other).len()), (MAX_WAITING, 1));
    }
}
