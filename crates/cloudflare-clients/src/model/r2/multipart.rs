//! Requests for multipart uploads, and the rules of parts.

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

/// A request to create a multipart upload, for
/// [`Bucket::create_multipart_upload`](crate::r2::Bucket::create_multipart_upload).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CreateMultipartUploadRequest {
    /// The key of the object.
    pub key: String,
    /// The HTTP headers to store with the object.
    pub http_metadata: HttpMetadata,
    /// The custom metadata to store with the object.
    pub custom_metadata: CustomMetadata,
    /// The storage class of the object. `None` means the bucket's default.
    pub storage_class: Option<StorageClass>,
    /// The algorithm of the object's checksum. The algorithm decides whether that is
    /// [of all bytes or of the checksums of the parts](ChecksumAlgorithm::type_of_parts).
    pub checksum_algorithm: Option<ChecksumAlgorithm>,
    /// The customer's key to encrypt the object with. Each part needs it too.
    pub ssec_key: Option<SseCustomerKey>,
}

impl CreateMultipartUploadRequest {
    /// Creates a request for an upload to this key, without metadata.
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

    /// Checks the request against R2's rules.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_key(&self.key)?;
        self.http_metadata.validate()?;
        self.custom_metadata.validate()?;
        self.checksum_algorithm.map_or(Ok(()), |algorithm| algorithm.required_type_of_parts().map(drop))
    }
}

/// A multipart upload that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedMultipartUpload {
    /// The upload id, which names the upload in later requests.
    pub upload_id: String,
}

impl CreatedMultipartUpload {
    /// Creates an upload with this id.
    pub fn new(upload_id: impl Into<String>) -> Self {
        Self { upload_id: upload_id.into() }
    }
}

/// A request to upload a part, for [`Bucket::upload_part`](crate::r2::Bucket::upload_part).
#[derive(Debug)]
#[non_exhaustive]
pub struct UploadPartRequest {
    /// The key of the upload.
    pub key: String,
    /// The id of the upload.
    pub upload_id: String,
    /// The part number: 1 to 10,000.
    pub part_number: u16,
    /// The bytes. Their length must be known.
    pub body: Body,
    /// The checksum that the bytes must have.
    pub checksum: Option<Checksum>,
    /// The customer's key with which the upload was created.
    pub ssec_key: Option<SseCustomerKey>,
}

impl UploadPartRequest {
    /// Creates a request to upload a part.
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

    /// Checks the request against R2's rules, and that the body's length is known.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_upload(&self.key, &self.upload_id)?;
        validate_part_number(self.part_number)?;
        validate_upload_size(self.body.known_length()?)
    }
}

/// A request to copy an object, or a range of it, as a part, for
/// [`Bucket::upload_part_copy`](crate::r2::Bucket::upload_part_copy).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UploadPartCopyRequest {
    /// The key of the upload.
    pub key: String,
    /// The id of the upload.
    pub upload_id: String,
    /// The part number: 1 to 10,000.
    pub part_number: u16,
    /// The source's bucket, in the same account. `None` for the upload's bucket.
    pub source_bucket: Option<String>,
    /// The source's key.
    pub source: String,
    /// The bytes to copy. `None` for all. An end after the object's end is reduced to it.
    pub range: Option<Range<u64>>,
    /// Conditions on the source. R2 does not support them here: [`ErrorKind::Unsupported`](crate::ErrorKind).
    pub source_only_if: Conditional,
    /// The customer's key with which the source is encrypted.
    pub source_ssec_key: Option<SseCustomerKey>,
    /// The customer's key with which the upload was created.
    pub ssec_key: Option<SseCustomerKey>,
}

impl UploadPartCopyRequest {
    /// Creates a request to copy all bytes of an object in the same bucket.
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

    /// Checks the request against R2's rules.
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

/// A part that was uploaded. It can be serialized, and passed to a later completion of the upload.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UploadedPart {
    /// The part number: 1 to 10,000.
    pub part_number: u16,
    /// The part's etag, without quotes.
    pub etag: String,
    /// The size in bytes, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When the part was uploaded. Only listed parts have it.
    #[serde(default, with = "crate::time::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub uploaded: Option<SystemTime>,
    /// The checksums that the service returned. Completing the upload sends those of the upload's algorithm
    /// back.
    #[serde(default, skip_serializing_if = "Checksums::is_empty")]
    pub checksums: Checksums,
}

