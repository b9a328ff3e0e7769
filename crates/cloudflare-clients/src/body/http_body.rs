//! [`Body`] as an [`http_body::Body`]: for the responses of servers, and from the requests that they receive.

use std::error::Error as StdError;
use std::future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http_body::{Frame, SizeHint};
use http_body_util::BodyDataStream;

use super::{Body, Content};
use crate::error::{Error, Result};

impl Body {
    /// Creates a body from the body of a request that a server has received, such as axum's or hyper's, to
    /// store it as it arrives.
    ///
    /// The length is known if the body knows it exactly, as hyper's does from `Content-Length`. Otherwise it
    /// is sent like a [stream](Self::from_stream) of unknown length. Trailers are dropped.
    ///
    /// If the body fails, for example because the client disconnects, nothing is stored. The error is
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) with the body's own error as its source, and it is not
    /// retried.
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, Result, http, r2::R2Service};
    /// use cloudflare_clients::Body;
    /// # use http_body_util::Full;
    /// # type Incoming = Full<cloudflare_clients::bytes::Bytes>;
    ///
    /// // A handler for hyper. With axum, the request is an `axum::extract::Request`.
    /// async fn upload(r2: &R2Service, request: http::Request<Incoming>) -> Result<()> {
    ///     r2.put("notes.txt", Body::from_http_body(request.into_body())).await?;
    ///     Ok(())
    /// }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// # upload(&r2, http::Request::new(Full::from("hello"))).await?;
    /// # assert_eq!(r2.get("notes.txt").text().await?.as_deref(), Some("hello"));
    /// # Ok(()) }
    /// ```
    pub fn from_http_body<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        if body.is_end_stream() {
            return Self::empty();
        }
        let length = body.size_hint().exact();
        let pieces = BodyDataStream::new(body).map_err(|error| failed(error.into()));
        Self::from_stream(pieces.try_filter(|bytes| future::ready(!bytes.is_empty())), length)
    }
}

/// The error of a body that a client sends. Whatever the cause, it is the client's and final, because the
/// rest of the body is lost.
fn failed(error: Box<dyn StdError + Send + Sync>) -> Error {
    Error::invalid_input(format!("the body to store could not be read: {error}")).with_source(error)
}

