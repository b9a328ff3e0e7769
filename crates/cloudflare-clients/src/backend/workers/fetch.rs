//! R2's S3 API over a Worker's `fetch`.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{self, Either};
use http::{HeaderMap, StatusCode};
use worker::send::SendFuture;
use worker::{AbortController, Fetch, Headers, Method, Request, RequestInit, Response};

use super::error;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::error_code::NO_SUCH_KEY;
use crate::r2::{Body, Bucket, GetRequest, ObjectBody, R2Service, R2SigningClient};
use crate::runtime::{DEFAULT, Runtime as _};
use crate::wire::s3;

/// How long the head of an answer may take.
const FIRST_BYTE: Duration = Duration::from_secs(30);

/// For how long a URL is signed that is used at once.
const EXPIRY: Duration = Duration::from_secs(60);

/// Reads objects through presigned URLs: of a signed header `fetch` may send another value than was signed.
#[derive(Debug)]
struct FetchBucket {
    signing: R2SigningClient,
}

impl R2SigningClient {
    /// Whether an object exists: a get of its first byte with `fetch`, with the retries of
    /// [`RetryPolicy::default`](crate::RetryPolicy). It takes 30 seconds at most, each time.
    ///
    /// # Errors
    /// All but the answer that there is no such object: a missing bucket is
    /// [`ErrorKind::NoSuchBucket`](crate::ErrorKind), rejected credentials are
    /// [`ErrorKind::Credentials`](crate::ErrorKind).
    pub async fn object_exists(&self, key: &str) -> Result<bool> {
        let service = R2Service::new(FetchBucket { signing: self.clone() });
        match service.get(key).range(0..1).await {
            Ok(found) => Ok(found.is_some()),
            // It is there and empty.
            Err(error) if error.kind() == ErrorKind::RangeNotSatisfiable => Ok(true),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Bucket for FetchBucket {
    async fn get(&self, request: GetRequest) -> Result<Option<ObjectBody>> {
        SendFuture::new(async {
            let url = self.signing.generate_signed_url(&request.key, EXPIRY)?;
            let headers = s3::get_object::request(&request)?.headers;
            let mut answer = fetch(url.as_str(), headers).await?;
            let headers = HeaderMap::from(answer.headers());
            let status = StatusCode::from_u16(answer.status_code())
                .map_err(|_| Error::unexpected(format!("the answer's status is {}", answer.status_code())))?;
            if status.is_success() {
                let object = s3::get_object::parse(&request, status, &headers)?;
                let length = object.range.map_or(object.size, |range| range.length);
                let stream = web_response(answer).body();
                let body = stream
                    .map_or_else(Body::empty, |stream| Body::from_readable_stream(stream, Some(length)));
                return Ok(Some(ObjectBody::new(object, body)));
            }
            let body = answer.bytes().await.map_err(|failed| error::from_worker(&failed))?;
            let error = s3::error_code::parse_error(status, None, &headers, &body, DEFAULT.now());
            if error.code() == Some(NO_SUCH_KEY.name) { Ok(None) } else { Err(error) }
        })
        .await
    }
}

fn web_response(answer: Response) -> worker::web_sys::Response {
    answer.into()
}

async fn fetch(url: &str, headers: HeaderMap) -> Result<Response> {
    let mut init = RequestInit::new();
    init.with_method(Method::Get).with_headers(Headers::from(headers));
    // The URL holds a signature and stays out of the error.
    let request = Request::new_with_init(url, &init)
        .map_err(|_| Error::invalid_input("the endpoint and the key make no URL that `fetch` takes"))?;
    let abort = AbortController::default();
    let signal = abort.signal();
    let fetch = Fetch::Request(request);
    let answer = Box::pin(fetch.send_with_signal(&signal));
    match future::select(answer, DEFAULT.sleep(FIRST_BYTE)).await {
        Either::Left((answer, _)) => answer.map_err(|failed| {
            let failed = error::from_worker(&failed);
            if failed.kind() == ErrorKind::UnexpectedResponse {
                failed.with_kind(ErrorKind::Connection)
            } else {
                failed
            }
        }),
        Either::Right(((), _)) => {
            abort.abort();
            Err(Error::new(ErrorKind::Timeout, format!("no answer within {FIRST_BYTE:?}")))
        }
    }
}
