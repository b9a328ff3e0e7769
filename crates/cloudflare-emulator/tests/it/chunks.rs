//! Uploads that are signed in chunks, as minio-go signs them over plain HTTP.

use cloudflare_clients::sigv4::{ChunkSignatures, Payload, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::client::{Answer, Local};

/// A request whose body is signed in chunks, and what may be wrong with it.
struct Upload<'a> {
    method: &'a str,
    target: &'a str,
    headers: &'a [(&'a str, &'a str)],
    chunks: &'a [&'a [u8]],
    decoded_length: Option<String>,
}

impl<'a> Upload<'a> {
    fn new(target: &'a str, chunks: &'a [&'a [u8]]) -> Self {
        let length: usize = chunks.iter().map(|chunk| chunk.len()).sum();
        Self { method: "PUT", target, headers: &[], chunks, decoded_length: Some(length.to_string()) }
    }

    /// The head of the request, and the chunks, the empty one at the end too.
    fn parts(&self, local: &Local) -> (String, Vec<Vec<u8>>) {
        let mut request = local
            .request(self.method, self.target)
            .payload(Payload::SignedChunks)
            .header("content-length", "LENGTH");
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        if let Some(length) = &self.decoded_length {
            request = request.header("x-amz-decoded-content-length", length);
        }
        let head = String::from_utf8(request.wire()).unwrap();
        let behind = |text: &str, length| head.split_once(text).unwrap().1[..length].to_owned();
        let timestamp = Timestamp::parse(&behind("x-amz-date: ", 16)).unwrap();
        let scope = local.signer.scope(&timestamp);
        let seed = behind("Signature=", 64);
        let mut signatures = ChunkSignatures::new(local.signer.credentials(), &timestamp, scope, seed);
        let mut sign = |chunk: &[u8]| {
            let signature = signatures.sign(Sha256::digest(chunk).into());
            let line = format!("{:x};chunk-signature={signature}\r\n", chunk.len());
            [line.as_bytes(), chunk, b"\r\n"].concat()
        };
        let chunks = self.chunks.iter().copied().chain([&b""[..]]).map(&mut sign).collect();
        (head, chunks)
    }

    async fn send(&self, local: &Local) -> Answer {
        self.send_altered(local, |_| {}).await
    }

    async fn send_altered(&self, local: &Local, alter: impl FnOnce(&mut Vec<Vec<u8>>)) -> Answer {
        let (head, mut chunks) = self.parts(local);
        alter(&mut chunks);
        let body = chunks.concat();
        let head = head.replace("LENGTH", &body.len().to_string());
        local.exchange(&[head.as_bytes(), &body].concat()).await
    }
}

fn other_digit(digit: &mut u8) {
    *digit = if *digit == b'0' { b'1' } else { b'0' };
}

#[tokio::test]
async fn what_is_signed_in_chunks_is_stored_without_them() {
    let local = Local::start().await;
    let (large, small) = (vec![b'a'; 65536], [b'b'; 1024]);
    let chunks: [&[u8]; 2] = [&large, &small];
    let mut upload = Upload::new("/media/key", &chunks);
    upload.headers = &[("content-encoding", "aws-chunked,gzip"), ("user-agent", "minio-go")];
    let answer = upload.send(&local).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let stored = local.get("/media/key").await;
    assert!(stored.body == chunks.concat());
    assert_eq!(stored.header("content-encoding"), "gzip");

    // A chunk far above what is kept in memory, and no chunk at all.
    let huge = vec![b'c'; 20 << 20];
    for chunks in [&[&huge[..]][..], &[]] {
        let answer = Upload::new("/media/other", chunks).send(&local).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let stored = local.get("/media/other").await;
        assert_eq!(stored.header("content-encoding"), "");
        assert!(stored.body == chunks.concat());
    }
}

#[tokio::test]
async fn a_part_can_be_signed_in_chunks() {
    let local = Local::start().await;
    let created = local.request("POST", "/media/key?uploads").send().await;
    let target = format!("/media/key?partNumber=1&uploadId={}", created.element("UploadId"));
    let answer = Upload::new(&target, &[b"hel", b"lo"]).send(&local).await;
    assert_eq!(answer.header("etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
}

#[tokio::test]
async fn chunks_that_are_not_what_was_signed_are_not_stored() {
    type Alter = fn(&mut Vec<Vec<u8>>);
    let local = Local::start().await;
    let (large, small) = (vec![b'a'; 100_000], [b'b'; 1024]);
    let chunks: [&[u8]; 2] = [&large, &small];
    let upload = Upload::new("/media/key", &chunks);
    let not_signed: [(&str, Alter); 6] = [
        ("a byte of the first chunk", |chunks| chunks[0][500] = b'x'),
        ("a byte of the last chunk", |chunks| chunks[1][500] = b'x'),
        ("a signature", |chunks| other_digit(&mut chunks[1][25])),
        ("the signature of the end", |chunks| other_digit(&mut chunks[2][25])),
        ("an upper-case signature", |chunks| chunks[2][18..82].make_ascii_uppercase()),
        ("a chunk of the same length from elsewhere", |chunks| {
            let stray = chunks[2].clone();
            let end = chunks[2].len();
            chunks[2] = [&chunks[2][..18], &"0".repeat(64).into_bytes(), &stray[82..end]].concat();
        }),
    ];
    for (what, alter) in not_signed {
        let answer = upload.send_altered(&local, alter).await;
        assert_eq!(answer.error(), (403, "SignatureDoesNotMatch".to_owned()), "{what}");
    }
    let malformed: [(&str, Alter, &str); 7] = [
        ("no end", |chunks| drop(chunks.pop()), "IncompleteBody"),
        ("no last byte", |chunks| chunks[2].truncate(85), "IncompleteBody"),
        ("another size", |chunks| chunks[1][0] = b'3', "InvalidArgument"),
        ("a size above all that is left", |chunks| chunks[0][0] = b'f', "InvalidArgument"),
        ("no size", |chunks| chunks[0][0] = b';', "InvalidArgument"),
        ("the end too early", |chunks| drop(chunks.remove(1)), "InvalidArgument"),
        (
            "a line without an end",
            |chunks| chunks[0].splice(..0, [b'0'; 300]).for_each(drop),
            "InvalidArgument",
        ),
    ];
    for (what, alter, code) in malformed {
        let answer = upload.send_altered(&local, alter).await;
        assert_eq!(answer.error(), (400, code.to_owned()), "{what}");
    }
    for (length, status, code) in [
        (None, 411, "MissingContentLength"),
        (Some("+101024"), 411, "MissingContentLength"),
        (Some("101023"), 400, "InvalidArgument"),
        (Some("101025"), 400, "InvalidArgument"),
        (Some("0"), 400, "InvalidArgument"),
        (Some("5363466241"), 400, "EntityTooLarge"),
    ] {
        let mut upload = Upload::new("/media/key", &chunks);
        upload.decoded_length = length.map(str::to_owned);
        assert_eq!(upload.send(&local).await.error(), (status, code.to_owned()), "{length:?}");
    }
    let empty = Upload::new("/media/key", &[]);
    let answer = empty.send_altered(&local, |chunks| other_digit(&mut chunks[0][25])).await;
    assert_eq!(answer.error(), (403, "SignatureDoesNotMatch".to_owned()));
    assert_eq!(local.get("/media/key").await.status, 404);
}

#[tokio::test]
async fn checksums_are_of_what_is_stored() {
    let local = Local::start().await;
    let mut upload = Upload::new("/media/key", &[b"hel", b"lo"]);
    upload.headers = &[("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")];
    assert_eq!(upload.send(&local).await.status, 200);
    upload.headers = &[("content-md5", "XUFAKrxLKna5cZ2REBfFkQ==")];
    assert_eq!(upload.send(&local).await.error(), (400, "BadDigest".to_owned()));
}

#[tokio::test]
async fn only_uploads_come_in_chunks() {
    let local = Local::start().await;
    let mut upload = Upload::new("/media?delete", &[b"<Delete/>"]);
    upload.method = "POST";
    assert_eq!(upload.send(&local).await.error(), (501, "NotImplemented".to_owned()));
}