impl UploadedPart {
    /// Creates a part with only its number and etag.
    pub fn new(part_number: u16, etag: impl Into<String>) -> Self {
        Self { part_number, etag: etag.into(), size: None, uploaded: None, checksums: Checksums::default() }
    }

    /// The CRC-64/NVME of the part's bytes, if the service returned it and the size is known. Those of all
    /// parts, in order, combine to that of the object.
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

/// A request to complete a multipart upload, for
/// [`Bucket::complete_multipart_upload`](crate::r2::Bucket::complete_multipart_upload).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CompleteMultipartUploadRequest {
    /// The key of the upload.
    pub key: String,
    /// The id of the upload.
    pub upload_id: String,
    /// The parts, sorted by number.
    pub parts: Vec<UploadedPart>,
    /// Conditions on the object that is replaced. If they do not hold, the upload is lost.
    pub only_if: Conditional,
    /// The algorithm with which the upload was created, if it is known. With it, the parts' checksums are
    /// sent too.
    pub checksum_algorithm: Option<ChecksumAlgorithm>,
    /// The checksum that the object must have: the CRC-64/NVME of all its bytes, or the composite checksum of
    /// the algorithm with which the upload was created. If it differs, the upload is unchanged.
    pub checksum: Option<ObjectChecksum>,
    /// The customer's key with which the upload was created. R2 does not need it here. AWS needs it if the
    /// upload has checksums.
    pub ssec_key: Option<SseCustomerKey>,
}

impl CompleteMultipartUploadRequest {
    /// Creates a request to complete an upload with these parts, which must be sorted by number.
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

    /// Checks that the request names an upload, has parts, and has a checksum that R2 supports. The service
    /// checks the rest.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_upload(&self.key, &self.upload_id)?;
        self.only_if.validate()?;
        self.validate_checksum()?;
        if self.parts.is_empty() {
            return Err(Error::invalid_input(
                "an upload cannot be completed without parts: upload a part first, or abort the upload",
            ));
        }
        Ok(())
    }

    /// Refuses checksums that R2 does not compute for a multipart object.
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
            "R2 has no {algorithm} checksum {} for an object that is uploaded in parts: use the one {}",
            of(given),
            of(kept)
        )))
    }

    /// The object's composite checksum, computed from its parts' checksums if all are known.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn composite_of_parts(&self) -> Option<CompositeChecksum> {
        let algorithm = self.checksum_algorithm?;
        if algorithm.type_of_parts() != Some(ChecksumType::Composite) {
            return None;
        }
        let parts = self.parts.iter().map(|part| part.checksums.get(algorithm).copied());
        CompositeChecksum::of_parts(algorithm, parts.collect::<Option<Vec<_>>>()?).ok()
    }

    /// Checks the numbers of the parts, which are sorted, and their sizes as far as they are known.
    pub(crate) fn validate_parts(&self) -> Result<()> {
        self.parts.iter().try_for_each(|part| validate_part_number(part.part_number))?;
        if let Some([twice, ..]) =
            self.parts.windows(2).find(|pair| pair[0].part_number == pair[1].part_number)
        {
            return Err(Error::invalid_input(format!("part {} occurs twice", twice.part_number)));
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
                let message = format!(
                    "part {number} has {size} bytes: all parts except the last must have at least 5 MiB"
                );
                (message, ENTITY_TOO_SMALL)
            }
            WrongSize::Unequal(index) | WrongSize::LastLarger(index) => {
                let ((number, size), (_, first)) = (part(index), part(0));
                let message = format!(
                    "part {number} has {size} bytes and the first part has {first}: all parts except the last must have the same \
                     size, and the last must not be larger"
                );
                (message, INVALID_PART)
            }
        };
        Err(Error::invalid_input(message).with_code(code.name))
    }
}

/// A request to abort a multipart upload, for
/// [`Bucket::abort_multipart_upload`](crate::r2::Bucket::abort_multipart_upload).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AbortMultipartUploadRequest {
    /// The key of the upload.
    pub key: String,
    /// The id of the upload.
    pub upload_id: String,
}

