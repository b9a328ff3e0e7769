//! Reads of objects: the request, and the answer apart from the bytes.

use std::time::SystemTime;

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{Conditional, HeadRequest, Object, Range, SseCustomerKey};
use cloudflare_clients::s3::error_code::INVALID_REQUEST;
use cloudflare_clients::s3::headers::{self, ConditionTarget, CustomerKeyTarget, IfRange};
use http::{HeaderMap, StatusCode};

use super::{part_number, response_overrides};
use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};

/// A request to read an object.
pub(super) struct ObjectRead<'a> {
    range: Option<Range>,
    if_range: Option<IfRange>,
    only_if: Conditional,
    part_number: Option<u16>,
    version_id: Option<&'a str>,
    ssec_key: Option<SseCustomerKey>,
    now: SystemTime,
    response_headers: HeaderMap,
}

impl<'a> ObjectRead<'a> {
    /// Parses a request at the time `now`. R2 accepts a range on HEAD too.
    pub(super) fn parse(request: &'a S3Request, now: SystemTime) -> Result<Self, S3Error> {
        let (range, part_number) =
            (headers::read_range(&request.headers)?, part_number::parse_if_any(&request.query)?);
        if range.is_some() && part_number.is_some() {
            return Err(S3Error::new(
                INVALID_REQUEST,
                "Cannot specify both Range header and partNumber query parameter",
            ));
        }
        Ok(Self {
            range,
            if_range: IfRange::read(&request.headers),
            only_if: headers::read_conditional(ConditionTarget::Object, &request.headers)?,
            part_number,
            version_id: request.query.get("versionId"),
            ssec_key: request.ssec_key(CustomerKeyTarget::Object)?,
            now,
            response_headers: response_overrides::parse(&request.query)?,
        })
    }

    /// Returns the part to read instead of a range.
    pub(super) fn part_number(&self) -> Option<u16> {
        self.part_number
    }

    /// Returns the customer's key of the object.
    pub(super) fn ssec_key(&self) -> Option<SseCustomerKey> {
        self.ssec_key.clone()
    }

    /// A head of the whole object.
    pub(super) fn head(&self, key: &str) -> HeadRequest {
        let mut head = HeadRequest::new(key);
        head.ssec_key = self.ssec_key();
        head
    }

    /// Returns the range of the request, unless `If-Range` excludes it for this object.
    pub(super) fn range_of(&self, object: &Object) -> Option<Range> {
        let is_meant = self.if_range.as_ref().is_none_or(|if_range| if_range.matches(object, self.now));
        self.range.filter(|_| is_meant)
    }

    /// Returns the range to request before the object is known.
    pub(super) fn likely_range(&self) -> Option<Range> {
        // No object has the bytes of an empty suffix, but a condition may decide before that.
        self.range.filter(|range| *range != Range::Suffix { suffix: 0 })
    }

    /// The status of the answer about this object, whose range is that of the part or becomes the one to
    /// serve.
    ///
    /// # Errors
    /// Another version was asked for, a condition does not hold, or the range cannot be satisfied.
    pub(super) fn status(&self, object: &mut Object) -> Result<StatusCode, S3Error> {
        self.check_version(object)?;
        match self.only_if.check_read(Some(object)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotModified => return Ok(StatusCode::NOT_MODIFIED),
            Err(error) => return Err(error.into()),
        }
        if self.part_number.is_none() {
            object.range = self.range_of(object).map(|range| range.resolve(object.size)).transpose()?;
        }
        Ok(if object.range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK })
    }

    /// The headers of an answer with this object, or with what it would be of a HEAD.
    pub(super) fn headers(self, object: Object) -> Result<HeaderMap, S3Error> {
        let mut headers = response::object_headers(object)?;
        headers.extend(self.response_headers);
        Ok(headers)
    }

    /// Checks the version. `PutObject` returns a version, which rclone requests immediately. For any other
    /// one it is unknown whether it ever existed.
    fn check_version(&self, object: &Object) -> Result<(), S3Error> {
        match self.version_id {
            None | Some("" | "null") => Ok(()),
            Some(id) if object.version.as_deref() == Some(id) => Ok(()),
            Some(_) => {
                Err(S3Error::not_implemented("versionId of a version that is not the object not implemented"))
            }
        }
    }
}

/// A 304, which has the headers of the object.
pub(super) fn not_modified(mut object: Object) -> Result<Response, S3Error> {
    // Even where a range was asked for, it is about the whole object.
    (object.range, object.parts_count) = (None, None);
    let mut response = response::empty(StatusCode::NOT_MODIFIED);
    response.headers_mut().extend(response::object_headers(object)?);
    Ok(response)
}
