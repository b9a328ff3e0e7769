//! The checksum that an upload asks the service to keep.

use crate::model::r2::{ChecksumAlgorithm, ChecksumType, CreateMultipartUploadRequest};

/// The algorithm of the checksum that each part needs in addition to the CRC-64.
pub(super) fn composite_algorithm(request: &CreateMultipartUploadRequest) -> Option<ChecksumAlgorithm> {
    request.checksum_algorithm.filter(|algorithm| algorithm.type_of_parts() == Some(ChecksumType::Composite))
}

/// Whether the upload asks for the CRC-64, even if verification is off.
pub(super) fn asks_for_crc(request: &CreateMultipartUploadRequest) -> bool {
    request.checksum_algorithm == Some(ChecksumAlgorithm::Crc64Nvme)
}

/// Defines the setter of an upload with the given request field.
macro_rules! checksum_algorithm_setter {
    ($($request:ident).+) => {
        /// Sets the checksum that R2 stores for the object. For an upload in one request it is the checksum
        /// of all bytes; for a multipart upload [that of all bytes or a composite
        /// one](crate::r2::CreateMultipartUpload::checksum_algorithm), depending on the algorithm. The
        /// default is CRC-64/NVME, if the service supports it.
        ///
        /// # Errors
        /// [`ErrorKind::Unsupported`](crate::ErrorKind), before any I/O, for MD5, SHA-384 and SHA-512.
        pub fn checksum_algorithm(mut self, algorithm: $crate::r2::ChecksumAlgorithm) -> Self {
            self.$($request).+.checksum_algorithm = Some(algorithm);
            self
        }
    };
}
pub(in crate::transfer) use checksum_algorithm_setter;