impl AbortMultipartUploadRequest {
    /// Creates a request to abort an upload.
    pub fn new(key: impl Into<String>, upload_id: impl Into<String>) -> Self {
        Self { key: key.into(), upload_id: upload_id.into() }
    }

    /// Checks that the request names an upload.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_upload(&self.key, &self.upload_id)
    }
}

/// A request for one page of an upload's parts, for [`Bucket::list_parts`](crate::r2::Bucket::list_parts).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListPartsRequest {
    /// The key of the upload.
    pub key: String,
    /// The id of the upload.
    pub upload_id: String,
    /// Only parts with larger numbers than this.
    pub part_number_marker: Option<u16>,
    /// The maximum number of parts on the page: 1 to 1,000. `None` means 1,000.
    pub limit: Option<u32>,
}

impl ListPartsRequest {
    /// Creates a request for the first page.
    pub fn new(key: impl Into<String>, upload_id: impl Into<String>) -> Self {
        Self { key: key.into(), upload_id: upload_id.into(), part_number_marker: None, limit: None }
    }

    /// Checks the request against R2's rules.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_upload(&self.key, &self.upload_id)?;
        validate_page_size(self.limit)
    }
}

/// One page of an upload's parts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PartsPage {
    /// The parts, sorted by number.
    pub parts: Vec<UploadedPart>,
    /// Whether there are more pages.
    pub truncated: bool,
    /// Where the next page begins, for [`ListPartsRequest::part_number_marker`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_part_number_marker: Option<u16>,
    /// The storage class of the object, if the service returned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<StorageClass>,
    /// The algorithm of the object's checksum, if the service returned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum_algorithm: Option<ChecksumAlgorithm>,
}

impl PartsPage {
    /// Creates the last page, or the only one, with these parts.
    pub fn new(parts: Vec<UploadedPart>) -> Self {
        Self { parts, ..Self::default() }
    }

    /// Marks the page as followed by another one, with larger part numbers than this.
    #[must_use]
    pub fn truncated_at(mut self, part_number: u16) -> Self {
        self.truncated = true;
        self.next_part_number_marker = Some(part_number);
        self
    }
}

/// A request for one page of unfinished uploads, for
/// [`Bucket::list_multipart_uploads`](crate::r2::Bucket::list_multipart_uploads).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ListMultipartUploadsRequest {
    /// Only keys with this prefix. Empty for all.
    pub prefix: String,
    /// Groups keys that have this after the prefix: uploads are replaced by one delimited prefix per group.
    pub delimiter: Option<String>,
    /// Only keys after this one. Includes this key if `upload_id_marker` is set.
    pub key_marker: Option<String>,
    /// Of the uploads with the key `key_marker`, only those after this one.
    pub upload_id_marker: Option<String>,
    /// The maximum number of entries on the page: 1 to 1,000. `None` means 1,000.
    pub limit: Option<u32>,
}

impl ListMultipartUploadsRequest {
    /// Creates a request for the first page of all uploads.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks the request against R2's rules.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_page_size(self.limit)
    }
}

/// One page of unfinished uploads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MultipartUploadsPage {
    /// The uploads, sorted by key.
    pub uploads: Vec<MultipartUploadSummary>,
    /// The groups of further keys: prefixes that end with the delimiter.
    #[serde(default)]
    pub delimited_prefixes: Vec<String>,
    /// Whether there are more pages.
    pub truncated: bool,
    /// Where the next page begins, for [`ListMultipartUploadsRequest::key_marker`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_key_marker: Option<String>,
    /// Where the next page begins, for [`ListMultipartUploadsRequest::upload_id_marker`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_upload_id_marker: Option<String>,
}

impl MultipartUploadsPage {
    /// Creates the last page, or the only one, with these uploads.
    pub fn new(uploads: Vec<MultipartUploadSummary>) -> Self {
        Self { uploads, ..Self::default() }
    }

    /// Marks the page as followed by another one: later uploads of this key, and those of keys after it.
    #[must_use]
    pub fn truncated_at(mut self, key: impl Into<String>, upload_id: impl Into<String>) -> Self {
        self.truncated = true;
        self.next_key_marker = Some(key.into());
        self.next_upload_id_marker = Some(upload_id.into());
        self
    }
}

