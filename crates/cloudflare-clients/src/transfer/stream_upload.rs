//! Uploads of byte streams of unknown length.

use std::fmt;
use std::sync::Arc;

use super::DEFAULT_CONCURRENCY;
use super::object_checksum::{asks_for_crc, composite_algorithm};
use super::part_buffer::PartBuffer;
use super::pieces::Pieces;
use super::rate::RateLimit;
use super::tally::{Report, Tally};
use super::upload::Uploaded;
use super::verified_upload::verified_upload;
use crate::client::pace::Pace;
use crate::error::{Error, Result};
use crate::model::r2::{Conditional, CreateMultipartUploadRequest, MAX_OBJECT_SIZE};
use crate::r2::R2Service;
use crate::r2::ops::parts_in_flight::{Part, PartsInFlight, PartsPlan};

/// Size of the parts in which streams of unknown length are uploaded: 8 MiB.
/// [`MAX_PARTS`](crate::r2::MAX_PARTS) of them hold 78 GiB.
pub const DEFAULT_STREAM_PART_SIZE: u64 = 8 * MIB;

const MIB: u64 = 1024 * 1024;

/// What to upload, and how.
#[derive(Clone)]
pub(super) struct StreamSettings {
    pub(super) service: R2Service,
    pub(super) request: CreateMultipartUploadRequest,
    pub(super) only_if: Conditional,
    pub(super) part_size: Option<u64>,
    pub(super) size_hint: Option<u64>,
    pub(super) concurrency: usize,
    pub(super) rate: Option<RateLimit>,
    pub(super) report: Option<Report>,
}

impl StreamSettings {
    pub(super) fn new(service: R2Service, key: String) -> Self {
        Self {
            service,
            request: CreateMultipartUploadRequest::new(key),
            only_if: Conditional::default(),
            part_size: None,
            size_hint: None,
            concurrency: DEFAULT_CONCURRENCY,
            rate: None,
            report: None,
        }
    }

    pub(super) fn debug(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        f.debug_struct(name)
            .field("key", &self.request.key)
            .field("part_size", &self.part_size)
            .field("size_hint", &self.size_hint)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }

    /// Validates the settings and creates the upload. Sends nothing yet.
    pub(super) fn begin(self) -> Result<StreamUpload> {
        self.request.validate()?;
        self.only_if.validate()?;
        let part_size = self.part_size()?;
        let buffered = usize::try_from(part_size).map_err(|_| {
            Error::invalid_input(format!("a part of {part_size} bytes does not fit into memory"))
        })?;
        let Self { service, request, only_if, concurrency, rate, report, .. } = self;
        let concurrency = RateLimit::pieces_at_once(rate.as_ref(), concurrency);
        let pace = Arc::new(Pace::new(Arc::clone(service.runtime()), concurrency));
        let service = service.at_pace(&pace);
        let with_crc = service.verifies() || asks_for_crc(&request);
        let other = composite_algorithm(&request);
        let plan = PartsPlan { request, only_if, part_size, concurrency, pace: Some(pace) };
        Ok(StreamUpload {
            buffer: PartBuffer::new(buffered, with_crc, other),
            parts: PartsInFlight::new(service.clone(), plan),
            service,
            tally: Tally::new(u64::MAX, report),
            rate,
        })
    }

    /// The given part size, or one that is large enough to store the expected size in 10,000 parts.
    fn part_size(&self) -> Result<u64> {
        let expected = self.size_hint.unwrap_or_default();
        if expected > MAX_OBJECT_SIZE {
            return Err(Error::invalid_input(format!(
                "the expected size is {expected} bytes, and the largest object has {MAX_OBJECT_SIZE} bytes"
            )));
        }
        match Pieces::new(expected, Some(self.part_size.unwrap_or(DEFAULT_STREAM_PART_SIZE))) {
            Err(_) if self.part_size.is_none() => Pieces::new(expected, None),
            pieces => pieces,
        }
        .map(Pieces::piece_size)
    }
}

/// An upload of a byte stream. If it is dropped, it aborts what it has started, as long as the runtime runs.
pub(super) struct StreamUpload {
    service: R2Service,
    pub(super) parts: PartsInFlight,
    tally: Arc<Tally>,
    rate: Option<RateLimit>,
    /// The bytes that are not in a part yet. They are sent when more bytes follow, as they may be the last
    /// part.
    pub(super) buffer: PartBuffer,
}

impl StreamUpload {
    /// Sends the buffer once there is room for another part, and continues with `next`.
    pub(super) async fn send_buffer(&mut self, next: PartBuffer) -> Result<()> {
        let part = std::mem::replace(&mut self.buffer, next).into_part();
        let part = self.observed(part);
        self.parts.push(part).await
    }

