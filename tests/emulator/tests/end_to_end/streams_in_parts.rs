//! A stream of unknown length, which is uploaded in parts, some of which meet a fault.

use cloudflare_clients::ErrorKind;
use cloudflare_clients::bytes::Bytes;
use cloudflare_clients::r2::{Body, Conditional, STREAM_PART_SIZE};
use futures_util::stream;
use testkit::{Fault, Kind, content};

use crate::operations::read;
use crate::world::World;

const PARTS: usize = 2;

fn stream_of(bytes: &Bytes) -> Body {
    let pieces: Vec<_> = bytes.chunks(1_000_000).map(|piece| Ok(bytes.slice_ref(piece))).collect();
    Body::from_stream(stream::iter(pieces), None)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_are_sent_again() {
    let world = World::start().await;
    for (n, fault) in [
        Fault::Status(503, None),
        Fault::Refusal,
        Fault::ResetBefore,
        Fault::ResetInUpload,
        Fault::ResetAfter,
        Fault::FlipUpload,
    ]
    .into_iter()
    .enumerate()
    {
        let bytes = content(STREAM_PART_SIZE + 1000, n as u64);
        // Both may meet the same part, and a part that is damaged twice fails.
        let faults = if matches!(fault, Fault::FlipUpload) { 1 } else { 2 };
        world.proxy.begin();
        for _ in 0..faults {
            world.proxy.order(Kind::UploadPart, fault);
        }
        world.proxy.order(Kind::Complete, fault);
        let put = world.r2.put("stream", stream_of(&bytes));
        put.await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert!(read(&world.stored, "stream").await.unwrap() == bytes, "{fault:?}");
        assert_eq!(world.proxy.calls(Kind::UploadPart), PARTS + faults, "{fault:?}");
    }
}

/// An upload that cannot be completed leaves neither an object nor an upload.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_aborted() {
    let world = World::start().await;
    world.stored.put("stream", "before").await.unwrap();
    let bytes = content(STREAM_PART_SIZE + 1000, 1);

    for _ in 0..4 * PARTS {
        world.proxy.order(Kind::UploadPart, Fault::Status(500, None));
    }
    let error = world.r2.put("stream", stream_of(&bytes)).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Server, 4));

    world.proxy.begin();
    world.proxy.order(Kind::Complete, Fault::ResetBefore);
    let if_new = Conditional::new().etag_does_not_match("*");
    let put = world.r2.put("stream", stream_of(&bytes)).only_if(if_new);
    assert_eq!(put.await.unwrap_err().kind(), ErrorKind::PreconditionFailed);

    assert_eq!(read(&world.stored, "stream").await.unwrap(), "before");
    assert!(world.stored.list_multipart_uploads().await.unwrap().uploads.is_empty());
}
