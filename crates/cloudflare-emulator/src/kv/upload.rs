//! Upload of a value: as the body itself, or in a form with its metadata.

use cloudflare_clients::kv::rest::error_code::{INVALID_METADATA, MALFORMED_VALUE, TOO_LARGE, UNAVAILABLE};
use cloudflare_clients::kv::{MAX_VALUE_SIZE, Metadata};
use cloudflare_clients::r2::Body;
use cloudflare_clients::s3::headers;
use http::header;
use multer::{Constraints, Multipart, SizeLimit};

use super::error::KvError;
use super::limits::{check_metadata, check_value_size};
use super::request::KvRequest;

/// Maximum size of a form apart from its value, in bytes. It is large enough to read metadata that is refused
/// for its length.
const MAX_FORM: u64 = 64 * 1024;

/// The value to store.
pub(super) struct Upload {
    pub(super) value: Body,
    pub(super) metadata: Option<Metadata>,
}

impl Upload {
    pub(super) async fn read(request: &KvRequest) -> Result<Self, KvError> {
        let content_type = request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if let Some(boundary) = content_type.and_then(|value| multer::parse_boundary(value).ok()) {
            return Self::read_form(request, boundary).await;
        }
        let length = headers::read_content_length(&request.headers);
        length.map_or(Ok(()), check_value_size)?;
        Ok(Self { value: Body::from_stream(request.body.stream(), length), metadata: None })
    }

    async fn read_form(request: &KvRequest, boundary: String) -> Result<Self, KvError> {
        let length = headers::read_content_length(&request.headers).unwrap_or(u64::MAX);
        let length = length.min(MAX_VALUE_SIZE + MAX_FORM);
        let _memory = request.body.take_memory(length).ok_or(UNAVAILABLE)?;
        let limits = SizeLimit::new().whole_stream(MAX_VALUE_SIZE + MAX_FORM).for_field("metadata", MAX_FORM);
        let constraints = Constraints::new().size_limit(limits);
        let mut form = Multipart::with_constraints(request.body.stream(), boundary, constraints);
        let (mut value, mut metadata) = (None, None);
        while let Some(field) = form.next_field().await.map_err(refused)? {
            match field.name() {
                Some("value") => value = Some(field.bytes().await.map_err(refused)?),
                // JSON is UTF-8: multer's decoder of other charsets has large tables.
                Some("metadata") => {
                    let text = field.bytes().await.map_err(refused)?;
                    metadata = Some(String::from_utf8_lossy(&text).into_owned());
                }
                // Other fields are ignored.
                _ => {}
            }
        }
        let value = value
            .ok_or_else(|| KvError::new(MALFORMED_VALUE, "the form does not have the field \"value\""))?;
        check_value_size(value.len() as u64)?;
        // Some clients send an empty field instead of no metadata.
        let metadata = metadata.filter(|text| !text.trim().is_empty()).map(Metadata::from_json);
        let metadata = metadata
            .transpose()
            .map_err(|error| KvError::new(INVALID_METADATA, error.message().to_owned()))?;
        Ok(Self { value: value.into(), metadata: check_metadata(metadata)? })
    }
}

fn refused(error: multer::Error) -> KvError {
    match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            TOO_LARGE.into()
        }
        error => KvError::new(MALFORMED_VALUE, format!("cannot read the form: {error}")),
    }
}
