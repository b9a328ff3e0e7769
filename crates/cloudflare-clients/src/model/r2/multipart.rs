//! What is asked of a bucket for uploads in parts, and the rules of parts.

use std::ops::Range;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::checksum::{Checksum, Hasher};
use super::checksum_algorithm::ChecksumAlgorithm;
use super::checksum_type::ChecksumType;
use super::checksums::Checksums;
#[cfg(any(test, not(target_arch = "wasm32")))]
use super::composite_checksum::CompositeChecksum;
use super::composite_checksum::ObjectChecksum;
use super::conditional::Conditional;
use super::copy_source::validate_copy_source;
use super::crc64_nvme::Crc64Nvme;
use super::error_code::{ENTITY_TOO_SMALL, INVALID_ARGUMENT, INVALID_PART};
use super::key::validate_key;
use super::limits::{MAX_PARTS, MIN_PART_SIZE, validate_page_size, validate_upload_size};
use super::metadata::{CustomMetadata, HttpMetadata};
use super::object::Object;
use super::sse_customer_key::SseCustomerKey;
use super::storage_class::StorageClass;
use crate::body::Body;
use crate::error::{Error, Result};

/// The begin of a multipart upload for
/// [`Bucket::create_multipart_upload`](crate::r2::Bucket::create_multipart_upload).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CreateMultipartUploadRequest {
    /// The key that the object will have.
    pub key: String,
    /// The HTTP headers to store with it.
    pub http_metadata: HttpMetadata,
    /// The custom metadata to store with it.
    pub custom_metadata: CustomMetadata,
    /// How R2 stores it; `None` takes the bucket's class.
    pub storage_class: Option<StorageClass>,
    /// The algorithm of the checksum that the object is to have; the algorithm says whether that is [of all
    /// bytes or of the checksums of the parts](ChecksumAlgorithm::type_of_parts).
    pub checksum_algorithm: Option<ChecksumAlgorithm>,
    /// The customer's key to encrypt it with, which each of its parts is given, too.
    pub ssec_key: Option<SseCustomerKey>,
}

impl CreateMultipartUploadRequest {
    /// The begin of an upload to this key, without metadata.
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            http_metadata: HttpMetadata::default(),
            custom_metadata: CustomMetadata::default(),
            storage_class: None,
            checksum_algorithm: None,
            ssec_key: None,
        }
    }

    /// Refuses what R2 does not take.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_key(&self.key)?;
        self.http_metadata.validate()?;
        self.custom_metadata.validate()?;
        self.checksum_algorithm.map_or(Ok(()), |algorithm| algorithm.required_type_of_parts().map(drop))
    }
}

/// An upload that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedMultipartUpload {
    /// Its id, which its parts and its end name.
    pub upload_id: String,
}

impl CreatedMultipartUpload {
    /// An upload with this id.
    pub fn new(upload_id: impl Into<String>) -> Self {
        Self { upload_id: upload_id.into() }
    }
}

/// A part for [`Bucket::upload_part`](crate::r2::Bucket::upload_part).
#[derive(Debug)]
#[non_exhaustive]
pub struct UploadPartRequest {
    /// The upload's key.
    pub key: String,
    /// The upload's id.
    pub upload_id: String,
    /// 1 to 10,000.
    pub part_number: u16,
    /// The bytes; their length is known.
    pub body: Body,
    /// What the bytes must hash to.
    pub checksum: Option<Checksum>,
    /// The customer's key that the upload was begun with.
    pub ssec_key: Option<SseCustomerKey>,
}

impl UploadPartRequest {
    /// A part of an upload.
    pub fn new(
        key: impl Into<String>,
        upload_id: impl Into<String>,
        part_number: u16,
        body: impl Into<Body>,
    ) -> Self {
        Self {
            key: key.into(),
            upload_id: upload_id.into(),
            part_number,
            body: body.into(),
            checksum: None,
            ssec_key: None,
        }
    }

    /// Refuses what R2 does not take, such as a body of unknown length.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_upload(&self.key, &self.upload_id)?;
        validate_part_number(self.part_number)?;
        validate_upload_size(self.body.known_length()?)
    }
}

