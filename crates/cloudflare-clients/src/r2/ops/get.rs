//! Reading objects: resumed where they were cut off, verified where they are whole.

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
    /// An object, or a range of it: `r2.get(key).range(0..1024).await?`.
    pub fn get(&self, key: impl Into<String>) -> Get {
        let only_if = Ok(Conditional::default());
        Get { service: self.clone(), request: GetRequest::new(key), only_if, client_range: None }
    }
}

/// A get; awaiting it gives the object, or `None` when no object has this key.
///
/// The body arrives as it is read. Cut off, it is resumed where it stopped, as long as the object is still
/// the same, after the waits of the [`RetryPolicy`](crate::RetryPolicy). The deadline of
/// [`R2Service::with_deadline`] covers neither these waits nor the reading, but each request for the rest by
/// itself.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Get {
    service: R2Service,
    /// Without the conditions.
    request: GetRequest,
    only_if: Result<Conditional>,
    /// The request's range, where HTTP decides whether it counts.
    client_range: Option<ClientRange>,
}

impl Get {
    ssec_key_setter!(service);

    /// The bytes to read: `0..1024`, `1024..`, or [`Range::Suffix`].
    pub fn range(mut self, range: impl Into<Range>) -> Self {
        self.request.range = Some(range.into());
        self.client_range = None;
        self
    }

    /// The part to read, of an object uploaded in parts: 1 to as many as it has. It takes the place of a
    /// range.
    ///
    /// The object's [`range`](crate::r2::Object::range) and [`parts_count`](crate::r2::Object::parts_count)
    /// are as of [`Head::part_number`](crate::r2::Head::part_number).
    pub fn part_number(mut self, part_number: u16) -> Self {
        self.request.part_number = Some(part_number);
        self
    }

    /// What the object must meet; else the get fails with [`ErrorKind::PreconditionFailed`] or
    /// [`ErrorKind::NotModified`].
    pub fn only_if(mut self, only_if: Conditional) -> Self {
        self.only_if = Ok(only_if);
        self
    }

    /// Takes the range and the conditions that a client has sent: `Range`, `If-Range`, `If-Match`,
    /// `If-None-Match`, `If-Modified-Since` and `If-Unmodified-Since`, as
    /// [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-13) has them.
    ///
    /// [`ObjectBody::into_http_response`] is the answer, or
    /// [`Error::into_http_response`](crate::Error::into_http_response): for a 304 or 412 where a condition
    /// does not hold, for a 416 where the object has no such bytes, of which `bytes=-0` has none in any, and
    /// for a 400 where a list of etags is malformed, as one without quotes is.
    ///
    /// The client gets the whole object
    ///
    /// - where `If-Range` has another etag or date than the object, a weak etag, or the date of an object that was
    ///   uploaded in this very second, which another one may share. The range is asked for first, so that costs a second
    ///   request, and a third one where the object has no such bytes. R2 sees no `If-Range`. Each request has
    ///   [the deadline](R2Service::with_deadline) for itself;
    /// - where the `Range` is malformed, has several ranges, or came with another method than GET: what
    ///   answers a HEAD, too, such as a route of axum, may use a get;
    /// - where it asks for the last bytes of an empty object.
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

    /// [`http_request`](Self::http_request) of a request to a Worker.
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

    /// All bytes: [`Body::bytes`](crate::r2::Body::bytes). `None` when no object has this key.
    ///
    /// # Errors
    /// Those of the get, and of reading the body.
    pub async fn bytes(self) -> Result<Option<Bytes>> {
        match self.await? {
            Some(object) => object.bytes().await.map(Some),
            None => Ok(None),
        }
    }

    /// All bytes as UTF-8: [`Body::text`](crate::r2::Body::text). `None` when no object has this key.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub async fn text(self) -> Result<Option<String>> {
        match self.await? {
            Some(object) => object.text().await.map(Some),
            None => Ok(None),
        }
    }

    /// All bytes as JSON: [`Body::json`](crate::r2::Body::json). `None` when no object has this key.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
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

/// One attempt, which says in the operation's span how many bytes are to come.
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

/// The answer to a request for no bytes, which no bucket is asked for: unsatisfiable, unless a condition
/// decides before.
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

/// What a body that is being read needs to be resumed and verified.
#[derive(Clone)]
struct Download {
    service: R2Service,
    key: String,
    etag: String,
    size: u64,
    /// The bytes of the object that were asked for.
    bytes: ServedRange,
    ranged: bool,
    /// How many times the bytes were asked for.
    attempts: u32,
}

/// How bytes are verified before the last of them is handed on.
enum Verification {
    /// By what they hash to.
    Checksum(SideHasher, Checksum),
    /// By asking for the object's size a second time: a length that was damaged on the way together with the body looks
    /// right, and no checksum would tell. (The answer for a range says the size apart from the length.)
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

    /// The bytes that arrive, then those of further requests where they stop too early; an error in place of the last
    /// piece if they are wrong.
    fn stream(
        self,
        first: ByteStream,
        verification: Option<Verification>,
    ) -> impl Stream<Item = Result<Bytes>> + Send {
        struct State {
            download: Download,
            stream: ByteStream,
            done: u64,
            /// Since bytes last arrived.
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
                                format!("the service sent more than the {length} bytes it announced");
                            return Err(download.error(Error::new(ErrorKind::Integrity, message)));
                        }
                        if let Some(Verification::Checksum(hasher, _)) = verification {
                            hasher.update(bytes.clone()).await.map_err(|error| download.error(error))?;
                        }
                        // The last piece is kept back until all bytes are known to be right.
                        if *done == length {
                            download.verify(verification.take()).await?;
                        }
                        return Ok(Some((bytes, state)));
                    }
                    Err(error) if *done == length && !error.is_retryable() => {
                        return Err(download.error(error));
                    }
                    // All bytes are there; how the connection ended behind them does not matter.
                    end if *done == length => {
                        if let Err(error) = end {
                            tracing::debug!(%error, "the connection broke behind the last byte");
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

    /// The stream of what is missing, after the delay that the policy gives.
    async fn resume(&self, done: u64, failures: &mut Failures, error: Error) -> Result<ByteStream> {
        let Attempts { runtime, retry, .. } = self.service.attempts();
        let decision = retry.decide(&error, failures.count, failures.waited, runtime.random());
        let RetryDecision::Retry(delay) = decision else {
            return Err(self.error(error.after_attempts(failures.count + 1)));
        };
        tracing::debug!(key = self.key, done, ?delay, %error, "download cut off, resuming");
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
                "the service answered a request for {rest:?} with {:?}",
                found.range
            )))),
        }
    }

    /// The same object again: what was asked for, or a part of it.
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
                // A bucket that has no head does not say more than it has said.
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
            "the service announced {} bytes and said of the same object later that it has {size}",
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
