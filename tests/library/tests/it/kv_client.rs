//! The behaviour that `KvClient` adds to a namespace, over a namespace that fails as scripted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloudflare_clients::bytes::Bytes;
use cloudflare_clients::http::StatusCode;
use cloudflare_clients::kv::{
    DeleteManyRequest, DeleteRequest, GetManyRequest, GetRequest, KvClient, ListPage, ListRequest, ListedKey,
    PutManyRequest, PutRequest, ValueWithMetadata,
};
use cloudflare_clients::r2::Body;
use cloudflare_clients::testing::MockNamespace;
use cloudflare_clients::{Error, ErrorKind, Result, RetryPolicy, Runtime, TokioRuntime};
use futures_util::{FutureExt as _, TryStreamExt as _, future, stream};
use testkit::{ManualClock, mock};

/// Every key has the value `value`. Each call first takes the next error of the script.
#[derive(Debug, Default)]
struct Scripted {
    script: Mutex<VecDeque<Error>>,
    calls: Mutex<Vec<String>>,
    /// How the bodies of the next gets fail, before they are complete.
    cut: Mutex<VecDeque<&'static str>>,
    /// The keys that each bulk write reports as failed, and their errors.
    refused: Mutex<VecDeque<Vec<(&'static str, ErrorKind)>>>,
    pages: Mutex<VecDeque<ListPage>>,
    /// Whether bulk writes are scripted separately.
    has_bulk_writes: bool,
}

impl Scripted {
    fn failing(self, times: u32, status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        let errors = (0..times).map(|_| Error::from_status(status, "Server Error"));
        self.script.lock().unwrap().extend(errors);
        self
    }

    fn with_bulk_writes(refused: impl IntoIterator<Item = Vec<(&'static str, ErrorKind)>>) -> Self {
        let refused = Mutex::new(refused.into_iter().collect());
        Self { has_bulk_writes: true, refused, ..Self::default() }
    }

    fn client(self) -> (Arc<Self>, KvClient, ManualClock) {
        let (namespace, clock) = (Arc::new(self), ManualClock::default());
        let mut mock = mock!(MockNamespace, namespace => get, get_many, put, delete, list);
        if namespace.has_bulk_writes {
            mock = mock!(MockNamespace, namespace => get, get_many, put, delete, list, put_many, delete_many);
        }
        let client = KvClient::new(mock.with_runtime(clock.clone()));
        (namespace, client, clock)
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn step(&self, call: impl Into<String>) -> Result<()> {
        self.calls.lock().unwrap().push(call.into());
        self.script.lock().unwrap().pop_front().map_or(Ok(()), Err)
    }

    fn bulk<'k>(
        &self,
        operation: &str,
        keys: impl Iterator<Item = &'k str> + Clone,
    ) -> Result<Vec<Result<()>>> {
        self.step(format!("{operation} {}", keys.clone().collect::<Vec<_>>().join(",")))?;
        let refused = self.refused.lock().unwrap().pop_front().unwrap_or_default();
        let outcome = |key| match refused.iter().find(|(refused, _)| *refused == key) {
            Some((_, kind)) => Err(Error::new(*kind, "not this time")),
            None => Ok(()),
        };
        Ok(keys.map(outcome).collect())
    }
}

#[allow(clippy::unused_async, reason = "they answer for operations, which are async")]
impl Scripted {
    async fn get(&self, request: GetRequest) -> Result<Option<Body>> {
        self.step(format!("get {}", request.key))?;
        let Some(half) = self.cut.lock().unwrap().pop_front() else { return Ok(Some("value".into())) };
        let pieces = [Ok(Bytes::from(half)), Err(Error::new(ErrorKind::Connection, "connection reset"))];
        Ok(Some(Body::from_stream(stream::iter(pieces), Some(5))))
    }

    async fn get_many(
        &self,
        request: GetManyRequest,
    ) -> Result<Vec<Result<Option<ValueWithMetadata<String>>>>> {
        self.step(format!("get of {}", request.keys.len()))?;
        Ok(request.keys.into_iter().map(|key| Ok(Some(ValueWithMetadata::new(key)))).collect())
    }

    async fn put(&self, request: PutRequest) -> Result<()> {
        let expiry = request.expiration_ttl.map(|ttl| format!(" for {ttl:?}")).unwrap_or_default();
        let metadata = request.metadata.map(|metadata| format!(" with {metadata:?}")).unwrap_or_default();
        let value = request.value.text().await?;
        self.step(format!("put {} {value}{expiry}{metadata}", request.key))
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        self.step(format!("delete {}", request.key))
    }

