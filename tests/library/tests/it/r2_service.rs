//! The behaviour that `R2Service` adds to a bucket, over a bucket that fails as scripted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use cloudflare_clients::bytes::Bytes;
use cloudflare_clients::http::StatusCode;
use cloudflare_clients::r2::{
    self, Body, Checksum, ChecksumAlgorithm, CompleteMultipartUploadRequest, Conditional, GetRequest,
    HeadRequest, HttpMetadata, Object, ObjectBody, PutRequest, R2Service, StoredObject, UploadedPart,
};
use cloudflare_clients::testing::MockBucket;
use cloudflare_clients::{Error, ErrorKind, LocalBucket, Result, RetryPolicy, TokioRuntime};
use futures_util::{FutureExt, StreamExt, TryStreamExt, future, stream};
use testkit::{ManualClock, mock};

type Answer = Box<dyn FnOnce(&mut Option<Bytes>) -> Result<()> + Send>;

/// Holds one object. Each call first takes the next answer of the script, which may change the object.
#[derive(Default)]
struct ScriptedBucket {
    object: Mutex<Option<Bytes>>,
    script: Mutex<VecDeque<Answer>>,
    calls: Mutex<Vec<String>>,
    /// How the bodies of the next gets fail, before they are complete.
    bodies: Mutex<VecDeque<Vec<Result<Bytes>>>>,
}

impl std::fmt::Debug for ScriptedBucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScriptedBucket")
    }
}

impl ScriptedBucket {
    fn holding(content: &'static str) -> Arc<Self> {
        Arc::new(Self { object: Mutex::new(Some(content.into())), ..Self::default() })
    }

    fn then(
        self: Arc<Self>,
        answer: impl FnOnce(&mut Option<Bytes>) -> Result<()> + Send + 'static,
    ) -> Arc<Self> {
        self.script.lock().unwrap().push_back(Box::new(answer));
        self
    }

    fn failing(self: Arc<Self>, times: u32, status: u16) -> Arc<Self> {
        let status = StatusCode::from_u16(status).unwrap();
        (0..times)
            .fold(self, |bucket, _| bucket.then(move |_| Err(Error::from_status(status, "Server Error"))))
    }

    fn with_body(self: Arc<Self>, pieces: Vec<Result<Bytes>>) -> Arc<Self> {
        self.bodies.lock().unwrap().push_back(pieces);
        self
    }

    fn service(self: &Arc<Self>) -> (R2Service, ManualClock) {
        let clock = ManualClock::default();
        (R2Service::new(self.bucket().with_runtime(clock.clone())), clock)
    }

    fn bucket(self: &Arc<Self>) -> MockBucket {
        mock!(MockBucket, self => head, get, put, complete_multipart_upload)
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn step(&self, call: impl Into<String>) -> Result<()> {
        self.calls.lock().unwrap().push(call.into());
        let answer = self.script.lock().unwrap().pop_front();
        answer.map_or(Ok(()), |answer| answer(&mut self.object.lock().unwrap()))
    }

    fn found(&self, key: &str) -> Option<Object> {
        let content = self.object.lock().unwrap().clone()?;
        Some(Object::new(key, content.len() as u64, md5(&content), UNIX_EPOCH))
    }
}

fn md5(content: &[u8]) -> String {
    Checksum::of(ChecksumAlgorithm::Md5, content).to_hex()
}

#[allow(clippy::unused_async, reason = "they answer for operations, which are async")]
impl ScriptedBucket {
    async fn head(&self, request: HeadRequest) -> Result<Option<Object>> {
        self.step("head")?;
        Ok(self.found(&request.key))
    }

    async fn get(&self, request: GetRequest) -> Result<Option<ObjectBody>> {
        self.step(format!(
            "get {:?} {:?}",
            request.range.map(|range| range.resolve(1000)),
            request.only_if.etag_matches
        ))?;
        let Some(mut object) = self.found(&request.key) else {
            return Ok(None);
        };
        request.only_if.check_read(Some(&object))?;
        let content = self.object.lock().unwrap().clone().unwrap_or_default();
        let range = request.range.map(|range| range.resolve(object.size)).transpose()?;
        object.range = range;
        let (from, to) = range.map_or((0, content.len()), |range| {
            let from = usize::try_from(range.offset).unwrap();
            (from, from + usize::try_from(range.length).unwrap())
        });
        let body = match self.bodies.lock().unwrap().pop_front() {
            Some(pieces) => Body::from_stream(stream::iter(pieces), None),
            None => content.slice(from..to).into(),
        };
        Ok(Some(ObjectBody::new(object, body)))
    }

    async fn put(&self, request: PutRequest) -> Result<StoredObject> {
        let outcome = self.step("put");
        let fault = outcome.as_ref().err().and_then(|error| error.code().map(str::to_owned));
        if fault.as_deref() == Some("unread") {
            return Err(cut_off());
        }
        let existing = self.found(&request.key);
        let mut content = request.body.bytes().await?;
        if fault.as_deref() == Some("flip") {
            content = Bytes::from_static(b"damaged");
        } else {
            outcome?;
        }
        request.only_if.check_write(existing.as_ref())?;
        let etag = md5(&content);
        *self.object.lock().unwrap() = Some(content);
        Ok(StoredObject::new(request.key, etag))
    }

