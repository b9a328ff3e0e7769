//! A body for each attempt to send it.

use std::sync::{Arc, Mutex};

use futures_util::future;
use futures_util::stream::{self, StreamExt as _};

use super::Body;
use super::stream::ByteStream;
use crate::sync::lock;

/// A body for several attempts: the same bytes each time, or a stream until an attempt reads from it.
pub(crate) enum Replay {
    Same(Body),
    Once {
        stream: Arc<Mutex<Option<ByteStream>>>,
        length: Option<u64>,
    },
    /// A body that passes by this program, which cannot tell whether an attempt has read it.
    PassesBy(Mutex<Option<Body>>),
}

impl Replay {
    pub(crate) fn new(body: Body) -> Self {
        if body.is_replayable() {
            return Self::Same(body);
        }
        if body.passes_by() {
            return Self::PassesBy(Mutex::new(Some(body)));
        }
        let length = body.content_length();
        Self::Once { stream: Arc::new(Mutex::new(Some(body.into_sent_stream()))), length }
    }

    /// A copy of the body without progress reports and adapters. `None` for a stream.
    pub(crate) fn same(&self) -> Option<Body> {
        match self {
            Self::Same(body) => Some(body.try_clone()?.plain()),
            Self::Once { .. } | Self::PassesBy(_) => None,
        }
    }

    /// The body for the next attempt. `None` for a stream that an earlier attempt has started to read.
    pub(crate) fn next(&self) -> Option<Body> {
        match self {
            Self::Same(body) => body.try_clone(),
            Self::Once { stream, length } => {
                if lock(stream).is_none() {
                    return None;
                }
                let stream = Arc::clone(stream);
                let taken = stream::once(async move { lock(&stream).take() });
                Some(Body::from_stream(taken.filter_map(future::ready).flatten(), *length))
            }
            Self::PassesBy(body) => lock(body).take(),
        }
    }
}
