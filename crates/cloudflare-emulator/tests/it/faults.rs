//! Failures on demand, by a plan and by a header.

use std::time::{Duration, Instant};

use cloudflare_emulator::{Emulator, FaultPlan};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Answer, Local};

fn follow(local: &Local, plan: &str) {
    local.server.faults().follow(plan.parse().unwrap());
}

#[tokio::test]
async fn a_plan_is_followed_until_it_ends() {
    let local = Local::start().await;
    follow(&local, "503=50%");
    let mut statuses = Vec::new();
    for _ in 0..60 {
        statuses.push(local.get("/media/none").await.error());
    }
    let [failed, missing] = [(503, "ServiceUnavailable"), (404, "NoSuchKey")]
        .map(|(status, code)| statuses.iter().filter(|error| **error == (status, code.to_owned())).count());
    assert!(failed > 0 && missing > 0 && failed + missing == 60, "{statuses:?}");
    let kv = async || local.kv("GET", "").send().await.status;
    follow(&local, "502");
    assert_eq!(kv().await, 502);
    local.server.faults().follow(FaultPlan::default());
    assert_eq!(kv().await, 200);
}

/// What comes until the connection is closed.
async fn answer(local: &Local, wire: Vec<u8>) -> Vec<u8> {
    let mut stream = TcpStream::connect(local.server.local_addr()).await.unwrap();
    stream.write_all(&wire).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

#[tokio::test]
async fn connections_are_closed_before_after_and_within_answers() {
    let local = Local::start().await;
    let put = |body: &str| local.request("PUT", "/media/key").body(body).wire();
    local.put("/media/key", "before").await;
    follow(&local, "reset");
    assert_eq!(answer(&local, put("never")).await, b"");
    follow(&local, "lost");
    assert_eq!(answer(&local, local.request("GET", "/media/key").wire()).await, b"");
    local.server.faults().follow(FaultPlan::default());
    assert_eq!(local.get("/media/key").await.text(), "before");

    follow(&local, "lost");
    assert_eq!(answer(&local, put("after")).await, b"");
    local.server.faults().follow(FaultPlan::default());
    assert_eq!(local.get("/media/key").await.text(), "after");

    // In memory, in a file, and a document.
    let large = "0123456789".repeat(50_000);
    local.put("/media/large", large.as_str()).await;
    for (target, length) in [("/media/key", 5), ("/media/large", large.len()), ("/media", 0)] {
        local.server.faults().follow(FaultPlan::default().cut(1.0));
        let cut = Answer::parse(&answer(&local, local.request("GET", target).wire()).await);
        local.server.faults().follow(FaultPlan::default());
        let whole = local.get(target).await;
        assert_eq!((cut.status, cut.header("content-length")), (200, whole.header("content-length")));
        assert!(length == 0 || whole.body.len() == length);
        assert_eq!(cut.body, whole.body[..whole.body.len() / 2], "{target}");
    }
    follow(&local, "cut");
    assert_eq!(answer(&local, local.request("HEAD", "/media/key").wire()).await, b"");
}

#[tokio::test]
async fn a_request_orders_its_own_failure() {
    let local = Local::start().await;
    let put = |fault: &'static str| {
        local.request("PUT", "/media/key").unsigned_header("x-emulator-fault", fault).body("x").send()
    };
    assert_eq!(put("429").await.error(), (429, "TooManyRequests".to_owned()));
    assert_eq!(local.get("/media/key").await.status, 404);
    let began = Instant::now();
    assert_eq!(put("slow=200ms").await.status, 200);
    assert!(began.elapsed() >= Duration::from_millis(200));
    let refused = put("broken").await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().starts_with("x-emulator-fault: \"broken\" is not a fault"), "{refused:?}");
}

#[tokio::test]
async fn beyond_this_machine_a_request_orders_nothing_unless_a_plan_is_followed() {
    let local = Local::of(Emulator::builder().listen(([0, 0, 0, 0], 0).into())).await;
    let get = || local.request("GET", "/media/key").unsigned_header("x-emulator-fault", "503").send();
    assert_eq!(get().await.status, 404);
    local.server.faults().follow(FaultPlan::default());
    assert_eq!(get().await.status, 503);
}