    async fn complete_multipart_upload(
        &self,
        request: CompleteMultipartUploadRequest,
    ) -> Result<StoredObject> {
        self.step("complete")?;
        Ok(StoredObject::new(request.key, "etag"))
    }
}

fn cut_off() -> Error {
    Error::new(ErrorKind::Connection, "connection reset")
}

#[tokio::test]
async fn failures_are_retried_with_growing_delays() {
    let bucket = ScriptedBucket::holding("abc").failing(2, 500);
    let (service, clock) = bucket.service();
    let found = service.head("k").await.unwrap();
    assert_eq!(found.map(|object| object.size), Some(3));
    assert_eq!(bucket.calls().len(), 3);
    assert_eq!(clock.slept(), [100, 200].map(Duration::from_millis));
}

#[tokio::test]
async fn the_last_error_says_how_often_and_why() {
    for (policy, attempts) in
        [(RetryPolicy::default(), 4), (RetryPolicy::default().max_retries(2), 3), (RetryPolicy::none(), 1)]
    {
        let bucket = ScriptedBucket::holding("abc").failing(9, 500);
        let (service, _) = bucket.service();
        let error = service.with_retry(policy).head("k").await.unwrap_err();
        assert_eq!((error.attempts(), bucket.calls().len()), (attempts, attempts as usize));
        assert!(error.to_string().contains("500 Server Error"), "{error}");
        assert!(error.to_string().starts_with("head \"k\""), "{error}");
    }
}

#[tokio::test]
async fn what_will_not_get_better_is_not_retried() {
    for status in [400, 401, 403, 412, 501] {
        let bucket = ScriptedBucket::holding("abc").failing(9, status);
        let error = bucket.service().0.head("k").await.unwrap_err();
        assert_eq!((error.status().unwrap().as_u16(), error.attempts()), (status, 1));
    }
}

#[tokio::test]
async fn bad_input_never_reaches_the_bucket() {
    let bucket = ScriptedBucket::holding("abc");
    let (service, _) = bucket.service();
    let too_long = "k".repeat(1025);
    let errors = [
        service.head("").await.unwrap_err(),
        service.get(&too_long).await.unwrap_err(),
        service.get("k").range(5..5).await.unwrap_err(),
        service.put("k", "x").only_if(Conditional::new().etag_matches("\"quoted\"")).await.unwrap_err(),
        service.put("k", "x").metadata("n", "v".repeat(9000)).await.unwrap_err(),
        service.put("k", "x").content_type("a\nb").await.unwrap_err(),
        service.list().page_size(1001).await.unwrap_err(),
        service.delete_many(["ok", ""]).await.unwrap_err(),
        service.resume_multipart_upload("k", "id").upload_part(0, "x").await.unwrap_err(),
        service.resume_multipart_upload("k", "id").complete([]).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0), "{error}");
    }
    let error = service.put("k", "x").content_type("text/\nplain").await.unwrap_err();
    assert!(
        error.message().contains("content type") && error.message().contains("control characters"),
        "{error}"
    );
    let unserialisable = std::collections::HashMap::from([((1, 2), 3)]);
    let error = service.put_json("k", &unserialisable).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Serialization);
    assert_eq!(bucket.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_signing_config_there_are_no_urls() {
    let (service, _) = ScriptedBucket::holding("abc").service();
    let error = service.generate_signed_url("k", Duration::from_secs(60)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingSigningConfig);
    assert!(error.to_string().contains("signing config required"));
    assert!(error.to_string().contains("for URLs of a local store, use `cfstore serve`"));
}

#[tokio::test]
async fn public_urls_are_encoded_and_stay_on_their_host() {
    let (service, _) = ScriptedBucket::holding("abc").service();
    let error = service.public_url("k").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains("no public base URL"), "{error}");
    let service = service.with_public_base_url("https://media.example.com/files/").unwrap();
    assert_eq!(
        service.public_url("//evil.example/ä?#").unwrap(),
        "https://media.example.com/files///evil.example/%C3%A4%3F%23"
    );
    for bad in ["media.example.com", "https://", "https://a b", "https://h/?q", "https://user@h", "ftp://h"] {
        let error = service.clone().with_public_base_url(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad}");
        assert!(error.message().contains("must be like https://media.example.com"), "{error}");
    }
    let error = service.with_public_base_url("https://user:hunter2@h").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_stream_is_sent_again_only_while_nobody_has_read_it() {
    let body = || Body::from_stream(stream::iter([Ok(Bytes::from_static(b"new"))]), Some(3));

    let bucket = ScriptedBucket::holding("old").then(|_| Err(cut_off().with_code("unread")));
    bucket.service().0.put("k", body()).await.unwrap();
    assert_eq!(bucket.calls(), ["put", "put"]);

    let busy = || {
        Error::from_status(StatusCode::SERVICE_UNAVAILABLE, "Busy")
            .with_code("SlowDown")
            .with_retry_after(Duration::from_secs(9))
    };
    let bucket = ScriptedBucket::holding("old").then(move |_| Err(busy()));
    let (service, clock) = bucket.service();
    let error = service.put("k", body()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::BodyNotReplayable, Some(StatusCode::SERVICE_UNAVAILABLE))
    );
    assert_eq!((error.code(), error.retry_after()), (Some("SlowDown"), Some(Duration::from_secs(9))));
    assert_eq!((error.attempts(), error.is_retryable()), (1, false));
    assert!(error.to_string().contains("503 Busy"), "{error}");
    assert_eq!(bucket.calls(), ["put"]);
    assert!(clock.slept().is_empty());
}

