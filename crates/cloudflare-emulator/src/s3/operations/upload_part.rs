//! [UploadPart](https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html)

use cloudflare_clients::r2::{Bucket as _, UploadPartRequest};
use http::{StatusCode, header};

use crate::s3::error::S3Error;
use crate::s3::request::Request;
use crate::s3::response::{self, Response};
use crate::service::Service;
use crate::uri::Query;

pub(super) async fn run(service: &Service, request: Request) -> Result<Response, S3Error> {
    let part_number = part_number(&request.query)?;
    let upload_id = request.query.get("uploadId").unwrap_or_default().to_owned();
    let (body, checksum) = request.payload.upload()?;
    let part = service
        .store
        .bucket(&request.bucket)?
        .upload_part(UploadPartRequest { key: request.key, upload_id, part_number, body, checksum })
        .await?;
    let mut answer = response::empty(StatusCode::OK);
    let etag = response::value(&format!("\"{}\"", part.etag))?;
    answer.headers_mut().insert(header::ETAG, etag);
    if let Some(checksum) = checksum {
        cloudflare_clients::s3::headers::write_checksums(
            &[checksum].into_iter().collect(),
            answer.headers_mut(),
        );
    }
    Ok(answer)
}

/// The number of a part: 1 to 10,000.
pub(super) fn part_number(query: &Query) -> Result<u16, S3Error> {
    query
        .get("partNumber")
        .and_then(|number| number.parse().ok())
        .filter(|number| (1..=10_000).contains(number))
        .ok_or_else(|| {
            S3Error::invalid_argument("Part number must be an integer between 1 and 10000, inclusive")
        })
}
