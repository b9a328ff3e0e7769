//! Connections that are made in another way than over TCP: by the simulation.

use std::fmt;
use std::io;

use futures_util::future::BoxFuture;
use http::Uri;
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Makes connections.
pub trait Dial: fmt::Debug + Send + Sync {
    /// A connection to the host of a URL.
    fn dial(&self, uri: Uri) -> BoxFuture<'static, io::Result<Box<dyn Stream>>>;
}