#[tokio::test]
async fn having_been_slowed_down_leaves_the_retries_of_other_failures() {
    let bucket = ScriptedBucket::holding("old").failing(6, 429).failing(3, 500);
    bucket.service().0.put("k", "new").await.unwrap();
    assert_eq!(bucket.calls().len(), 10);
    let bucket = ScriptedBucket::holding("old").failing(6, 429).failing(4, 500);
    let error = bucket.service().0.put("k", "new").await.unwrap_err();
    assert_eq!((error.status(), error.attempts()), (Some(StatusCode::INTERNAL_SERVER_ERROR), 10));
}

#[tokio::test]
async fn a_conditional_put_whose_answer_was_lost_has_succeeded() {
    let create_only = || Conditional::new().etag_does_not_match("*");
    let lost = |object: &mut Option<Bytes>| {
        *object = Some(Bytes::from_static(b"new"));
        Err(cut_off())
    };
    let bucket = Arc::new(ScriptedBucket::default()).then(lost);
    let stored = bucket.service().0.put("k", "new").only_if(create_only()).await.unwrap();
    assert_eq!((stored.etag, stored.size), (md5(b"new"), Some(3)));
    assert_eq!(bucket.calls(), ["put", "put", "head"]);

    // Without verification the MD5 is not known beforehand.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "new").unwrap();
    for body in [Body::from("new"), Body::from_file(file.path()).await.unwrap()] {
        let bucket = Arc::new(ScriptedBucket::default()).then(lost);
        let service = bucket.service().0.with_verification(false);
        let stored = service.put("k", body).only_if(create_only()).await.unwrap();
        assert_eq!(stored.etag, md5(b"new"));
    }

    // Another client was faster.
    let bucket = Arc::new(ScriptedBucket::default()).then(lost);
    let error = bucket.service().0.put("k", "mine").only_if(create_only()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed);

    // Nobody can see who it was.
    let unseen =
        |_: &mut Option<Bytes>| Err(Error::from_status(StatusCode::INTERNAL_SERVER_ERROR, "Server Error"));
    let bucket = Arc::new(ScriptedBucket::default()).then(lost).then(|_| Ok(()));
    let bucket = (0..4).fold(bucket, |bucket, _| bucket.then(unseen));
    let error = bucket.service().0.put("k", "new").only_if(create_only()).await.unwrap_err();
    assert_eq!((error.status(), error.is_retryable()), (Some(StatusCode::INTERNAL_SERVER_ERROR), true));
    assert!(error.to_string().contains("checking whether it succeeded failed"), "{error}");

    // Nothing was lost, so the object is not checked.
    let bucket = ScriptedBucket::holding("new");
    let error = bucket.service().0.put("k", "new").only_if(create_only()).await.unwrap_err();
    assert_eq!((error.kind(), bucket.calls().len()), (ErrorKind::PreconditionFailed, 1));

    // The same for a request that was rejected before it started.
    let bucket = ScriptedBucket::holding("new").failing(1, 429);
    let error = bucket.service().0.put("k", "new").only_if(create_only()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::PreconditionFailed, 2));
    assert_eq!(bucket.calls(), ["put", "put"]);
}

#[tokio::test]
async fn metadata_tells_writes_of_the_same_bytes_apart_where_an_answer_was_lost() {
    let folder = tempfile::tempdir().unwrap();
    let local = LocalBucket::open(folder.path(), "media").await.unwrap();
    let stored = R2Service::new(local.clone());
    stored.put("source", "bytes").await.unwrap();
    for (winner, error) in [("me", None), ("another", Some(ErrorKind::PreconditionFailed))] {
        let bucket = Arc::new(MockBucket::over(local.clone()));
        let service =
            R2Service::new(bucket.clone()).with_retry(RetryPolicy::default().base_delay(Duration::ZERO));
        let only_if = || Conditional::new().etag_does_not_match("*");

        let other = stored.clone();
        let put = move |_| other.put("put", "").metadata("by", winner).into_future();
        bucket.put.answers_once(move |request| put(request).map(|_| Err(cut_off())));
        let put = service.put("put", "").metadata("By", "me").only_if(only_if()).await;
        assert_eq!(put.err().map(|error| error.kind()), error, "put by {winner}");

        let other = stored.clone();
        let copy = move |_| other.copy("source", "copy").metadata("by", winner).into_future();
        bucket.copy.answers_once(move |request| copy(request).map(|_| Err(cut_off())));
        let copy = service.copy("source", "copy").metadata("By", "me").only_if(only_if()).await;
        assert_eq!(copy.err().map(|error| error.kind()), error, "copy by {winner}");

        stored.delete_many(["put", "copy"]).await.unwrap();
    }
}