/// An unfinished multipart upload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MultipartUploadSummary {
    /// The key of the object.
    pub key: String,
    /// The upload id.
    pub upload_id: String,
    /// When the upload was created.
    #[serde(with = "crate::time::rfc3339")]
    pub initiated: SystemTime,
    /// The storage class of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<StorageClass>,
    /// The algorithm of the object's checksum, if the service returned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum_algorithm: Option<ChecksumAlgorithm>,
}

impl MultipartUploadSummary {
    /// Creates an upload with only its key, id and time.
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

/// Checks the key and id of an upload.
pub(crate) fn validate_upload(key: &str, upload_id: &str) -> Result<()> {
    validate_key(key)?;
    validate_upload_id(upload_id)
}

/// Checks a part number.
pub(crate) fn validate_part_number(number: u16) -> Result<()> {
    if (1..=MAX_PARTS).contains(&number) {
        return Ok(());
    }
    Err(Error::invalid_input(format!("the part number is {number}: it must be 1 to 10,000"))
        .with_code(INVALID_ARGUMENT.name))
}

/// Refuses an empty upload id, without which the request would be a different operation. Ids are opaque
/// otherwise.
pub(crate) fn validate_upload_id(upload_id: &str) -> Result<()> {
    if upload_id.is_empty() {
        return Err(Error::invalid_input("the upload id is empty"));
    }
    Ok(())
}

/// What is wrong with the sizes of an upload's parts, with the index of the part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WrongSize {
    /// The part is not the last and is smaller than [`MIN_PART_SIZE`].
    TooSmall(usize),
    /// The part is not the last and its size differs from that of the first.
    Unequal(usize),
    /// The part is the last and larger than the first.
    LastLarger(usize),
}

/// Checks R2's rule on sizes, as far as they are known: all parts except the last have the same size of at
/// least 5 MiB, and the last is not larger.
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

/// Whether an object is the result of completing an upload with these parts. If the parts' etags are MD5s,
/// this compares the object's etag, the MD5 of the parts' MD5s; otherwise the number of parts and the size.
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

/// Whether an object with this etag cannot consist of these parts: the etag has another number of parts, or
/// another MD5 of the parts' MD5s. `are_md5s` says whether the parts' etags are MD5s of their bytes. False
/// for an etag that is not in R2's form.
pub(crate) fn contradicts_parts(etag: &str, parts: &[UploadedPart], are_md5s: bool) -> bool {
    let Some(count) = parts_of_etag(etag) else { return false };
    if count != parts.len() as u64 {
        return true;
    }
    are_md5s && is_md5_of_parts(etag, parts) == Some(false)
}

/// The number of parts in an etag, if it is in R2's form.
pub(crate) fn parts_of_etag(etag: &str) -> Option<u64> {
    let (md5, count) = etag.split_once('-')?;
    Checksum::from_etag(md5)?;
    count.parse().ok()
}

/// Whether an etag is the MD5 of the parts' MD5s. `None` if the parts' etags are not MD5s.
pub(crate) fn is_md5_of_parts(etag: &str, parts: &[UploadedPart]) -> Option<bool> {
    Some(etags_of(parts)?.iter().any(|made| made.eq_ignore_ascii_case(etag)))
}

/// The possible etags of an object with these parts, if their etags are MD5s: the MD5 of the MD5s, as with R2
/// and S3, or of their hexadecimal digits, as with Garage.
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
            (&[5 * MIB, 6 * MIB], "InvalidPart", "part 2 has 6291456 bytes and the first part has 5242880"),
            (
                &[6 * MIB, 5 * MIB, 1],
                "InvalidPart",
                "part 2 has 5242880 bytes and the first part has 6291456",
            ),
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
            (&[1, 1], "part 1 occurs twice"),
            (&[0], "the part number is 0"),
            (&[10_001], "the part number is 10001"),
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
            (of_bytes(ChecksumAlgorithm::Md5).into(), "has no md5 checksum"),
            (of_bytes(ChecksumAlgorithm::Sha256).into(), "no sha256 checksum of its bytes"),
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