    /// Sends the rest and completes the object.
    pub(super) async fn finish(&mut self) -> Result<Uploaded> {
        let last = std::mem::replace(&mut self.buffer, PartBuffer::new(0, false, None)).into_part();
        let last = self.observed(last);
        let done = self.parts.finish(last).await?;
        let verified = verified_upload(&self.service, &done.stored, done.checksum, &done.parts).await;
        Ok(Uploaded { stored: done.stored, verified, resumed_bytes: 0, restarted: false })
    }

    fn observed(&self, part: Part) -> Part {
        let body = RateLimit::applied(self.rate.as_ref(), part.body.on_progress(self.tally.piece()));
        Part { body, ..part }
    }
}

/// Defines the setters of a stream upload, for a type with the field `settings`.
macro_rules! stream_setters {
    () => {
        $crate::r2::ops::setters::http_metadata_setters!();
        $crate::r2::ops::setters::ssec_key_setter!(settings.service);

        fn http(&mut self) -> &mut HttpMetadata {
            &mut self.settings.request.http_metadata
        }

        fn custom(&mut self) -> &mut CustomMetadata {
            &mut self.settings.request.custom_metadata
        }

        /// Sets the storage class of the object. The default is the bucket's.
        pub fn storage_class(mut self, class: StorageClass) -> Self {
            self.settings.request.storage_class = Some(class);
            self
        }

        $crate::transfer::object_checksum::checksum_algorithm_setter!(settings.request);

        /// Stores the object only if the one that the key already has meets this condition, as in
        /// [`Put::only_if`](crate::r2::Put::only_if). The service checks it when the upload is completed.
        pub fn only_if(mut self, only_if: Conditional) -> Self {
            self.settings.only_if = only_if;
            self
        }

        /// Sets the size of every part but the last, 5 MiB to 5 GiB. The default is
        /// [`DEFAULT_STREAM_PART_SIZE`]. An object has 10,000 parts at most, so this also limits its size.
        ///
        /// [`DEFAULT_STREAM_PART_SIZE`]: crate::transfer::DEFAULT_STREAM_PART_SIZE
        pub fn part_size(mut self, bytes: u64) -> Self {
            self.settings.part_size = Some(bytes);
            self
        }

        /// Sets the maximum size that is expected, in bytes. Parts are made large enough for it, unless their
        /// size is [set](Self::part_size); above 78 GiB they are larger than the default.
        pub fn size_hint(mut self, bytes: u64) -> Self {
            self.settings.size_hint = Some(bytes);
            self
        }

        /// Sets the maximum number of parts in flight. The default is 8; 0 counts as 1. One more part than
        /// this is held in memory.
        pub fn concurrency(mut self, parts: usize) -> Self {
            self.settings.concurrency = parts.max(1);
            self
        }

        /// Limits the bytes per second that are sent, for all parts together. The minimum is 1 KiB. At a low
        /// rate fewer parts are in flight, so that each has 64 KiB a second.
        pub fn limit_rate(self, bytes_per_second: u64) -> Self {
            let limit = $crate::transfer::RateLimit::new(&self.settings.service, bytes_per_second);
            self.share_rate(&limit)
        }

        /// Like [`limit_rate`](Self::limit_rate), with a limit that other transfers share.
        pub fn share_rate(mut self, limit: &$crate::transfer::RateLimit) -> Self {
            self.settings.rate = Some(limit.clone());
            self
        }

        /// Calls `report(done)` with the number of bytes sent so far, for all parts together.
        pub fn on_progress(mut self, report: impl Fn(u64) + Send + Sync + 'static) -> Self {
            self.settings.report = Some(Arc::new(move |done, _| report(done)));
            self
        }
    };
}
pub(super) use stream_setters;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MockBucket;

    #[test]
    fn parts_are_as_large_as_what_is_expected_takes() {
        let part_size = |part_size, size_hint| {
            let settings = StreamSettings::new(R2Service::new(MockBucket::new()), "k".to_owned());
            StreamSettings { part_size, size_hint, ..settings }.part_size()
        };
        for (given, expected, size) in [
            (None, None, 8 * MIB),
            (None, Some(80_000 * MIB), 8 * MIB),
            (None, Some(80_000 * MIB + 1), 16 * MIB),
            (None, Some(MAX_OBJECT_SIZE), 524 * MIB),
            (Some(5 * MIB), Some(50_000 * MIB), 5 * MIB),
        ] {
            assert_eq!(part_size(given, expected).unwrap(), size);
        }
        for (given, expected) in
            [(Some(5 * MIB), Some(50_000 * MIB + 1)), (Some(1), None), (None, Some(MAX_OBJECT_SIZE + 1))]
        {
            assert!(part_size(given, expected).is_err());
        }
    }
}