#[tokio::test]
async fn a_completed_upload_whose_answer_was_lost_has_succeeded() {
    let gone = || Error::from_status(StatusCode::NOT_FOUND, "Not Found").with_kind(ErrorKind::NoSuchUpload);
    let mut part = UploadedPart::new(1, md5(b"abc"));
    part.size = Some(3);

    let bucket = ScriptedBucket::holding("abc").then(|_| Err(cut_off())).then(move |_| Err(gone()));
    let upload = bucket.service().0.resume_multipart_upload("k", "id");
    // The bucket's object was not uploaded in parts, so its etag does not match.
    let error = upload.complete([part.clone()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchUpload);
    assert_eq!(bucket.calls(), ["complete", "complete", "head"]);

    let bucket = ScriptedBucket::holding("abc").then(move |_| Err(gone()));
    let upload = bucket.service().0.resume_multipart_upload("k", "id");
    let error = upload.complete([part]).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::NoSuchUpload, 1));
    assert_eq!(bucket.calls(), ["complete"]);
}

#[tokio::test]
async fn bytes_that_were_stored_wrong_are_sent_again() {
    let flip = |_: &mut Option<Bytes>| Err(Error::new(ErrorKind::Connection, "").with_code("flip"));
    // The MD5 of a stream is not known beforehand; that of a file neither, but a file can be sent again.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "content").unwrap();

    let bucket = ScriptedBucket::holding("old").then(flip);
    let stored = bucket.service().0.put("k", Body::from_file(file.path()).await.unwrap()).await.unwrap();
    assert_eq!(stored.etag, md5(b"content"));
    assert_eq!(bucket.calls(), ["put", "put"]);

    let bucket = ScriptedBucket::holding("old").then(flip);
    let stream = Body::from_stream(stream::iter([Ok(Bytes::from_static(b"content"))]), Some(7));
    let error = bucket.service().0.put("k", stream).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::BodyNotReplayable, false));
    assert!(error.to_string().contains("stored other bytes"), "{error}");

    let bucket = ScriptedBucket::holding("old").then(flip).then(flip).then(flip);
    let error = bucket.service().0.put("k", Body::from_file(file.path()).await.unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert_eq!(bucket.calls().len(), 2);
}

#[tokio::test]
async fn a_download_that_is_cut_off_resumes_where_it_stopped() {
    let bucket = ScriptedBucket::holding("0123456789")
        .with_body(vec![Ok("012".into()), Err(cut_off())])
        .with_body(vec![Ok("34".into())]);
    let object = bucket.service().0.get("k").await.unwrap().unwrap();
    assert_eq!(object.text().await.unwrap(), "0123456789");
    let calls = bucket.calls();
    assert_eq!(calls.len(), 3);
    assert!(calls[1].contains("offset: 3, length: 7"), "{calls:?}");
    assert!(calls[2].contains("offset: 5, length: 5"), "{calls:?}");
    assert!(calls[2].contains(&md5(b"0123456789")), "{calls:?}");
}

#[tokio::test]
async fn a_download_gives_up_when_nothing_arrives_any_more() {
    let bucket = (0..9)
        .fold(ScriptedBucket::holding("0123456789"), |bucket, _| bucket.with_body(vec![Err(cut_off())]));
    let object = bucket.service().0.get("k").await.unwrap().unwrap();
    let error = object.bytes().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connection, 4));
    assert_eq!(bucket.calls().len(), 4);
}

#[tokio::test]
async fn an_object_replaced_during_its_download_is_never_a_mixture() {
    let bucket = ScriptedBucket::holding("0123456789")
        .with_body(vec![Ok("012".into()), Err(cut_off())])
        .then(|_| Ok(()))
        .then(|object| {
            *object = Some(Bytes::from_static(b"abcdefghij"));
            Ok(())
        });
    let object = bucket.service().0.get("k").await.unwrap().unwrap();
    let error = object.bytes().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
    assert!(error.to_string().contains("replaced"), "{error}");
}

#[tokio::test]
async fn damaged_bytes_are_fetched_again_once() {
    let bucket = ScriptedBucket::holding("content").with_body(vec![Ok("cOntent".into())]);
    let object = bucket.service().0.get("k").await.unwrap().unwrap();
    assert_eq!(object.text().await.unwrap(), "content");

    let bucket = ScriptedBucket::holding("content").with_body(vec![Ok("cOntent".into())]);
    let folder = tempfile::tempdir().unwrap();
    let object = bucket.service().0.get("k").await.unwrap().unwrap();
    assert_eq!(object.write_to_file(folder.path().join("f")).await.unwrap(), 7);
    assert_eq!(std::fs::read(folder.path().join("f")).unwrap(), b"content");

    let twice = ScriptedBucket::holding("content")
        .with_body(vec![Ok("cOntent".into())])
        .with_body(vec![Ok("conTent".into())]);
    let object = twice.service().0.get("k").await.unwrap().unwrap();
    assert_eq!(object.bytes().await.unwrap_err().kind(), ErrorKind::Integrity);
    assert_eq!(twice.calls().len(), 2);
}