    async fn put_many(&self, request: PutManyRequest) -> Result<Vec<Result<()>>> {
        self.bulk("put_many", request.puts.iter().map(|put| put.key.as_str()))
    }

    async fn delete_many(&self, request: DeleteManyRequest) -> Result<Vec<Result<()>>> {
        self.bulk("delete_many", request.keys.iter().map(String::as_str))
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        self.step(format!("list {:?}", request.cursor))?;
        Ok(self.pages.lock().unwrap().pop_front().unwrap())
    }
}

#[tokio::test]
async fn failures_are_retried_with_growing_delays() {
    let (namespace, kv, clock) = Scripted::default().failing(2, 500).client();
    assert_eq!(kv.get("k").text().await.unwrap().as_deref(), Some("value"));
    assert_eq!(namespace.calls().len(), 3);
    assert_eq!(clock.slept(), [100, 200].map(Duration::from_millis));
}

#[tokio::test]
async fn a_429_waits_a_second_unless_the_policy_says_otherwise() {
    let (_, kv, clock) = Scripted::default().failing(2, 429).client();
    kv.put("k", "v").await.unwrap();
    assert_eq!(clock.slept(), [1250, 2000].map(Duration::from_millis));

    let (_, kv, clock) = Scripted::default().failing(2, 429).client();
    let hasty = RetryPolicy::default().rate_limit_delay(Duration::ZERO);
    kv.with_retry(hasty).put("k", "v").await.unwrap();
    assert_eq!(clock.slept(), [100, 200].map(Duration::from_millis));
}

#[tokio::test]
async fn the_last_error_says_how_often_and_why() {
    for (policy, attempts) in [(RetryPolicy::default(), 4), (RetryPolicy::none(), 1)] {
        let (namespace, kv, _) = Scripted::default().failing(9, 500).client();
        let error = kv.with_retry(policy).delete("k").await.unwrap_err();
        assert_eq!((error.attempts(), namespace.calls().len()), (attempts, attempts as usize));
        assert!(error.to_string().starts_with("delete \"k\": 500 Server Error"), "{error}");
    }
    for status in [400, 401, 403, 413, 414] {
        let (_, kv, _) = Scripted::default().failing(9, status).client();
        let error = kv.get("k").text().await.unwrap_err();
        assert_eq!((error.status().unwrap().as_u16(), error.attempts()), (status, 1));
    }
}

#[tokio::test]
async fn bad_input_never_reaches_the_namespace() {
    let (namespace, kv, clock) = Scripted::default().client();
    let now = clock.now();
    let second = Duration::from_secs(1);
    let errors = [
        kv.get("").await.unwrap_err(),
        kv.get("k".repeat(513)).text().await.unwrap_err(),
        kv.get(".").bytes().await.unwrap_err(),
        kv.get("k").cache_ttl(29 * second).text().await.unwrap_err(),
        kv.get_many(["k", ".."]).text().await.unwrap_err(),
        kv.get_many(["k"]).cache_ttl(second).bytes().await.unwrap_err(),
        kv.put("k", vec![0; 25 * 1024 * 1024 + 1]).await.unwrap_err(),
        kv.put("k", "v").metadata(&"m".repeat(1023)).await.unwrap_err(),
        kv.put("k", "v").expiration_ttl(59 * second).await.unwrap_err(),
        kv.put("k", "v").expiration(now + 59 * second).await.unwrap_err(),
        kv.put_many([("k", "v"), ("", "v")]).await.unwrap_err(),
        kv.delete("..").await.unwrap_err(),
        kv.delete_many(["k", ""]).await.unwrap_err(),
        kv.list().page_size(1001).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0), "{error}");
        assert!(error.operation().is_some(), "{error}");
    }
    let unserialisable = std::collections::HashMap::from([((1, 2), 3)]);
    for put in [kv.put_json("k", &unserialisable), kv.put("k", "v").metadata(&unserialisable)] {
        assert_eq!(put.await.unwrap_err().kind(), ErrorKind::Serialization);
    }
    assert_eq!(namespace.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_read_whole_is_read_again_and_a_stream_is_not() {
    let (namespace, kv, _) = Scripted::default().client();
    namespace.cut.lock().unwrap().extend(["val", "v"]);
    assert_eq!(kv.get("k").text().await.unwrap().as_deref(), Some("value"));
    assert_eq!(namespace.calls().len(), 3);
    namespace.cut.lock().unwrap().push_back("val");
    let body = kv.get("k").await.unwrap().unwrap();
    assert_eq!(body.text().await.unwrap_err().kind(), ErrorKind::Connection);
}

#[tokio::test]
async fn a_stream_is_read_once_and_sent_as_often_as_needed() {
    let (namespace, kv, _) = Scripted::default().failing(1, 500).client();
    let body = Body::from_stream(stream::iter(["a", "b"].map(|piece| Ok(Bytes::from(piece)))), None);
    let put = kv.put("k", body).expiration_ttl(Duration::from_secs(90)).metadata(&[1]);
    put.await.unwrap();
    assert_eq!(namespace.calls(), vec!["put k ab for 90s with Metadata([1])"; 2]);
}

#[tokio::test]
async fn null_is_no_metadata() {
    let (namespace, kv, _) = Scripted::default().client();
    kv.put("k", "v").metadata(&None::<u32>).await.unwrap();
    assert_eq!(namespace.calls(), ["put k v"]);
}

#[tokio::test]
async fn keys_are_read_by_the_hundred_and_a_request_that_fails_fails_its_own() {
    let (namespace, kv, _) = Scripted::default().client();
    namespace.script.lock().unwrap().push_back(Error::from_status(StatusCode::FORBIDDEN, "Forbidden"));
    let kv = kv.with_max_concurrency(1);
    let found = kv.get_many((0..250).map(|n| n.to_string())).text().await.unwrap();
    assert_eq!(namespace.calls(), ["get of 100", "get of 100", "get of 50"]);
    assert!(
        found
            .failed()
            .map(|(key, error)| (key.to_owned(), error.kind()))
            .eq((0..100).map(|n| (n.to_string(), ErrorKind::Forbidden)))
    );
    assert!(found.succeeded().all(|(key, value)| value.as_deref() == Some(key)));
    assert_eq!(found.succeeded().count(), 150);
}

#[tokio::test]
async fn keys_that_were_not_written_are_sent_again_alone() {
    let refused = [
        vec![("b", ErrorKind::Server), ("c", ErrorKind::Forbidden), ("d", ErrorKind::Server)],
        vec![("d", ErrorKind::RateLimited)],
    ];
    let (namespace, kv, clock) = Scripted::with_bulk_writes(refused).client();
    let outcomes = kv.put_many(["a", "b", "c", "d"].map(|key| (key, "v"))).await.unwrap();
    assert_eq!(namespace.calls(), ["put_many a,b,c,d", "put_many b,d", "put_many d"]);
    assert_eq!(clock.slept(), [100, 2000].map(Duration::from_millis));
    assert_eq!(outcomes.succeeded().map(|(key, ())| key).collect::<Vec<_>>(), ["a", "b", "d"]);
    let (key, error) = outcomes.failed().next().unwrap();
    assert_eq!(
        (key, error.kind(), error.key(), error.operation()),
        ("c", ErrorKind::Forbidden, Some("c"), Some("put_many"))
    );

    let (namespace, kv, _) = Scripted::with_bulk_writes([vec![("a", ErrorKind::Server)]]).client();
    assert_eq!(kv.delete_many(["a", "b"]).await.unwrap().failed().count(), 0);
    assert_eq!(namespace.calls(), ["delete_many a,b", "delete_many a"]);
}

#[tokio::test]
async fn a_bulk_request_that_fails_is_sent_again_whole() {
    let (namespace, kv, _) = Scripted::with_bulk_writes([]).failing(4, 500).client();
    let outcomes = kv.put_many([("a", "v"), ("b", "v")]).await.unwrap();
    assert_eq!(namespace.calls(), vec!["put_many a,b"; 4]);
    assert_eq!(outcomes.failed().filter(|(_, error)| error.attempts() == 4).count(), 2);
}

#[tokio::test]
async fn bulk_requests_have_as_many_keys_and_bytes_as_kv_takes() {
    let (namespace, kv, _) = Scripted::with_bulk_writes([]).client();
    kv.delete_many((0..10_001).map(|n| n.to_string())).await.unwrap().all().unwrap();
    let lengths: Vec<_> = namespace.calls().iter().map(|call| call.split(',').count()).collect();
    assert_eq!(lengths, [10_000, 1]);

    let (namespace, kv, _) = Scripted::with_bulk_writes([]).client();
    // 35 MB each in Base64.
    let large = vec![0xff; 25 * 1024 * 1024];
    let pairs = ["a", "b", "c", "d", "e"].map(|key| (key, large.clone()));
    kv.put_many(pairs).await.unwrap().all().unwrap();
    assert_eq!(namespace.calls(), ["put_many a,b", "put_many c,d", "put_many e"]);
}

#[tokio::test]
async fn a_pair_that_expires_too_soon_while_others_are_written_fails_alone() {
    let (namespace, kv, clock) = Scripted::with_bulk_writes([]).failing(1, 500).client();
    // The retry of the first request waits for a tenth of a second.
    let at = clock.now() + Duration::from_millis(60_050);
    let pairs = (0..10_000).map(|n| PutRequest::new(n.to_string(), "v"));
    let last = [PutRequest::new("late", "v").expiration(at), PutRequest::new("good", "v")];
    let outcomes = kv.put_many(pairs.chain(last)).await.unwrap();
    let failed = outcomes.failed().map(|(key, error)| (key, error.kind(), error.attempts()));
    assert_eq!(failed.collect::<Vec<_>>(), [("late", ErrorKind::InvalidInput, 0)]);
    assert_eq!(outcomes.results[10_001].0, "good");
    assert_eq!(namespace.calls().last().unwrap(), "put_many good");
}

#[tokio::test]
async fn without_bulk_writes_keys_are_written_one_by_one() {
    let (namespace, kv, _) = Scripted::default().failing(1, 500).client();
    kv.put_many([PutRequest::new("a", "1").metadata(&1).unwrap(), PutRequest::new("b", "2")])
        .await
        .unwrap()
        .all()
        .unwrap();
    kv.delete_many(["a", "b"]).await.unwrap().all().unwrap();
    assert_eq!(
        namespace.calls(),
        ["put a 1 with Metadata(1)", "put b 2", "put a 1 with Metadata(1)", "delete a", "delete b"]
    );
}

#[tokio::test]
async fn listings_go_on_until_they_are_complete() {
    let page = |keys: &[&str], cursor: Option<&str>| {
        let page = ListPage::new(keys.iter().map(|name| ListedKey::new(*name)).collect());
        match cursor {
            Some(cursor) => page.truncated_at(cursor),
            None => page,
        }
    };
    let (namespace, kv, _) = Scripted::default().client();
    namespace.pages.lock().unwrap().extend([
        page(&["a"], Some("1")),
        page(&[], Some("2")),
        page(&[], Some("3")),
        page(&["b"], None),
    ]);
    let keys: Vec<_> = kv.list().stream().map_ok(|key| key.name).try_collect().await.unwrap();
    assert_eq!(keys, ["a", "b"]);

    // A cursor that leads back to the start of its page would never end.
    namespace.pages.lock().unwrap().extend([page(&["a"], Some("1")), page(&[], Some("1"))]);
    let error = kv.list().stream().try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    let circle = ["1", "2", "1"].map(|cursor| page(&["a"], Some(cursor)));
    namespace.pages.lock().unwrap().extend(circle);
    let error = kv.list().stream().try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    let empty = (0..1000).map(|number: u32| page(&[], Some(&number.to_string())));
    namespace.pages.lock().unwrap().extend(empty);
    let error = kv.list().stream().try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    assert!(namespace.pages.lock().unwrap().is_empty());
    let mut endless = page(&[], None);
    endless.list_complete = false;
    namespace.pages.lock().unwrap().push_back(endless);
    let error = kv.list().pages().try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::UnexpectedResponse, Some("list")));
}

#[tokio::test]
async fn a_deadline_ends_an_operation() {
    let silent = MockNamespace::new().with_runtime(TokioRuntime);
    silent.delete.answers(|_| future::pending());
    let kv = KvClient::new(silent).with_deadline(Duration::from_millis(20));
    let error = kv.delete("k").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 1));
    assert_eq!(kv.get("k").text().await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn everything_can_be_spawned_and_shared() {
    fn spawn<T: Send + 'static>(_: T) {}
    fn share<T: Clone + Send + Sync + 'static>(_: &T) {}
    let (_, kv, _) = Scripted::default().client();
    share(&kv);
    spawn(kv.get("k").text());
    spawn(kv.get("k").json::<u32>());
    spawn(kv.get("k").into_future());
    spawn(kv.get_with_metadata("k").bytes());
    spawn(kv.get_many(["k"]).json::<u32>());
    spawn(kv.get_many_with_metadata(["k"]).bytes());
    spawn(kv.put("k", "v").into_future());
    spawn(kv.put_many([("k", "v")]).into_future());
    spawn(kv.delete_many(["k"]).into_future());
    spawn(kv.list().stream());
    spawn(kv.list().into_future().boxed());
}
