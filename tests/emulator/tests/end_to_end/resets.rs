//! Connections that break before, during and after the processing of a request.

use std::time::Duration;

use cloudflare_clients::r2::Conditional;
use cloudflare_clients::{ErrorKind, RetryPolicy};
use testkit::{Fault, Kind};

use crate::operations::{self, Operation, read};
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_is_tried_again() {
    let world = World::start().await;
    for faults in [
        &[Fault::ResetBefore][..],
        &[Fault::ResetBefore, Fault::ResetBefore],
        &[Fault::ResetAfter],
        &[Fault::ResetAfter, Fault::ResetAfter],
        &[Fault::ResetAfter, Fault::ResetBefore, Fault::ResetAfter],
        &[Fault::ResetInUpload, Fault::ResetAfter],
    ] {
        for operation in operations::ALL {
            if faults.contains(&Fault::ResetInUpload) && !operation.has_upload() {
                continue;
            }
            let context = format!("{} after {faults:?}", operation.name);
            match operation.run(&world, faults).await {
                Err(error) if operation.sends_stream() => {
                    assert_eq!(error.kind(), ErrorKind::BodyNotReplayable, "{context}");
                }
                Err(error) => panic!("{context}: {error}"),
                Ok(()) => {
                    let calls = world.proxy.calls(operation.kind);
                    assert_eq!(calls, faults.len() + 1, "{context}");
                }
            }
        }
    }
}

/// Half of a body leaves the existing object unchanged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_an_upload_stores_nothing() {
    let mut world = World::start().await;
    world.r2 = world.r2.with_retry(RetryPolicy::none());
    for (name, key) in [
        ("put_bytes", "put/bytes"),
        ("put_file", "put/file"),
        ("put_stream", "put/stream"),
        ("put_short_stream", "put/short"),
        ("put_json", "put/json"),
    ] {
        let error = Operation::named(name).run(&world, &[Fault::ResetInUpload]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection, "{name}");
        assert_eq!(read(&world.stored, key).await.unwrap(), "before", "{name}");
    }
}

/// A lost answer is not taken for success when another client was first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_stored_is_not_taken_for_ours() {
    let world = World::start().await;
    let if_new = || Conditional::new().etag_does_not_match("*");
    world.stored.put("theirs", "theirs").await.unwrap();
    world.stored.put("ours", "ours!!").await.unwrap();

    world.proxy.order(Kind::Put, Fault::ResetBefore);
    let error = world.r2.put("theirs", "ours!!").only_if(if_new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed);

    world.proxy.order(Kind::Copy, Fault::ResetBefore);
    let error = world.r2.copy("ours", "theirs").only_if(if_new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed);

    let upload = world.stored.create_multipart_upload("theirs").await.unwrap();
    let part = upload.upload_part(1, "ours!!").await.unwrap();
    world.proxy.order(Kind::Complete, Fault::ResetBefore);
    let resumed = world.r2.resume_multipart_upload("theirs", upload.upload_id());
    let error = resumed.complete([part]).only_if(if_new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed);

    assert_eq!(read(&world.stored, "theirs").await.unwrap(), "theirs");
}

/// The server closes a connection that the client keeps for the next request, or is about to use.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_closed_while_idle() {
    let world = World::start().await;
    for operation in operations::ALL {
        for after in [Duration::ZERO, Duration::from_millis(1)] {
            let faults = [Fault::CloseIdle { after }];
            for operation in [operation, Operation::named("put_bytes")] {
                match operation.run(&world, &faults).await {
                    // A connection that closes while a stream is sent on it is not idle any more.
                    Err(error) if operation.sends_stream() => {
                        assert_eq!(error.kind(), ErrorKind::BodyNotReplayable);
                    }
                    result => result.unwrap_or_else(|error| panic!("{}: {error}", operation.name)),
                }
            }
        }
    }
    // Long enough for the client to notice: not even a stream fails.
    tokio::time::sleep(Duration::from_millis(500)).await;
    Operation::named("put_stream").run(&world, &[]).await.unwrap();
}