#[tokio::test]
async fn a_damaged_stream_ends_in_an_error_instead_of_its_last_piece() {
    let bucket = ScriptedBucket::holding("content").with_body(vec![Ok("cOn".into()), Ok("tent".into())]);
    let object = bucket.service().0.get("k").await.unwrap().unwrap();
    let mut stream = object.into_stream();
    assert_eq!(stream.try_next().await.unwrap().unwrap(), "cOn");
    assert_eq!(stream.try_next().await.unwrap_err().kind(), ErrorKind::Integrity);

    let bucket = ScriptedBucket::holding("content").with_body(vec![Ok("cOntent".into())]);
    let (service, _) = bucket.service();
    let object = service.with_verification(false).get("k").await.unwrap().unwrap();
    assert_eq!(object.text().await.unwrap(), "cOntent");
}

#[tokio::test]
async fn lengths_are_checked_even_where_there_is_no_checksum() {
    let bucket = ScriptedBucket::holding("0123456789").with_body(vec![Ok("0123456789more".into())]);
    let object = bucket.service().0.get("k").await.unwrap().unwrap();
    assert_eq!(object.text().await.unwrap(), "0123456789");
    // Bytes after the last one are not requested again.
    let late = Error::new(ErrorKind::Integrity, "the body went on");
    let bucket = ScriptedBucket::holding("0123456789").with_body(vec![Ok("0123456789".into()), Err(late)]);
    let object = bucket.service().0.get("k").await.unwrap().unwrap();
    let pieces: Vec<_> = object.into_stream().collect().await;
    assert_eq!(pieces[1].as_ref().unwrap_err().message(), "the body went on");
    assert_eq!(bucket.calls().len(), 1);

    let bucket = ScriptedBucket::holding("0123456789").with_body(vec![Ok("2345".into())]);
    let object = bucket.service().0.get("k").range(2..5).await.unwrap().unwrap();
    assert_eq!(object.text().await.unwrap(), "234");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_an_operation() {
    let service = R2Service::new(hanging()).with_deadline(Duration::from_secs(10));
    let begin = tokio::time::Instant::now();
    let error = service.head("k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(begin.elapsed(), Duration::from_secs(10));
    assert_eq!(error.attempts(), 1);

    let bucket = MockBucket::new().with_runtime(TokioRuntime);
    bucket.head.fails(Error::from_status(StatusCode::INTERNAL_SERVER_ERROR, "Server Error"));
    let failing = R2Service::new(bucket);
    let policy = RetryPolicy::default().base_delay(Duration::from_secs(2)).max_delay(Duration::from_secs(2));
    let service = failing.with_retry(policy.jitter(false)).with_deadline(Duration::from_millis(4500));
    let begin = tokio::time::Instant::now();
    let error = service.head("k").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Server, 3), "{error}");
    assert_eq!(begin.elapsed(), Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_in_the_middle_of_an_attempt_says_what_went_before() {
    let fails_then_hangs = hanging();
    fails_then_hangs
        .head
        .fails_times(1, Error::from_status(StatusCode::INTERNAL_SERVER_ERROR, "Server Error"));
    let service = R2Service::new(fails_then_hangs).with_deadline(Duration::from_secs(10));
    let error = service.head("k").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 2));
    assert!(error.to_string().contains("500 Server Error"), "{error}");
}

#[tokio::test]
async fn being_told_to_wait_too_long_fails_at_once() {
    let busy = || {
        Error::from_status(StatusCode::SERVICE_UNAVAILABLE, "Busy").with_retry_after(Duration::from_secs(20))
    };
    for (retry, deadline) in [
        (RetryPolicy::default().max_wait(Duration::from_secs(19)), None),
        (RetryPolicy::default(), Some(Duration::from_secs(19))),
    ] {
        let bucket = ScriptedBucket::holding("abc").then(move |_| Err(busy()));
        let mut service = R2Service::new(bucket.bucket()).with_retry(retry);
        if let Some(deadline) = deadline {
            service = service.with_deadline(deadline);
        }
        let error = service.head("k").await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(20)));
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Server, 1));
    }
}

