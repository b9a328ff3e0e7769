//! Connections that stall.

use std::time::{Duration, Instant};

use cloudflare_clients::r2::Body;
use cloudflare_clients::{ErrorKind, RetryPolicy};
use futures_util::future::join_all;
use testkit::{Fault, Kind, content};

use crate::operations::{self, read};
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_is_tried_again() {
    for stall in [Fault::StallBeforeHead, Fault::StallInBody] {
        let runs = operations::ALL.iter().map(|operation| async move {
            let world = World::impatient().await;
            let context = format!("{} after {stall:?}", operation.name);
            match operation.run(&world, &[stall]).await {
                Err(error) if operation.sends_stream() => {
                    assert_eq!(error.kind(), ErrorKind::BodyNotReplayable, "{context}");
                }
                Err(error) => panic!("{context}: {error}"),
                Ok(()) => {}
            }
        });
        join_all(runs).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stall_is_a_timeout() {
    let runs = operations::ALL.iter().map(|operation| async move {
        let mut world = World::impatient().await;
        world.r2 = world.r2.with_retry(RetryPolicy::none());
        let error = operation.run(&world, &[Fault::StallBeforeHead]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{}", operation.name);
        assert!(error.is_retryable(), "{}", operation.name);
    });
    join_all(runs).await;
}

/// The service stops reading; the unread bytes fill more than all buffers on the way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_are_not_read() {
    let world = World::impatient().await;
    let bytes = content(16 * 1024 * 1024, 1);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();

    world.proxy.order(Kind::Put, Fault::StallUpload);
    world.r2.put("stall/bytes", bytes.clone()).await.unwrap();
    assert!(read(&world.stored, "stall/bytes").await.unwrap() == bytes);

    world.proxy.order(Kind::Put, Fault::StallUpload);
    let body = Body::from_file(file.path()).await.unwrap();
    world.r2.put("stall/file", body).await.unwrap();
    assert!(read(&world.stored, "stall/file").await.unwrap() == bytes);

    let upload = world.stored.create_multipart_upload("stall/part").await.unwrap();
    let through_proxy = world.r2.resume_multipart_upload("stall/part", upload.upload_id());
    world.proxy.order(Kind::UploadPart, Fault::StallUpload);
    let part = through_proxy.upload_part(1, bytes.clone()).await.unwrap();
    upload.complete([part]).await.unwrap();
    assert!(read(&world.stored, "stall/part").await.unwrap() == bytes);

    let begun = Instant::now();
    let never = world.r2.clone().with_retry(RetryPolicy::none());
    world.proxy.order(Kind::Put, Fault::StallUpload);
    let error = never.put("stall/bytes", bytes).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(5));
}