/// A part that is a copy, for [`Bucket::upload_part_copy`](crate::r2::Bucket::upload_part_copy).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UploadPartCopyRequest {
    /// The upload's key.
    pub key: String,
    /// The upload's id.
    pub upload_id: String,
    /// 1 to 10,000.
    pub part_number: u16,
    /// The bucket of the source, where it is another one of the account.
    pub source_bucket: Option<String>,
    /// The object to copy from.
    pub source: String,
    /// The bytes to copy; `None` copies all. An end behind the object's is the object's.
    pub range: Option<Range<u64>>,
    /// What the source must meet. R2 has no such conditions: [`ErrorKind::Unsupported`](crate::ErrorKind).
    pub source_only_if: Conditional,
    /// The key that the source is encrypted with, where that is the customer's.
    pub source_ssec_key: Option<SseCustomerKey>,
    /// The customer's key that the upload was begun with.
    pub ssec_key: Option<SseCustomerKey>,
}

impl UploadPartCopyRequest {
    /// A part with all bytes of an object in the same bucket.
    pub fn new(
        source: impl Into<String>,
        key: impl Into<String>,
        upload_id: impl Into<String>,
        part_number: u16,
    ) -> Self {
        Self {
            key: key.into(),
            upload_id: upload_id.into(),
            part_number,
            source_bucket: None,
            source: source.into(),
            range: None,
            source_only_if: Conditional::default(),
            source_ssec_key: None,
            ssec_key: None,
        }
    }

    /// Refuses what R2 does not take.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_upload(&self.key, &self.upload_id)?;
        validate_part_number(self.part_number)?;
        validate_copy_source(self.source_bucket.as_deref(), &self.source)?;
        self.source_only_if.validate()?;
        match &self.range {
            Some(range) if range.is_empty() => Err(Error::invalid_input(format!(
                "the range {}..{} of the source has no bytes",
                range.start, range.end
            ))
            .with_code(INVALID_ARGUMENT.name)),
            _ => Ok(()),
        }
    }
}

/// A part that was uploaded. It can be stored and given to a complete later.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UploadedPart {
    /// 1 to 10,000.
    pub part_number: u16,
    /// The part's etag, without quotes.
    pub etag: String,
    /// The size in bytes, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When it was uploaded, where the service says it: of a listed part.
    #[serde(default, with = "crate::time::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub uploaded: Option<SystemTime>,
    /// The checksums that the service gave. A complete gives those of the upload's algorithm back to it.
    #[serde(default, skip_serializing_if = "Checksums::is_empty")]
    pub checksums: Checksums,
}

impl UploadedPart {
    /// A part of which no more is known.
    pub fn new(part_number: u16, etag: impl Into<String>) -> Self {
        Self { part_number, etag: etag.into(), size: None, uploaded: None, checksums: Checksums::default() }
    }

    /// The CRC-64/NVME of its bytes, where the service gave it and the size is known. Those of all parts in
    /// their order make that of the object.
    ///
    /// ```
    /// # use cloudflare_clients::r2::{Checksum, Crc64Nvme, UploadedPart};
    /// fn of_the_object(parts: &[UploadedPart]) -> Option<Checksum> {
    ///     Some(parts.iter().map(UploadedPart::crc64nvme).collect::<Option<Crc64Nvme>>()?.checksum())
    /// }
    /// # assert_eq!(of_the_object(&[]), Some(Crc64Nvme::new().checksum()));
    /// # assert_eq!(of_the_object(&[UploadedPart::new(1, "abc")]), None);
    /// ```
    pub fn crc64nvme(&self) -> Option<Crc64Nvme> {
        Crc64Nvme::from_checksum(*self.checksums.get(ChecksumAlgorithm::Crc64Nvme)?, self.size?)
    }
}

/// The end of a multipart upload for
/// [`Bucket::complete_multipart_upload`](crate::r2::Bucket::complete_multipart_upload).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CompleteMultipartUploadRequest {
    /// The upload's key.
    pub key: String,
    /// The upload's id.
    pub upload_id: String,
    /// By number.
    pub parts: Vec<UploadedPart>,
    /// What the object that is replaced must meet. When it does not, the upload is gone.
    pub only_if: Conditional,
    /// The algorithm that the upload was begun with, where that is known: then the checksums of the parts go
    /// along.
    pub checksum_algorithm: Option<ChecksumAlgorithm>,
    /// What the object must have: the CRC-64/NVME of all its bytes, or the composite checksum of the
    /// algorithm that the upload was begun with. When it does not, the upload stays as it is.
    pub checksum: Option<ObjectChecksum>,
    /// The customer's key that the upload was begun with. R2 needs none here, and AWS where the upload has
    /// checksums.
    pub ssec_key: Option<SseCustomerKey>,
}