#[tokio::test]
async fn a_wait_past_the_deadline_does_not_begin() {
    let clock = ManualClock::default();
    let bucket = Arc::new(MockBucket::new().with_runtime(Arc::new(clock.clone())));
    bucket.head.delays(Duration::from_secs(4));
    bucket.head.fails(
        Error::from_status(StatusCode::SERVICE_UNAVAILABLE, "Busy").with_retry_after(Duration::from_secs(3)),
    );
    // Two attempts and the wait between them take 11 s, and the next wait ends at 14 s.
    for (deadline, attempts) in [(13, 2), (14, 2), (16, 3), (7, 1), (5, 1)] {
        let service = R2Service::new(bucket.clone()).with_deadline(Duration::from_secs(deadline));
        let before = clock.slept().len();
        let error = service.head("k").await.unwrap_err();
        let kinds = if deadline == 16 { ErrorKind::Timeout } else { ErrorKind::Server };
        assert_eq!((error.kind(), error.attempts()), (kinds, attempts), "{deadline}: {error}");
        if kinds == ErrorKind::Server {
            assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
            let slept = clock.slept().len() - before;
            assert_eq!(slept, (2 * attempts - 1) as usize, "{deadline}");
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_lengthen_the_deadline_by_more_than_attempts() {
    let clock = ManualClock::default();
    let bucket = MockBucket::new().with_runtime(Arc::new(clock.clone()));
    bucket.head.answers(move |_| {
        clock.set(UNIX_EPOCH + Duration::from_secs(1_000));
        async {
            Err(Error::from_status(StatusCode::SERVICE_UNAVAILABLE, "Busy")
                .with_retry_after(Duration::from_secs(4)))
        }
    });
    let service = R2Service::new(bucket).with_deadline(Duration::from_secs(10));
    let error = service.head("k").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Server, 3), "{error}");
}

#[tokio::test(start_paused = true)]
async fn max_concurrency_bounds_the_operations_under_way() {
    let slow = MockBucket::new().with_runtime(TokioRuntime);
    slow.head.delays(Duration::from_secs(1));
    slow.head.answers(|_| async { Ok(None) });
    let service = R2Service::new(slow).with_max_concurrency(2);
    let begin = tokio::time::Instant::now();
    let heads = (0..6).map(|_| service.head("k").into_future());
    future::try_join_all(heads).await.unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(3));
}

/// A bucket that never answers a head.
fn hanging() -> MockBucket {
    let bucket = MockBucket::new().with_runtime(TokioRuntime);
    bucket.head.answers(|_| future::pending());
    bucket
}

#[tokio::test]
async fn the_etag_of_a_completed_upload_is_that_of_its_parts() {
    let parts = [Bytes::from(vec![1; 5 << 20]), Bytes::from_static(b"end")];
    let md5s = parts.each_ref().map(|part| Checksum::of(ChecksumAlgorithm::Md5, part));
    let of_bytes = md5(&md5s.map(|md5| md5.as_bytes().to_vec()).concat());
    let of_digits = md5(md5s.map(|md5| md5.to_hex()).concat().as_bytes());
    let wrong = "0".repeat(32);
    for (etag, uploaded_here, resumed, unverified) in [
        (format!("{of_bytes}-2"), true, true, true),
        // The form of Garage.
        (format!("{of_digits}-2"), true, true, true),
        // Nobody can tell whether it is correct.
        ("etag".to_owned(), true, true, true),
        (format!("{wrong}-2"), false, true, true),
        (format!("{wrong}-9"), false, false, true),
        (format!("{of_bytes}-1"), false, false, true),
    ] {
        let bucket = Arc::new(MockBucket::new());
        bucket.upload_part.answers(|request| async move {
            Ok(UploadedPart::new(request.part_number, md5(&request.body.bytes().await?)))
        });
        let answered = etag.clone();
        bucket.complete_multipart_upload.answers(move |request| {
            let stored = StoredObject::new(request.key, answered.clone());
            async { Ok(stored) }
        });
        let service = R2Service::new(Arc::clone(&bucket));
        let upload = service.resume_multipart_upload("k", "id");
        for (number, part) in (1..).zip(&parts) {
            upload.upload_part(number, part.clone()).await.unwrap();
        }
        let uploaded = upload.uploaded_here();
        let unverifying = service.clone().with_verification(false).resume_multipart_upload("k", "id");
        for (upload, good) in [
            (upload, uploaded_here),
            (service.resume_multipart_upload("k", "id"), resumed),
            (unverifying, unverified),
        ] {
            let completed = upload.complete(uploaded.clone()).await;
            let kind = completed.err().map(|error| error.kind());
            assert_eq!(kind, (!good).then_some(ErrorKind::Integrity), "{etag}");
        }
    }
}

#[tokio::test]
async fn a_copy_has_the_etag_that_its_source_must_have() {
    for (source, copy, good) in [
        (md5(b"a"), md5(b"a"), true),
        (md5(b"a"), md5(b"b"), false),
        (md5(b"a"), format!("{}-1", md5(b"b")), true),
    ] {
        let bucket = MockBucket::new();
        bucket.copy.answers(move |request| {
            let copied = StoredObject::new(request.key, copy.clone());
            async { Ok(copied) }
        });
        let copy =
            R2Service::new(bucket).copy("a", "b").source_only_if(Conditional::new().etag_matches(&source));
        assert_eq!(copy.await.err().map(|error| error.kind()), (!good).then_some(ErrorKind::Integrity));
    }
}

