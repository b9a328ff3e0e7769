//! Clients that are slow, silent or many: they end, and others are served meanwhile.

use std::time::{Duration, Instant};

use cloudflare_emulator::{Emulator, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Answer, Local};

const SHORT: Duration = Duration::from_millis(300);

async fn connect(local: &Local) -> TcpStream {
    TcpStream::connect(local.server.local_addr()).await.unwrap()
}

/// Sends what is left of a request byte by byte, until the answer is there.
async fn drip(mut stream: TcpStream, rest: &[u8]) -> Vec<u8> {
    let (mut reader, mut writer) = stream.split();
    let mut answer = Vec::new();
    let read = reader.read_to_end(&mut answer);
    let write = async {
        for byte in rest {
            if writer.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = read => {}
        () = write => {}
        () = tokio::time::sleep(Duration::from_secs(20)) => panic!("it is waited for"),
    }
    answer
}

#[tokio::test]
async fn a_body_that_drips_is_given_up() {
    let local = Local::of(Emulator::builder().limits(Limits::default().patience(SHORT).min_rate(1000))).await;
    let wire = local.request("PUT", "/media/key").body(vec![b'x'; 100_000]).wire();
    let (head, rest) = wire.split_at(wire.len() - 99_000);
    let mut stream = connect(&local).await;
    stream.write_all(head).await.unwrap();
    let answer = Answer::parse(&drip(stream, rest).await);
    assert_eq!(answer.error(), (400, "RequestTimeout".to_owned()));
    assert_eq!(local.get("/media/key").await.status, 404);
}

#[tokio::test]
async fn the_rest_of_a_refused_body_is_not_waited_for_for_long() {
    let local = Local::of(Emulator::builder().limits(Limits::default().drain(SHORT))).await;
    let mut stream = connect(&local).await;
    stream.write_all(b"PUT /media/key HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n").await.unwrap();
    let answer = Answer::parse(&drip(stream, &[b'x'; 10_000]).await);
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up_and_others_are_served_then() {
    let limits = Limits::default().patience(SHORT).min_rate(1000).connections(1);
    let local = Local::of(Emulator::builder().limits(limits)).await;
    local.put("/media/key", vec![b'x'; 20 << 20]).await;
    let mut stalled = connect(&local).await;
    stalled.write_all(&local.request("GET", "/media/key").wire()).await.unwrap();
    stalled.read_exact(&mut [0]).await.unwrap();
    // There is room for one connection only.
    let answer = tokio::time::timeout(Duration::from_secs(10), local.get("/media/none")).await.unwrap();
    assert_eq!(answer.status, 404);
    let mut taken = Vec::new();
    let _ = stalled.read_to_end(&mut taken).await;
    assert!(taken.len() < 20 << 20);
}

#[tokio::test]
async fn bodies_that_are_read_whole_have_the_memory_that_is_left() {
    let local = Local::of(Emulator::builder().limits(Limits::default().memory(1 << 20))).await;
    let namespace = local.server.store().create_namespace("sessions").await.unwrap().id;
    let target = format!("/{namespace}/bulk/delete");
    let mut keys = format!("[\"{}\"]", "k".repeat(500)).into_bytes();
    keys.resize(200_000, b' ');
    let wire = local.kv("POST", &target).body(keys.clone()).wire();
    let mut slow = connect(&local).await;
    slow.write_all(&wire[..wire.len() - 1]).await.unwrap();
    let begun = Instant::now();
    // Once the first has arrived, the second finds no memory.
    while local.kv("POST", &target).body(keys.clone()).send().await.status != 503 {
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    let form = "--b\r\ncontent-disposition: form-data; name=\"value\"\r\n\r\nx\r\n--b--\r\n";
    let form = local
        .kv("PUT", &format!("/{namespace}/values/k"))
        .header("content-type", "multipart/form-data; boundary=b")
        .body(form);
    assert_eq!(form.send().await.status, 503);
    let delete = "<Delete><Object><Key>k</Key></Object></Delete>";
    let answer = local.request("POST", "/media?delete").body(delete).send().await;
    assert_eq!(answer.error(), (503, "ServiceUnavailable".to_owned()));
    slow.write_all(b" ").await.unwrap();
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).await.unwrap();
    assert_eq!(Answer::parse(&answer).status, 200);
    assert_eq!(local.request("POST", "/media?delete").body(delete).send().await.status, 200);
}

#[tokio::test]
async fn connections_that_are_not_in_use_make_room() {
    let local = Local::of(Emulator::builder().limits(Limits::default().connections(4))).await;
    let mut idle = Vec::new();
    let begun = Instant::now();
    for n in 0..24 {
        let mut stream = connect(&local).await;
        match n % 3 {
            // Nothing, or some of a request's headers.
            0 => {}
            1 => stream.write_all(b"GET /media/key HTTP/1.1\r\nhost:").await.unwrap(),
            _ => {
                let wire = local.request("HEAD", "/media").wire();
                let wire = String::from_utf8(wire).unwrap().replace("connection: close\r\n", "");
                stream.write_all(wire.as_bytes()).await.unwrap();
                stream.read_exact(&mut [0; 12]).await.unwrap();
            }
        }
        idle.push(stream);
    }
    assert_eq!(local.get("/media/none").await.status, 404);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn stalled_uploads_make_room_for_others() {
    let local =
        Local::of(Emulator::builder().limits(Limits::default().connections(3).patience(12 * SHORT))).await;
    let wire = local.request("PUT", "/media/key").body(vec![b'x'; 100_000]).wire();
    let mut stalled = Vec::new();
    for _ in 0..10 {
        let mut stream = connect(&local).await;
        stream.write_all(&wire[..wire.len() - 1]).await.unwrap();
        stalled.push(stream);
    }
    let answer = tokio::time::timeout(Duration::from_secs(20), local.get("/media/none")).await.unwrap();
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn requests_under_way_keep_their_connections() {
    let local = Local::of(Emulator::builder().limits(Limits::default().connections(2))).await;
    let wire = local.request("PUT", "/media/key").body("hello").wire();
    let mut busy = connect(&local).await;
    busy.write_all(&wire[..wire.len() - 1]).await.unwrap();
    for _ in 0..10 {
        assert_eq!(local.get("/media/none").await.status, 404);
    }
    busy.write_all(b"o").await.unwrap();
    let mut answer = Vec::new();
    busy.read_to_end(&mut answer).await.unwrap();
    assert_eq!(Answer::parse(&answer).status, 200);
}

#[tokio::test]
async fn a_full_server_stops_at_once_and_serves_who_waits_for_room() {
    let local = Local::of(Emulator::builder().limits(Limits::default().connections(1))).await;
    let request = String::from_utf8(local.request("HEAD", "/media").wire()).unwrap();
    let kept_alive = request.replace("connection: close\r\n", "").into_bytes();
    // It asks again as soon as it is answered, and so keeps its connection.
    let mut first = connect(&local).await;
    let asking = tokio::spawn(async move {
        let mut answer = [0; 4096];
        while first.write_all(&kept_alive).await.is_ok()
            && first.read(&mut answer).await.is_ok_and(|read| read > 0)
        {}
    });
    tokio::time::sleep(SHORT).await;
    let mut waiting = connect(&local).await;
    waiting.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(SHORT).await;

    tokio::time::timeout(Duration::from_secs(5), local.server.stop()).await.unwrap();
    let mut answer = Vec::new();
    waiting.read_to_end(&mut answer).await.unwrap();
    assert_eq!(Answer::parse(&answer).status, 200);
    asking.await.unwrap();
}