impl CompleteMultipartUploadRequest {
    /// The end of an upload of these parts, which are in the order of their numbers.
    pub fn new(key: impl Into<String>, upload_id: impl Into<String>, parts: Vec<UploadedPart>) -> Self {
        Self {
            key: key.into(),
            upload_id: upload_id.into(),
            parts,
            only_if: Conditional::default(),
            checksum_algorithm: None,
            checksum: None,
            ssec_key: None,
        }
    }

    /// Refuses what names no upload or has no parts, and checksums that R2 does not have of the whole. The
    /// rest is for the service to judge.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_upload(&self.key, &self.upload_id)?;
        self.only_if.validate()?;
        self.validate_checksum()?;
        if self.parts.is_empty() {
            return Err(Error::invalid_input(
                "an upload cannot be completed without parts: upload one, or abort it",
            ));
        }
        Ok(())
    }

    /// Refuses checksums that R2 does not make of those of the parts.
    pub(crate) fn validate_checksum(&self) -> Result<()> {
        let Some(checksum) = self.checksum else { return Ok(()) };
        let (algorithm, given) = (checksum.algorithm(), checksum.checksum_type());
        let kept = algorithm.required_type_of_parts()?;
        if given == kept {
            return Ok(());
        }
        let of = |kind| match kind {
            ChecksumType::FullObject => "of its bytes",
            ChecksumType::Composite => "of the checksums of its parts",
        };
        Err(Error::unsupported(format!(
            "R2 does not have the {algorithm} checksum {} of an object that was uploaded in parts: give that {}",
            of(given),
            of(kept)
        )))
    }

    /// The checksum that the object has by those of its parts, where it is a composite one and all are known.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn composite_of_parts(&self) -> Option<CompositeChecksum> {
        let algorithm = self.checksum_algorithm?;
        if algorithm.type_of_parts() != Some(ChecksumType::Composite) {
            return None;
        }
        let parts = self.parts.iter().map(|part| part.checksums.get(algorithm).copied());
        CompositeChecksum::of_parts(algorithm, parts.collect::<Option<Vec<_>>>()?).ok()
    }

    /// Refuses parts that R2 does not take, as far as their sizes are known. They are in the order of their
    /// numbers.
    pub(crate) fn validate_parts(&self) -> Result<()> {
        self.parts.iter().try_for_each(|part| validate_part_number(part.part_number))?;
        if let Some([twice, ..]) =
            self.parts.windows(2).find(|pair| pair[0].part_number == pair[1].part_number)
        {
            return Err(Error::invalid_input(format!("part {} is given twice", twice.part_number)));
        }
        self.validate_sizes()
    }

    fn validate_sizes(&self) -> Result<()> {
        let sizes: Vec<_> = self.parts.iter().map(|part| part.size).collect();
        let Err(wrong) = check_part_sizes(&sizes) else { return Ok(()) };
        let part = |index: usize| (self.parts[index].part_number, sizes[index].unwrap_or_default());
        let (message, code) = match wrong {
            WrongSize::TooSmall(index) => {
                let (number, size) = part(index);
                let message =
                    format!("part {number} has {size} bytes: all parts but the last have 5 MiB or more");
                (message, ENTITY_TOO_SMALL)
            }
            WrongSize::Unequal(index) | WrongSize::LastLarger(index) => {
                let ((number, size), (_, first)) = (part(index), part(0));
                let message = format!(
                    "part {number} has {size} bytes and the first one {first}: all parts but the last have one size, and the \
                     last is not larger"
                );
                (message, INVALID_PART)
            }
        };
        Err(Error::invalid_input(message).with_code(code.name))
    }
}

/// The abort of a multipart upload for
/// [`Bucket::abort_multipart_upload`](crate::r2::Bucket::abort_multipart_upload).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AbortMultipartUploadRequest {
    /// The upload's key.
    pub key: String,
    /// The upload's id.
    pub upload_id: String,
}

impl AbortMultipartUploadRequest {
    /// The abort of an upload.
    pub fn new(key: impl Into<String>, upload_id: impl Into<String>) -> Self {
        Self { key: key.into(), upload_id: upload_id.into() }
    }

    /// Refuses what names no upload.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_upload(&self.key, &self.upload_id)
    }
}

/// A list of parts for [`Bucket::list_parts`](crate::r2::Bucket::list_parts).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListPartsRequest {
    /// The upload's key.
    pub key: String,
    /// The upload's id.
    pub upload_id: String,
    /// Only parts with greater numbers.
    pub part_number_marker: Option<u16>,
    /// 1 to 1,000 parts; `None` means 1,000.
    pub limit: Option<u32>,
}