#[tokio::test]
async fn errors_of_reading_name_the_object_and_are_not_the_clients_fault() {
    let (service, _) = ScriptedBucket::holding("abc").service();
    let not_json = service.get("k").json::<u8>().await.unwrap_err();
    assert_eq!((not_json.kind(), not_json.http_status().as_u16()), (ErrorKind::Serialization, 500));
    let not_utf8 = ScriptedBucket::holding("").service().0;
    not_utf8.put("k", vec![0xff]).await.unwrap();
    let not_utf8 = not_utf8.get("k").text().await.unwrap_err();
    assert_eq!((not_utf8.kind(), not_utf8.http_status().as_u16()), (ErrorKind::Serialization, 500));
    let too_long = service.get("k").await.unwrap().unwrap().body.limit(2).bytes().await.unwrap_err();
    assert_eq!((too_long.kind(), too_long.code()), (ErrorKind::InvalidInput, Some("EntityTooLarge")));
    assert_eq!(too_long.http_status().as_u16(), 500);

    let damaged = || vec![Ok("abd".into())];
    let bucket = ScriptedBucket::holding("abc").with_body(damaged()).with_body(damaged());
    let twice = bucket.service().0.get("k").bytes().await.unwrap_err();
    assert_eq!((twice.kind(), twice.attempts()), (ErrorKind::Integrity, 2));
    assert!(twice.to_string().ends_with("(after 2 attempts)"), "{twice}");
    for error in [not_json, not_utf8, too_long, twice] {
        assert_eq!((error.operation(), error.key()), (Some("get"), Some("k")), "{error}");
        assert!(error.attempts() > 0, "{error}");
    }
}

#[tokio::test]
async fn a_broken_body_to_send_is_the_error_of_its_stream() {
    let gone = || Error::new(ErrorKind::Connection, "the client went away");
    for length in [Some(7), None] {
        let pieces = [Ok(Bytes::from_static(b"con")), Err(gone())];
        let bucket = ScriptedBucket::holding("old");
        let put = bucket.service().0.put("k", Body::from_stream(stream::iter(pieces), length)).await;
        let error = put.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidInput, "the client went away"));
        assert_eq!((error.http_status().as_u16(), error.is_retryable()), (400, false));
        assert_eq!((error.operation(), error.key()), (Some("put"), Some("k")));
        assert!(bucket.calls().len() <= 1);
    }
    // An error of another bucket's request is not the client's.
    for (broken, kind) in
        [(gone(), ErrorKind::Connection), (Error::new(ErrorKind::Integrity, "damaged"), ErrorKind::Integrity)]
    {
        let source = ScriptedBucket::holding("content").with_body(vec![Err(broken)]);
        let source = source.service().0.with_retry(RetryPolicy::none());
        let body = source.get("source").await.unwrap().unwrap().body;
        let error = ScriptedBucket::holding("old").service().0.put("k", body).await.unwrap_err();
        assert_eq!((error.kind(), error.http_status().as_u16()), (kind, 502), "{error}");
        assert_eq!((error.operation(), error.key()), (Some("get"), Some("source")));
    }
}

#[tokio::test]
async fn a_copy_says_what_it_was_given() {
    let bucket = MockBucket::new();
    bucket.copy.answers(|request| async move { Ok(StoredObject::new(request.key, "etag")) });
    let service = R2Service::new(bucket);
    let copied = service.copy("a", "b").content_type("video/mp4").metadata("by", "me");
    let copied = copied.storage_class(r2::StorageClass::InfrequentAccess).await.unwrap();
    assert_eq!(copied.http_metadata, Some(HttpMetadata::new().content_type("video/mp4")));
    assert_eq!(copied.custom_metadata.unwrap().get("by"), Some("me"));
    assert_eq!(copied.storage_class, Some(r2::StorageClass::InfrequentAccess));
    let copied = service.copy("a", "b").await.unwrap();
    assert_eq!((copied.http_metadata, copied.custom_metadata, copied.storage_class), (None, None, None));
}

#[tokio::test]
async fn failures_of_single_keys_name_the_method_that_was_called() {
    let bucket = MockBucket::new();
    bucket.delete_many.answers(|_| async {
        Ok(vec![
            Err(Error::from_status(StatusCode::FORBIDDEN, "Forbidden")),
            Err(Error::from_status(StatusCode::INTERNAL_SERVER_ERROR, "Server Error")),
        ])
    });
    bucket.delete.fails(Error::from_status(StatusCode::INTERNAL_SERVER_ERROR, "Server Error"));
    let service = R2Service::new(bucket);
    let outcomes = service.delete_many(["a", "b"]).await.unwrap();
    let failed: Vec<_> = outcomes.failed().collect();
    assert_eq!(failed.len(), 2);
    for (key, error) in failed {
        assert_eq!((error.operation(), error.key()), (Some("delete_many"), Some(key)));
        assert!(error.attempts() > 0, "{error}");
    }
    let whole = MockBucket::new();
    whole.delete_many.fails(Error::from_status(StatusCode::FORBIDDEN, "Forbidden"));
    let outcomes = R2Service::new(whole).delete_many(["a"]).await.unwrap();
    let (_, error) = outcomes.failed().next().unwrap();
    assert_eq!((error.operation(), error.key(), error.attempts()), (Some("delete_many"), Some("a"), 1));
    let invalid = service.delete_many(["a", ""]).await.unwrap_err();
    assert_eq!((invalid.operation(), invalid.key()), (Some("delete_many"), Some("")));
}

