//! Reading objects. Interrupted downloads are resumed, and whole objects are verified.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream, TryStreamExt};
use futures_util::{FutureExt as _, TryFutureExt as _};
use serde::de::DeserializeOwned;

use crate::body::{ByteStream, Refetch};
use crate::client::attempts::Attempts;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::{Checksum, Conditional, GetRequest, HeadRequest, ObjectBody, Range, ServedRange};
use crate::mutation::{Mutation, is_mutated};
use crate::r2::ops::http_request::{ClientRange, HttpRequest};
use crate::r2::ops::setters::ssec_key_setter;
use crate::r2::service::R2Service;
use crate::r2::side_hasher::SideHasher;
use crate::r2::verify::verifier;
use crate::retry::RetryDecision;

impl R2Service {
    /// Reads an object, or a range of it: `r2.get(key).range(0..1024).await?`.
    pub fn get(&self, key: impl Into<String>) -> Get {
        let only_if = Ok(Conditional::default());
        Get { service: self.clone(), request: GetRequest::new(key), only_if, client_range: None }
    }
}

/// A request for an object. Awaiting it returns the object, or `None` if no object has this key.
///
/// The body is received while it is read. If it is interrupted, it is resumed at the same position, as long
/// as the object has not changed, after the delays of the [`RetryPolicy`](crate::RetryPolicy). The deadline
/// of [`R2Service::with_deadline`] does not cover these delays and the reading, but it covers each request
/// for the rest separately.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Get {
    service: R2Service,
    /// Without the conditions.
    request: GetRequest,
    only_if: Result<Conditional>,
    /// The range of a client's request, if HTTP decides whether it applies.
    client_range: Option<ClientRange>,
}

impl Get {
    ssec_key_setter!(service);

    /// Sets the bytes to read: `0..1024`, `1024..`, or [`Range::Suffix`].
    pub fn range(mut self, range: impl Into<Range>) -> Self {
        self.request.range = Some(range.into());
        self.client_range = None;
        self
    }

    /// Sets the part to read instead of a range, for an object that was uploaded in parts: 1 to the number of
    /// parts.
    ///
    /// The object's [`range`](crate::r2::Object::range) and [`parts_count`](crate::r2::Object::parts_count)
    /// are the same as with [`Head::part_number`](crate::r2::Head::part_number).
    pub fn part_number(mut self, part_number: u16) -> Self {
        self.request.part_number = Some(part_number);
        self
    }

    /// Sets conditions on the object. If they do not hold, the get fails with
    /// [`ErrorKind::PreconditionFailed`] or [`ErrorKind::NotModified`].
    pub fn only_if(mut self, only_if: Conditional) -> Self {
        self.only_if = Ok(only_if);
        self
    }