impl ListPartsRequest {
    /// A list of all parts of an upload.
    pub fn new(key: impl Into<String>, upload_id: impl Into<String>) -> Self {
        Self { key: key.into(), upload_id: upload_id.into(), part_number_marker: None, limit: None }
    }

    /// Refuses what R2 does not take.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_upload(&self.key, &self.upload_id)?;
        validate_page_size(self.limit)
    }
}

/// One page of the parts of an upload.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PartsPage {
    /// The parts, by number.
    pub parts: Vec<UploadedPart>,
    /// Whether there are more.
    pub truncated: bool,
    /// The marker of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_part_number_marker: Option<u16>,
    /// The storage class that the object will have, where the service says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<StorageClass>,
    /// The algorithm of the checksum that the object will have, where the service says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum_algorithm: Option<ChecksumAlgorithm>,
}

impl PartsPage {
    /// The last page, or the only one, with these parts.
    pub fn new(parts: Vec<UploadedPart>) -> Self {
        Self { parts, ..Self::default() }
    }

    /// The same page with more after it, whose numbers are greater than this one.
    #[must_use]
    pub fn truncated_at(mut self, part_number: u16) -> Self {
        self.truncated = true;
        self.next_part_number_marker = Some(part_number);
        self
    }
}

/// A list of uploads for [`Bucket::list_multipart_uploads`](crate::r2::Bucket::list_multipart_uploads).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ListMultipartUploadsRequest {
    /// Only keys that begin with this.
    pub prefix: String,
    /// Keys that go on to this after the prefix are grouped.
    pub delimiter: Option<String>,
    /// Only keys after this one, or with it where `upload_id_marker` is given.
    pub key_marker: Option<String>,
    /// Of the uploads of `key_marker`, only those after this one.
    pub upload_id_marker: Option<String>,
    /// 1 to 1,000; `None` means 1,000.
    pub limit: Option<u32>,
}

impl ListMultipartUploadsRequest {
    /// A list of all uploads.
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses what R2 does not take.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_page_size(self.limit)
    }
}

/// One page of the uploads under way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MultipartUploadsPage {
    /// The uploads, by key.
    pub uploads: Vec<MultipartUploadSummary>,
    /// The prefixes under which there are uploads of further keys.
    #[serde(default)]
    pub delimited_prefixes: Vec<String>,
    /// Whether there are more.
    pub truncated: bool,
    /// The key marker of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_key_marker: Option<String>,
    /// The upload marker of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_upload_id_marker: Option<String>,
}

impl MultipartUploadsPage {
    /// The last page, or the only one, with these uploads.
    pub fn new(uploads: Vec<MultipartUploadSummary>) -> Self {
        Self { uploads, ..Self::default() }
    }

    /// The same page with more after it: later uploads of this key, and those of keys after it.
    #[must_use]
    pub fn truncated_at(mut self, key: impl Into<String>, upload_id: impl Into<String>) -> Self {
        self.truncated = true;
        self.next_key_marker = Some(key.into());
        self.next_upload_id_marker = Some(upload_id.into());
        self
    }
}

/// An upload under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MultipartUploadSummary {
    /// The key that the object will have.
    pub key: String,
    /// The id.
    pub upload_id: String,
    /// When it was begun.
    #[serde(with = "crate::time::rfc3339")]
    pub initiated: SystemTime,
    /// The storage class that the object will have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<StorageClass>,
    /// The algorithm of the checksum that the object will have, where the service says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum_algorithm: Option<ChecksumAlgorithm>,
}

impl MultipartUploadSummary {
    /// An upload of which no more is known.
    pub fn new(key: impl Into<String>, upload_id: impl Into<String>, initiated: SystemTime) -> Self {
        Self {
            key: key.into(),
            upload_id: upload_id.into(),
            initiated,
            storage_class: None,
            checksum_algorithm: None,
        }
    }
}

/// Refuses what names no upload.
pub(crate) fn validate_upload(key: &str, upload_id: &str) -> Result<()> {
    validate_key(key)?;
    validate_upload_id(upload_id)
}

/// Refuses part numbers that R2 does not take.
pub(crate) fn validate_part_number(number: u16) -> Result<()> {
    if (1..=MAX_PARTS).contains(&number) {
        return Ok(());
    }
    Err(Error::invalid_input(format!("the part number {number} is not within 1 to 10,000"))
        .with_code(INVALID_ARGUMENT.name))
}

