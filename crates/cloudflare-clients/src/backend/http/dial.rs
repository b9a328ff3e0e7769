//! Connections that are not made over TCP, for the simulation.

use std::fmt;
use std::io;

use futures_util::future::BoxFuture;
use http::Uri;
use tokio::io::{AsyncRead, AsyncWrite};

/// A bidirectional byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Opens connections.
pub trait Dial: fmt::Debug + Send + Sync {
    /// Opens a connection to the host of a URL.
    fn dial(&self, uri: Uri) -> BoxFuture<'static, io::Result<Box<dyn Stream>>>;
}