    /// Applies the range and the conditions of a client's request: `Range`, `If-Range`, `If-Match`,
    /// `If-None-Match`, `If-Modified-Since` and `If-Unmodified-Since`, as
    /// [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-13) specifies.
    ///
    /// Respond with [`ObjectBody::into_http_response`], or for errors with
    /// [`Error::into_http_response`](crate::Error::into_http_response): 304 or 412 if a condition does not
    /// hold, 416 if the object does not have the bytes (no object has those of `bytes=-0`), and 400 if a list
    /// of etags is malformed, such as one without quotes.
    ///
    /// The client gets the whole object if
    ///
    /// - `If-Range` has another etag or date than the object, a weak etag, or the date of an object that was
    ///   uploaded in the current second, which another object may share. R2 does not get `If-Range`, and the
    ///   range is requested first, so this costs a second request, and a third one if the object does not
    ///   have the bytes. Each request has [the deadline](R2Service::with_deadline) for itself.
    /// - the `Range` is malformed, has several ranges, or came with a method other than GET. So a handler
    ///   that also answers HEAD requests, such as an axum route, can use a get.
    /// - the range is the last bytes of an empty object.
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, http, r2::R2Service};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// r2.put("notes.txt", "0123456789").await?;
    /// let request = http::Request::get("/notes.txt").header("range", "bytes=2-4").body(()).unwrap();
    /// let (parts, ()) = request.into_parts();
    /// let object = r2.get("notes.txt").http_request(&parts).await?;
    /// assert_eq!(object.unwrap().text().await?, "234");
    /// # Ok(()) }
    /// ```
    pub fn http_request(self, request: &http::request::Parts) -> Self {
        self.asked_by(HttpRequest::of_parts(request))
    }

    /// Like [`http_request`](Self::http_request), for a request to a Worker.
    #[cfg(all(feature = "workers", target_arch = "wasm32"))]
    pub fn worker_request(self, request: &worker::Request) -> Self {
        self.asked_by(HttpRequest::of_worker(request))
    }

    fn asked_by(mut self, client: HttpRequest) -> Self {
        self.only_if = client.only_if;
        self.request.range = client.range.as_ref().and_then(ClientRange::to_ask_for);
        self.client_range = client.range;
        self
    }

    /// Reads all bytes: [`Body::bytes`](crate::r2::Body::bytes). `None` if no object has this key.
    ///
    /// # Errors
    /// Those of the get, and of reading the body.
    pub async fn bytes(self) -> Result<Option<Bytes>> {
        match self.await? {
            Some(object) => object.bytes().await.map(Some),
            None => Ok(None),
        }
    }

    /// Reads all bytes as UTF-8: [`Body::text`](crate::r2::Body::text). `None` if no object has this key.
    ///
    /// # Errors
    /// As for [`bytes`](Self::bytes).
    pub async fn text(self) -> Result<Option<String>> {
        match self.await? {
            Some(object) => object.text().await.map(Some),
            None => Ok(None),
        }
    }

    /// Reads all bytes as JSON: [`Body::json`](crate::r2::Body::json). `None` if no object has this key.
    ///
    /// # Errors
    /// As for [`bytes`](Self::bytes).
    pub async fn json<T: DeserializeOwned>(self) -> Result<Option<T>> {
        match self.await? {
            Some(object) => object.json().await.map(Some),
            None => Ok(None),
        }
    }

    async fn send(self) -> Result<Option<ObjectBody>> {
        let Self { service, mut request, only_if, mut client_range } = self;
        request.ssec_key = service.ssec_key().cloned();
        let key = request.key.clone();
        let operation = Operation::new("get", &key);
        request.only_if = operation.check(only_if)?;
        operation.check(request.validate())?;
        loop {
            let found = match &client_range {
                Some(asked) if request.range.is_none() => {
                    nothing(&service, &operation, &request, asked.range).await
                }
                _ => service.attempts().run(&operation, || Some(attempt(&service, request.clone()))).await,
            };
            if let Some(range) = client_range.take()
                && range.is_void(&found, service.runtime().now())
            {
                request.range = None;
                continue;
            }
            return Ok(found?.map(|found| Download::new(&service, &key, &found).begin(found)));
        }
    }
}

sent_when_awaited!(Get => Option<ObjectBody>);

/// Makes one attempt, and records the number of expected bytes in the operation's span.
fn attempt(service: &R2Service, request: GetRequest) -> BoxFuture<'_, Result<Option<ObjectBody>>> {
    let get = service.bucket().get(request);
    get.map_ok(|mut found| {
        if let Some(found) = &mut found {
            let bytes = found.range.map_or(found.size, |range| range.length);
            tracing::Span::current().record("bytes", bytes);
            let md5 = &mut found.object.ssec_key_md5;
            *md5 = md5.take().or_else(|| service.ssec_key_md5());
        }
        found
    })
    .boxed()
}

/// The result of a request for no bytes, which is not sent to a bucket: unsatisfiable, unless a condition
/// decides first.
async fn nothing(
    service: &R2Service,
    operation: &Operation<'_>,
    request: &GetRequest,
    range: Range,
) -> Result<Option<ObjectBody>> {
    let head = || {
        let ssec_key = request.ssec_key.clone();
        Some(service.bucket().head(HeadRequest { ssec_key, ..HeadRequest::new(&request.key) }))
    };
    let Some(object) = service.attempts().run(operation, head).await? else { return Ok(None) };
    let met = request.only_if.check_read(Some(&object));
    let unsatisfiable = met.and_then(|()| range.resolve(object.size)).map(|_| None);
    operation.check_answer(unsatisfiable.map_err(|error| error.with_object(&object)))
}