#[tokio::test]
async fn every_deleted_key_has_a_result() {
    let bucket = MockBucket::new();
    bucket.delete_many.answers(|_| async { Ok(vec![Ok(())]) });
    let outcome = R2Service::new(bucket).delete_many(["a", "b"]).await.unwrap();
    assert_eq!((outcome.results.len(), outcome.succeeded().count(), outcome.failed().count()), (2, 0, 2));
}

#[tokio::test]
async fn requests_can_be_spawned() {
    let (service, _) = ScriptedBucket::holding("abc").service();
    let upload = service.resume_multipart_upload("k", "id");
    let results = (
        tokio::spawn(service.head("k").into_future()),
        tokio::spawn(service.delete("k").into_future()),
        tokio::spawn(service.delete_many(["k"]).into_future()),
        tokio::spawn(upload.upload_part(1, "x").into_future()),
        tokio::spawn(upload.list_parts().into_future()),
        tokio::spawn(upload.abort().into_future()),
        tokio::spawn(service.put("k", "x").into_future()),
        tokio::spawn(upload.complete([]).into_future()),
    );
    drop((service, upload));
    assert!(results.0.await.unwrap().unwrap().is_some());
}

#[test]
fn everything_can_be_shared_and_sent() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<R2Service>();
    shared::<Body>();
    shared::<ObjectBody>();
    shared::<r2::ByteStream>();
    shared::<r2::Get>();
    shared::<r2::Put>();
    shared::<r2::List>();
    shared::<r2::CopyObject>();
    shared::<r2::CreateMultipartUpload>();
    shared::<r2::MultipartUpload>();
    shared::<r2::CompleteMultipartUpload>();
    shared::<r2::ListMultipartUploads>();
    shared::<r2::Presign>();
    shared::<r2::SignedUrl>();
    shared::<r2::R2SigningClient>();
    shared::<r2::R2SigningConfig>();
    shared::<r2::Outcomes<()>>();
}

#[tokio::test]
async fn a_bucket_without_a_delete_of_many_deletes_one_by_one() {
    let bucket = Arc::new(MockBucket::new());
    bucket.delete.answers(|request| async move {
        if request.key == "b" { Err(Error::new(ErrorKind::Forbidden, "not this one")) } else { Ok(()) }
    });
    let outcomes = R2Service::new(bucket.clone()).delete_many(["a", "b", "c"]).await.unwrap();
    assert_eq!(outcomes.succeeded().map(|(key, ())| key).collect::<Vec<_>>(), ["a", "c"]);
    let (key, error) = outcomes.failed().next().unwrap();
    assert_eq!((key, error.key(), error.operation()), ("b", Some("b"), Some("delete_many")));
    assert_eq!((bucket.delete_many.calls(), bucket.delete.calls()), (1, 3));
}

#[tokio::test]
async fn metadata_that_is_set_together_keeps_what_was_set_alone() {
    let bucket = Arc::new(MockBucket::new());
    bucket.put.answers(|request| async move { Ok(StoredObject::new(request.key, md5(b"v"))) });
    let service = R2Service::new(bucket);
    let http = HttpMetadata::new().cache_control("no-store").content_language("de");
    let stored = service
        .put("k", "v")
        .content_type("text/plain")
        .content_language("en")
        .content_encoding("identity")
        .content_disposition("inline")
        .cache_expiry(UNIX_EPOCH)
        .metadata("a", "1")
        .http_metadata(http)
        .custom_metadata([("b", "2")].into_iter().collect())
        .await
        .unwrap();
    let expected = HttpMetadata::new()
        .content_type("text/plain")
        .content_language("de")
        .content_encoding("identity")
        .content_disposition("inline")
        .cache_control("no-store")
        .cache_expiry(UNIX_EPOCH);
    assert_eq!(stored.http_metadata, Some(expected));
    let custom = stored.custom_metadata.unwrap();
    assert_eq!(custom.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
}

#[tokio::test]
async fn a_copy_replaces_metadata_once_a_field_is_set() {
    let bucket = Arc::new(MockBucket::new());
    bucket.copy.answers(|request| async move {
        let replaced = request.replace_metadata.map_or("as it is".to_owned(), |metadata| {
            format!("{:?} {:?}", metadata.http_metadata.content_type, metadata.custom_metadata.get("n"))
        });
        Ok(StoredObject::new(request.key, replaced))
    });
    let r2 = R2Service::new(bucket);
    assert_eq!(r2.copy("a", "b").await.unwrap().etag, "as it is");
    let copied = r2.copy("a", "b").content_type("text/plain").metadata("n", "v").await.unwrap();
    assert_eq!(copied.etag, r#"Some("text/plain") Some("v")"#);
    assert_eq!(r2.copy("a", "b").replace_metadata().await.unwrap().etag, "None None");
}
