//! A [`Body`] as the crates of HTTP know bodies, for servers to answer with.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body::{Frame, SizeHint};

use super::{Body, Content};
use crate::error::{Error, Result};

/// The bytes, once: hyper and what is built on it, such as axum, send a response with this body as it is.
///
/// [`size_hint`](http_body::Body::size_hint) is exact where the length is known. Bytes that arrive damaged
/// end in an error, and the connection to the client then breaks before the last piece.
impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        // What is left behind has ended. Bytes in memory are one frame.
        let content = mem::replace(&mut this.content, Content::Bytes(Bytes::new()));
        let (mut stream, left) = match content {
            Content::Bytes(bytes) if this.progress.is_none() => {
                return Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))));
            }
            Content::Reading { stream, left } => (stream, left),
            content => {
                let whole = Self { content, progress: this.progress.take(), ..Self::empty() };
                // The rest of what is read in frames cannot be fetched again.
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

    /// A stream says that it has ended when it is asked for more, also behind its last byte: it may be longer
    /// than was announced.
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
    use http_body_util::BodyExt;

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