/// What is needed to resume and verify a body that is being read.
#[derive(Clone)]
struct Download {
    service: R2Service,
    key: String,
    etag: String,
    size: u64,
    /// The requested bytes of the object.
    bytes: ServedRange,
    ranged: bool,
    /// How many times the bytes were requested.
    attempts: u32,
}

/// How the bytes are verified before the last piece is returned.
enum Verification {
    /// By their checksum.
    Checksum(SideHasher, Checksum),
    /// By a second request for the object's size. If a length was damaged together with the body it looks
    /// correct, and there is no checksum to detect that. (The response to a range request has the size
    /// separately from the length.)
    Size,
}

impl Download {
    fn new(service: &R2Service, key: &str, found: &ObjectBody) -> Self {
        let whole = ServedRange { offset: 0, length: found.size };
        Self {
            service: service.clone(),
            key: key.to_owned(),
            etag: found.etag.clone(),
            size: found.size,
            bytes: found.range.unwrap_or(whole),
            ranged: found.range.is_some(),
            attempts: 1,
        }
    }

    fn verification(&self, found: &ObjectBody) -> Option<Verification> {
        if !self.service.verifies() || self.bytes.length != self.size || found.body.is_verified() {
            return None;
        }
        if let Some((hasher, checksum)) = verifier(&found.object) {
            return Some(Verification::Checksum(SideHasher::new(hasher), checksum));
        }
        let doubtful = !self.ranged && !self.service.bucket().has_reliable_transport();
        doubtful.then_some(Verification::Size)
    }

    fn begin(self, found: ObjectBody) -> ObjectBody {
        let verification = self.verification(&found);
        let ObjectBody { object, body } = found;
        if body.is_verified() && body.as_bytes().is_some() {
            return ObjectBody { object, body: body.read_by("get", &self.key) };
        }
        let (length, refetch) = (self.bytes.length, self.clone().refetch());
        let key = self.key.clone();
        let body = body.through(length, move |stream| self.stream(stream, verification));
        ObjectBody { object, body: body.with_refetch(refetch).read_by("get", &key) }
    }

    /// The received bytes, followed by those of further requests if the body ends early. If the bytes are
    /// wrong, an error replaces the last piece.
    fn stream(
        self,
        first: ByteStream,
        verification: Option<Verification>,
    ) -> impl Stream<Item = Result<Bytes>> + Send {
        struct State {
            download: Download,
            stream: ByteStream,
            done: u64,
            /// Failures since bytes last arrived.
            failures: Failures,
            verification: Option<Verification>,
        }
        let state =
            State { download: self, stream: first, done: 0, failures: Failures::default(), verification };
        stream::try_unfold(state, |mut state| async move {
            loop {
                let State { download, stream, done, failures, verification } = &mut state;
                let length = download.bytes.length;
                let error = match stream.try_next().await {
                    Ok(Some(bytes)) => {
                        *failures = Failures::default();
                        *done += bytes.len() as u64;
                        if *done > length {
                            let message =
                                format!("the service sent more than the {length} bytes that it announced");
                            return Err(download.error(Error::new(ErrorKind::Integrity, message)));
                        }
                        if let Some(Verification::Checksum(hasher, _)) = verification {
                            hasher.update(bytes.clone()).await.map_err(|error| download.error(error))?;
                        }
                        // The last piece is held back until all bytes are verified.
                        if *done == length {
                            download.verify(verification.take()).await?;
                        }
                        return Ok(Some((bytes, state)));
                    }
                    Err(error) if *done == length && !error.is_retryable() => {
                        return Err(download.error(error));
                    }
                    // All bytes have arrived. How the connection ended after them does not matter.
                    end if *done == length => {
                        if let Err(error) = end {
                            tracing::debug!(%error, "the connection broke after the last byte");
                        }
                        download.verify(verification.take()).await?;
                        return Ok(None);
                    }
                    Ok(None) => Error::new(
                        ErrorKind::Connection,
                        format!("the body ended after {done} of {length} bytes"),
                    ),
                    Err(error) => error,
                };
                *stream = download.resume(*done, failures, error).await?;
            }
        })
    }