/// Yields the bytes, once. Servers built on hyper, such as axum, can send a response with this body directly.
///
/// [`size_hint`](http_body::Body::size_hint) is exact if the length is known. If the bytes arrive damaged,
/// the body ends with an error, and the connection to the client breaks before the last piece.
impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        // The remaining `Content` has ended. Bytes in memory are one frame.
        let is_watched = this.is_watched();
        let content = mem::replace(&mut this.content, Content::Bytes(Bytes::new()));
        let (mut stream, left) = match content {
            Content::Bytes(bytes) if !is_watched => {
                return Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))));
            }
            Content::Reading { stream, left } => (stream, left),
            content => {
                let (progress, through) = (this.progress.take(), this.through.take());
                let whole = Self { content, progress, through, ..Self::empty() };
                // After frames were read, the rest cannot be fetched again.
                this.refetch = None;
                let left = whole.content_length();
                (whole.into_stream(), left)
            }
        };
        let Poll::Ready(next) = stream.poll_next_unpin(cx) else {
            this.content = Content::Reading { stream, left };
            return Poll::Pending;
        };
        let Some(Ok(bytes)) = next else {
            return Poll::Ready(next.map(|failed| failed.map(Frame::data)));
        };
        let left = left.map(|left| left.saturating_sub(bytes.len() as u64));
        this.content = Content::Reading { stream, left };
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    /// A stream reports its end only when it is polled again after its last byte, because it may be longer
    /// than announced.
    fn is_end_stream(&self) -> bool {
        matches!(&self.content, Content::Bytes(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        self.content_length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use futures_util::stream;
    use http_body::Body as _;
    use http_body_util::{BodyExt, Full, StreamBody};

    use super::*;
    use crate::error::ErrorKind;

    fn assert_is_a_response_body<B>(_: &B)
    where
        B: http_body::Body<Data = Bytes, Error = Error> + Send + Sync + Unpin + 'static,
    {
    }

    fn stream_of(pieces: &[&'static str], length: Option<u64>) -> Body {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        Body::from_stream(stream::iter(pieces), length)
    }

    async fn next(body: &mut Body) -> Option<Result<Bytes>> {
        Some(body.frame().await?.map(|frame| frame.into_data().unwrap()))
    }

    #[tokio::test]
    async fn bytes_are_one_frame_behind_which_the_end_is_known() {
        let mut body = Body::from("hello");
        assert_is_a_response_body(&body);
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(5), false));
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "hello");
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
        assert!(next(&mut body).await.is_none());
        assert!(Body::empty().is_end_stream());
    }

    #[tokio::test]
    async fn streams_are_passed_on_with_what_is_left_of_them() {
        let mut body = stream_of(&["ab", "c"], Some(3));
        for (piece, left) in [("ab", 1), ("c", 0)] {
            assert_eq!(next(&mut body).await.unwrap().unwrap(), piece);
            assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(left), false));
        }
        assert!(next(&mut body).await.is_none());
        assert!(body.is_end_stream());
        assert!(next(&mut body).await.is_none());

        let unknown = stream_of(&["ab"], None);
        assert_eq!((unknown.size_hint().lower(), unknown.size_hint().upper()), (0, None));
        assert_eq!(BodyExt::collect(unknown).await.unwrap().to_bytes(), "ab");
    }

    #[tokio::test]
    async fn the_rest_can_be_read_otherwise() {
        let mut body = stream_of(&["ab", "c", "d"], Some(4));
        next(&mut body).await.unwrap().unwrap();
        assert_eq!((body.content_length(), body.is_replayable()), (Some(2), false));
        assert!(body.try_clone().is_none());
        assert_eq!(body.text().await.unwrap(), "cd");
    }

    #[tokio::test]
    async fn a_wrong_length_is_an_error_and_the_end() {
        for (length, frames) in [(2, 1), (4, 2)] {
            let mut body = stream_of(&["ab", "c"], Some(length)).received();
            for _ in 0..frames {
                next(&mut body).await.unwrap().unwrap();
            }
            assert_eq!(next(&mut body).await.unwrap().unwrap_err().kind(), ErrorKind::Integrity);
            assert!(body.is_end_stream() && next(&mut body).await.is_none());
        }
    }

    #[tokio::test]
    async fn what_a_server_has_received_is_a_body() {
        let body = Body::from_http_body(Full::from("hello"));
        assert_eq!((body.content_length(), body.is_replayable()), (Some(5), false));
        assert_eq!(body.text().await.unwrap(), "hello");
        assert!(Body::from_http_body(Full::<Bytes>::default()).is_replayable());

        let trailers = Frame::trailers(http::HeaderMap::new());
        let frames = ["", "ab", "", "c"].map(|piece| Frame::data(Bytes::from(piece)));
        let frames = frames.into_iter().chain([trailers]).map(Ok::<_, Error>);
        let body = Body::from_http_body(StreamBody::new(stream::iter(frames)));
        assert_eq!(body.content_length(), None);
        let pieces: Vec<_> = body.into_stream().try_collect().await.unwrap();
        assert_eq!(pieces, ["ab", "c"]);
    }

    #[tokio::test]
    async fn an_error_of_what_a_server_receives_is_the_callers_and_final() {
        let gone = Err(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the client has gone"));
        let frames = stream::iter([Ok(Frame::data(Bytes::from("ab"))), gone]);
        let error = Body::from_http_body(StreamBody::new(frames)).bytes().await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::InvalidInput, false));
        assert_eq!(error.message(), "the body to store could not be read: the client has gone");
        let source = StdError::source(&error).and_then(|source| source.downcast_ref::<std::io::Error>());
        assert_eq!(source.map(std::io::Error::kind), Some(std::io::ErrorKind::ConnectionReset));
    }

    #[tokio::test]
    async fn progress_is_reported_of_frames_too() {
        for body in [Body::from("abc"), stream_of(&["ab", "c"], Some(3))] {
            let seen = Arc::new(Mutex::new(0));
            let sink = Arc::clone(&seen);
            let body = body.on_progress(move |done, total| {
                assert_eq!(total, Some(3));
                *sink.lock().unwrap() = done;
            });
            assert_eq!(BodyExt::collect(body).await.unwrap().to_bytes(), "abc");
            assert_eq!(*seen.lock().unwrap(), 3);
        }
    }
}
