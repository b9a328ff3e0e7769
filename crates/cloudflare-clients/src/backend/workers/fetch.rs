//! R2's S3 API over a Worker's `fetch`.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{self, Either};
use http::{HeaderMap, StatusCode};
use worker::send::SendFuture;
use worker::{AbortController, Fetch, Method, Request, RequestInit, Response};

use super::{error, headers};
use crate::client::attempts::{Attempts, operation_span};
use crate::client::operation::Operation;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::error_code::NO_SUCH_KEY;
use crate::model::r2::validate_key;
use crate::r2::{GetRequest, R2SigningClient};
use crate::runtime::Runtime;
use crate::wire::s3;

/// Maximum time until the head of an answer arrives.
const FIRST_BYTE: Duration = Duration::from_secs(30);

/// Expiry of a signed URL that is used immediately.
const EXPIRY: Duration = Duration::from_secs(60);

impl R2SigningClient {
    /// Whether an object exists. Gets its first byte with `fetch`, with the retries of
    /// [`RetryPolicy::default`](crate::RetryPolicy), using the client's clock. Each attempt takes at most 30
    /// seconds.
    ///
    /// # Errors
    /// Any error except a missing object: a missing bucket is [`ErrorKind::NoSuchBucket`](crate::ErrorKind),
    /// rejected credentials are [`ErrorKind::Credentials`](crate::ErrorKind).
    pub async fn object_exists(&self, key: &str) -> Result<bool> {
        let attempts = Attempts::new(operation_span!("r2"), self.runtime());
        let operation = Operation::new("get", key);
        operation.check(validate_key(key))?;
        let first_byte = || Some(SendFuture::new(get_first_byte(self, key)).boxed());
        match attempts.run(&operation, first_byte).await {
            Ok(found) => Ok(found),
            // The object exists and is empty.
            Err(error) if error.kind() == ErrorKind::RangeNotSatisfiable => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// Whether an object has a first byte. The request is a presigned URL, as `fetch` may change the value of a
/// signed header.
async fn get_first_byte(signing: &R2SigningClient, key: &str) -> Result<bool> {
    let url = signing.generate_signed_url(key, EXPIRY)?;
    let mut get = GetRequest::new(key);
    get.range = Some((0..1).into());
    let runtime = signing.runtime();
    let mut answer = fetch(url.as_str(), s3::get_object::request(&get)?.headers, &*runtime).await?;
    let answered = headers::from_js(answer.headers());
    let status = StatusCode::from_u16(answer.status_code())
        .map_err(|_| Error::unexpected(format!("the answer's status is {}", answer.status_code())))?;
    if status.is_success() {
        return Ok(true);
    }
    let body = answer.bytes().await.map_err(|failed| error::from_worker(&failed))?;
    let error = s3::error_code::parse_error(status, None, &answered, &body, runtime.now());
    if error.code() == Some(NO_SUCH_KEY.name) { Ok(false) } else { Err(error) }
}

async fn fetch(url: &str, headers: HeaderMap, runtime: &dyn Runtime) -> Result<Response> {
    let mut init = RequestInit::new();
    init.with_method(Method::Get).with_headers(headers::to_js(&headers)?);
    // The URL contains a signature and must not be part of the error.
    let request = Request::new_with_init(url, &init).map_err(|_| {
        Error::invalid_input("the endpoint and the key do not form a URL that `fetch` accepts")
    })?;
    let abort = AbortController::default();
    let signal = abort.signal();
    let fetch = Fetch::Request(request);
    let answer = Box::pin(fetch.send_with_signal(&signal));
    match future::select(answer, runtime.timeout(FIRST_BYTE)).await {
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
            Err(Error::new(ErrorKind::Timeout, format!("the service did not answer within {FIRST_BYTE:?}")))
        }
    }
}
