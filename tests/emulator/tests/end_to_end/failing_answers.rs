//! 429, 500 and 503, with and without `Retry-After`.

use std::time::{Duration, Instant};

use cloudflare_clients::http::StatusCode;
use cloudflare_clients::{ErrorKind, RetryPolicy};
use futures_util::{StreamExt, stream};
use testkit::{Fault, Kind, content};

use crate::operations::{self, Operation, read};
use crate::world::World;

const FAILURES: [Fault; 6] = [
    Fault::Status(429, None),
    Fault::Status(429, Some(0)),
    Fault::Status(500, None),
    Fault::Status(500, Some(0)),
    Fault::Status(503, None),
    Fault::Status(503, Some(0)),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_is_tried_again() {
    let world = World::start().await;
    for operation in operations::ALL {
        for failure in FAILURES {
            let context = format!("{} after {failure:?}", operation.name);
            let result = operation.run(&world, &[failure, failure]).await;
            let calls = world.proxy.calls(operation.kind);
            if operation.sends_stream() {
                assert_eq!(result.unwrap_err().kind(), ErrorKind::BodyNotReplayable, "{context}");
                assert_eq!(calls, 1, "{context}");
            } else {
                result.unwrap_or_else(|error| panic!("{context}: {error}"));
                assert_eq!(calls, 3, "{context}");
            }
        }
    }
}

/// An overloaded service rejects an upload without reading it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_uploads_are_tried_again() {
    let world = World::start().await;
    let bytes = content(8 * 1024 * 1024, 1);
    for size in [1000, bytes.len()] {
        world.proxy.order(Kind::Put, Fault::Refusal);
        world.proxy.order(Kind::Put, Fault::Refusal);
        world.r2.put("refused", bytes.slice(..size)).await.unwrap();
        assert!(read(&world.stored, "refused").await.unwrap() == bytes[..size]);
    }
    assert_eq!(world.proxy.calls(Kind::Put), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_that_keeps_failing_gives_up() {
    let world = World::start().await;
    for operation in operations::ALL.iter().filter(|operation| !operation.sends_stream()) {
        let error = operation.run(&world, &[Fault::Status(500, None); 9]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server, "{}", operation.name);
        assert_eq!(
            (error.status(), error.attempts()),
            (Some(StatusCode::INTERNAL_SERVER_ERROR), 4),
            "{}",
            operation.name
        );
        assert!(error.to_string().contains("500"), "{error}");
        assert_eq!(world.proxy.calls(operation.kind), 4, "{}", operation.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_after_is_waited_for() {
    let world = World::start().await;
    for name in ["get_bytes", "put_bytes"] {
        let begun = Instant::now();
        let result = Operation::named(name).run(&world, &[Fault::Status(429, Some(1))]).await;
        result.unwrap();
        assert!(begun.elapsed() >= Duration::from_secs(1), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_after_beyond_the_longest_wait_fails_at_once() {
    let world = World::start().await;
    for operation in operations::ALL {
        let begun = Instant::now();
        let error = operation.run(&world, &[Fault::Status(503, Some(31))]).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(5), "{}", operation.name);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(31)), "{}", operation.name);
        assert_eq!(world.proxy.calls(operation.kind), 1, "{}", operation.name);
    }
}

/// 2,000 requests, one in five of which the service fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_fifth_of_many_requests() {
    let world = World::start().await;
    let faults = [&FAILURES[..], &[Fault::Status(503, Some(1)), Fault::ResetBefore, Fault::ResetAfter]];
    world.proxy.at_random(0.2, 1, &faults.concat());
    let patient = RetryPolicy::default().max_retries(12).base_delay(Duration::from_millis(1));
    let r2 = &world.r2.clone().with_retry(patient);
    let key = |n| format!("many/{n}");
    stream::iter(0..1000)
        .for_each_concurrent(16, |n| async move {
            r2.put(key(n), content(1000, n)).await.unwrap();
        })
        .await;
    stream::iter(0..1000)
        .for_each_concurrent(16, |n| async move {
            assert!(read(r2, &key(n)).await.unwrap() == content(1000, n), "{n}");
        })
        .await;
    for kind in [Kind::Get, Kind::Put] {
        assert!((1150..1400).contains(&world.proxy.calls(kind)));
    }
    for n in 0..1000 {
        assert!(read(&world.stored, &key(n)).await.unwrap() == content(1000, n), "{n}");
    }
}
