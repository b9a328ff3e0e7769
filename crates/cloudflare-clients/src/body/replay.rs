//! A body for each attempt to send it.

use std::sync::{Arc, Mutex};

use futures_util::future;
use futures_util::stream::{self, StreamExt as _};

use super::Body;
use super::stream::ByteStream;
use crate::sync::lock;

/// A body for one attempt after the other: the same bytes again, or a stream as long as nobody has read from it.
pub(crate) enum Replay {
    Same(Body),
    Once {
        stream: Arc<Mutex<Option<ByteStream>>>,
        length: Option<u64>,
    },
    /// A body that passes by. Nobody here sees whether the attempt that it was given to has read it.
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

    /// The body, to be read without anybody being told of it; `None` when it was a stream.
    pub(crate) fn same(&self) -> Option<Body> {
        match self {
            Self::Same(body) => Some(body.try_clone()?.plain()),
            Self::Once { .. } | Self::PassesBy(_) => None,
        }
    }

    /// The body for the next attempt, or `None` when it was a stream that an attempt before has begun to read.
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