/// Refuses an empty id of an upload: without one the request would be another operation. It is opaque otherwise.
pub(crate) fn validate_upload_id(upload_id: &str) -> Result<()> {
    if upload_id.is_empty() {
        return Err(Error::invalid_input("the upload id is empty"));
    }
    Ok(())
}

/// What is wrong with the sizes of an upload's parts, and with which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WrongSize {
    /// It is not the last and has less than [`MIN_PART_SIZE`].
    TooSmall(usize),
    /// It is not the last and has another size than the first.
    Unequal(usize),
    /// It is the last and larger than the first.
    LastLarger(usize),
}

/// R2's rule on sizes, as far as they are known: all parts but the last have one size of 5 MiB or more, and
/// the last is not larger.
pub(crate) fn check_part_sizes(sizes: &[Option<u64>]) -> Result<(), WrongSize> {
    let Some((last, others)) = sizes.split_last() else { return Ok(()) };
    let first = sizes[0];
    if let Some(small) = others.iter().position(|size| size.is_some_and(|size| size < MIN_PART_SIZE)) {
        return Err(WrongSize::TooSmall(small));
    }
    let differs = |size: &Option<u64>| first.zip(*size).is_some_and(|(first, size)| size != first);
    if let Some(unequal) = others.iter().position(differs) {
        return Err(WrongSize::Unequal(unequal));
    }
    match (first, last) {
        (Some(first), Some(last)) if *last > first => Err(WrongSize::LastLarger(others.len())),
        _ => Ok(()),
    }
}

/// Whether an object is what completing an upload of these parts makes: by its etag, the MD5 of the parts'
/// MD5s, where the service's part etags are MD5s, else by the number of parts and the size.
pub(crate) fn is_made_of(object: &Object, parts: &[UploadedPart]) -> bool {
    let size = parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(part.size?));
    if size.is_some_and(|size| size != object.size) {
        return false;
    }
    match etags_of(parts) {
        Some(etags) => etags.contains(&object.etag),
        None => size.is_some() && object.etag.ends_with(&format!("-{}", parts.len())),
    }
}

/// Whether an etag cannot be that of an object of these parts: it says of how many it is, and they are more
/// or fewer; or it is another MD5 than that of the parts', where `are_md5s` says that their etags are MD5s of
/// their bytes. An etag that is not written as R2 writes it says neither.
pub(crate) fn contradicts_parts(etag: &str, parts: &[UploadedPart], are_md5s: bool) -> bool {
    let Some(count) = parts_of_etag(etag) else { return false };
    if count != parts.len() as u64 {
        return true;
    }
    are_md5s && is_md5_of_parts(etag, parts) == Some(false)
}

/// How many parts an etag names that is written as R2 writes it.
pub(crate) fn parts_of_etag(etag: &str) -> Option<u64> {
    let (md5, count) = etag.split_once('-')?;
    Checksum::from_etag(md5)?;
    count.parse().ok()
}

/// Whether an etag is the MD5 of the parts' MD5s, where the etags of the parts are MD5s.
pub(crate) fn is_md5_of_parts(etag: &str, parts: &[UploadedPart]) -> Option<bool> {
    Some(etags_of(parts)?.iter().any(|made| made.eq_ignore_ascii_case(etag)))
}