    /// Requests the missing bytes, after the delay that the policy gives.
    async fn resume(&self, done: u64, failures: &mut Failures, error: Error) -> Result<ByteStream> {
        let Attempts { runtime, retry, .. } = self.service.attempts();
        let decision = retry.decide(&error, failures.count, failures.waited, runtime.random());
        let RetryDecision::Retry(delay) = decision else {
            return Err(self.error(error.after_attempts(failures.count + 1)));
        };
        tracing::debug!(key = self.key, done, ?delay, %error, "download interrupted; resuming");
        failures.count += 1;
        failures.waited += delay;
        runtime.sleep(delay).await;

        let early = u64::from(is_mutated(Mutation::ResumedAtWrongPlace) && done > 0);
        let rest = ServedRange { offset: self.bytes.offset + done - early, length: self.bytes.length - done };
        let range = Range::OffsetWithLength { offset: rest.offset, length: rest.length };
        match self.fetch(Some(range)).await? {
            found if found.size != self.size => Err(self.wrong_size(found.size)),
            found if found.range == Some(rest) => Ok(found.into_stream()),
            found => Err(self.error(Error::unexpected(format!(
                "the service was asked for {rest:?}, but returned {:?}",
                found.range
            )))),
        }
    }

    /// Requests the same object again, or a range of it.
    async fn fetch(&self, range: Option<Range>) -> Result<ObjectBody> {
        let only_if = Conditional::new().etag_matches(&self.etag);
        let ssec_key = self.service.ssec_key().cloned();
        let request = GetRequest { range, only_if, ssec_key, ..GetRequest::new(&self.key) };
        let operation = Operation::new("get", &self.key);
        let found =
            self.service.attempts().run(&operation, || Some(attempt(&self.service, request.clone()))).await;
        match found {
            Ok(Some(found)) if found.etag == self.etag => Ok(found),
            Err(error) if error.kind() != ErrorKind::PreconditionFailed => Err(error),
            Ok(_) => Err(self.replaced()),
            Err(error) => Err(self.replaced().with_source(error)),
        }
    }

    fn refetch(self) -> Refetch {
        let download = Arc::new(self);
        Arc::new(move || {
            let download = Arc::clone(&download);
            async move {
                let ServedRange { offset, length } = download.bytes;
                let range = download.ranged.then_some(Range::OffsetWithLength { offset, length });
                let found = download.fetch(range).await?;
                let again = Self::new(&download.service, &download.key, &found);
                let again = Self { attempts: download.attempts + 1, ..again };
                Ok(again.begin(found).body)
            }
            .boxed()
        })
    }

    async fn verify(&self, verification: Option<Verification>) -> Result<()> {
        match verification {
            None => Ok(()),
            Some(Verification::Checksum(hasher, stored)) => {
                let arrived = hasher.finish().await.map_err(|error| self.error(error))?;
                if arrived == stored {
                    return Ok(());
                }
                Err(self.error(Error::new(
                    ErrorKind::Integrity,
                    format!(
                        "the checksum of the received bytes is {arrived:?}, that of the stored object is {stored:?}"
                    ),
                )))
            }
            Some(Verification::Size) => match self.service.head(&self.key).await {
                Ok(Some(found)) if found.etag != self.etag => Err(self.replaced()),
                Ok(Some(found)) if found.size != self.size => Err(self.wrong_size(found.size)),
                Ok(Some(_)) => Ok(()),
                Ok(None) => Err(self.replaced()),
                // A bucket without head cannot tell more than it has.
                Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
                Err(error) => Err(error),
            },
        }
    }

    fn replaced(&self) -> Error {
        self.error(Error::new(
            ErrorKind::Integrity,
            "the object was replaced or deleted while it was being read",
        ))
    }

    fn wrong_size(&self, size: u64) -> Error {
        let message = format!(
            "the service announced {} bytes, but later returned the size {size} for the same object",
            self.size
        );
        self.error(Error::new(ErrorKind::Integrity, message))
    }

    fn error(&self, error: Error) -> Error {
        let attempts = error.attempts().max(self.attempts);
        error.during("get", Some(&self.key)).after_attempts(attempts)
    }
}

#[derive(Default)]
struct Failures {
    count: u32,
    waited: std::time::Duration,
}
