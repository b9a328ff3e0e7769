//! [GetObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html)

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{Bucket as _, GetRequest, Range};
use cloudflare_clients::s3::headers::{self, ConditionTarget};
use http::StatusCode;

use super::head_object;
use crate::s3::error::S3Error;
use crate::s3::known_error::NO_SUCH_KEY;
use crate::s3::request::Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: Request) -> Result<Response, S3Error> {
    let range = head_object::range(&request)?;
    let only_if = headers::read_conditional(ConditionTarget::Object, &request.headers)?;
    if request.query.has("partNumber") || range == Some(Range::Suffix { suffix: 0 }) {
        // Whether there is such a part, or nothing to satisfy the range, is known from the metadata alone.
        let head = head_object::run(service, &request).await?;
        if head.status().is_redirection() {
            return Ok(head);
        }
    }
    let got = service
        .store
        .bucket(&request.bucket)?
        .get(GetRequest { key: request.key.clone(), range, only_if })
        .await;
    match got {
        Ok(Some(object)) => {
            let status = head_object::status(object.range.is_some());
            let mut answer = response::stored_bytes(status, object.body);
            answer.headers_mut().extend(response::object_headers(object.object)?);
            Ok(answer)
        }
        Ok(None) => Err(NO_SUCH_KEY.into()),
        // A 304 has the headers of the object.
        Err(error) if error.kind() == ErrorKind::NotModified => {
            let object = service.store.bucket(&request.bucket)?.head(&request.key).await?;
            let mut answer = response::empty(StatusCode::NOT_MODIFIED);
            if let Some(object) = object {
                answer.headers_mut().extend(response::object_headers(object)?);
            }
            Ok(answer)
        }
        Err(error) => Err(error.into()),
    }
}