/// The etags that an object of these parts may have, where those of the parts are MD5s: their MD5, as R2 and
/// S3 have it, or that of their hexadecimal digits, as in Garage.
fn etags_of(parts: &[UploadedPart]) -> Option<[String; 2]> {
    let (mut of_bytes, mut of_digits) = (Hasher::md5(), Hasher::md5());
    for part in parts {
        let md5 = Checksum::from_etag(&part.etag)?;
        of_bytes.update(md5.as_bytes());
        of_digits.update(md5.to_hex().as_bytes());
    }
    Some([of_bytes, of_digits].map(|hasher| format!("{}-{}", hasher.finish().to_hex(), parts.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(sizes: &[Option<u64>]) -> CompleteMultipartUploadRequest {
        let part = |(size, part_number)| UploadedPart { size, ..UploadedPart::new(part_number, "e") };
        let parts = sizes.iter().copied().zip(1..).map(part).collect();
        CompleteMultipartUploadRequest::new("k", "u", parts)
    }

    #[test]
    fn parts_of_wrong_sizes_are_refused_as_far_as_they_are_known() {
        const MIB: u64 = 1024 * 1024;
        let known = |sizes: &[u64]| upload(&sizes.iter().copied().map(Some).collect::<Vec<_>>());
        for good in [&[1][..], &[5 * MIB, 1], &[6 * MIB, 6 * MIB, 6 * MIB], &[5 * MIB, 0]] {
            assert!(known(good).validate_sizes().is_ok(), "{good:?}");
        }
        for (bad, code, part) in [
            (&[MIB, MIB][..], "EntityTooSmall", "part 1 has 1048576 bytes"),
            (&[5 * MIB, 6 * MIB], "InvalidPart", "part 2 has 6291456 bytes and the first one 5242880"),
            (&[6 * MIB, 5 * MIB, 1], "InvalidPart", "part 2 has 5242880 bytes and the first one 6291456"),
        ] {
            let error = known(bad).validate_sizes().unwrap_err();
            assert_eq!(error.code(), Some(code), "{bad:?}");
            assert!(error.message().starts_with(part), "{error}");
        }
        for unknown in
            [&[None, None][..], &[None, Some(6 * MIB), Some(5 * MIB)], &[Some(5 * MIB), None, Some(1)]]
        {
            assert!(upload(unknown).validate_sizes().is_ok(), "{unknown:?}");
        }
    }

    #[test]
    fn parts_that_make_no_object_are_refused() {
        let with_numbers = |numbers: &[u16]| {
            let mut upload = upload(&vec![None; numbers.len()]);
            upload.parts.iter_mut().zip(numbers).for_each(|(part, number)| part.part_number = *number);
            upload
        };
        let validate = |numbers: &[u16]| {
            let upload = with_numbers(numbers);
            upload.validate().and_then(|()| upload.validate_parts())
        };
        assert!(validate(&[2, 10_000]).is_ok());
        for (numbers, why) in [
            (&[][..], "cannot be completed without parts"),
            (&[1, 1], "part 1 is given twice"),
            (&[0], "the part number 0 is not within"),
            (&[10_001], "the part number 10001 is not within"),
        ] {
            let error = validate(numbers).unwrap_err().to_string();
            assert!(error.contains(why), "{numbers:?}: {error}");
        }
    }

    #[test]
    fn the_whole_has_the_kind_of_checksum_that_r2_has() {
        let with = |checksum: ObjectChecksum| {
            let complete = CompleteMultipartUploadRequest { checksum: Some(checksum), ..upload(&[None]) };
            complete.validate().map_err(|error| (error.kind(), error.message().to_owned()))
        };
        let of_bytes = |algorithm| Checksum::of(algorithm, b"a");
        let composite = |algorithm| CompositeChecksum::new(of_bytes(algorithm), 1);
        assert_eq!(with(of_bytes(ChecksumAlgorithm::Crc64Nvme).into()), Ok(()));
        for algorithm in ChecksumAlgorithm::ALL {
            let is_composite = algorithm.type_of_parts() == Some(ChecksumType::Composite);
            assert_eq!(with(composite(algorithm).into()).is_ok(), is_composite, "{algorithm}");
        }
        for (wrong, why) in [
            (of_bytes(ChecksumAlgorithm::Md5).into(), "does not have the md5 checksum"),
            (of_bytes(ChecksumAlgorithm::Sha256).into(), "the sha256 checksum of its bytes"),
            (composite(ChecksumAlgorithm::Crc64Nvme).into(), "checksum of the checksums of its parts"),
        ] {
            let (kind, message) = with(wrong).unwrap_err();
            assert_eq!(kind, crate::ErrorKind::Unsupported);
            assert!(message.contains(why), "{message}");
        }
        let mut create = CreateMultipartUploadRequest::new("k");
        create.checksum_algorithm = Some(ChecksumAlgorithm::Sha512);
        assert_eq!(create.validate().unwrap_err().kind(), crate::ErrorKind::Unsupported);
    }

    #[test]
    fn a_completed_object_is_recognised_by_its_etag() {
        let parts: Vec<_> = ["bce6bf66aeb76c7040fdd5f4eccb78e6", "8165449fc15bbf43d3b674595cbcc406"]
            .into_iter()
            .zip(1..)
            .map(|(etag, part_number)| UploadedPart::new(part_number, etag))
            .collect();
        let object = |etag| Object::new("k", 1, etag, std::time::UNIX_EPOCH);
        assert!(is_made_of(&object("f77dc0eecdebcd774a2a22cb393ad2ff-2"), &parts));
        assert!(!is_made_of(&object("f77dc0eecdebcd774a2a22cb393ad2fe-2"), &parts));
    }
}
