//! The checksum that an upload asks the service to keep.

use crate::model::r2::{ChecksumAlgorithm, ChecksumType, CreateMultipartUploadRequest};

/// The algorithm of which each part needs a checksum of its own, beside the CRC-64.
pub(super) fn composite_algorithm(request: &CreateMultipartUploadRequest) -> Option<ChecksumAlgorithm> {
    request.checksum_algorithm.filter(|algorithm| algorithm.type_of_parts() == Some(ChecksumType::Composite))
}

/// Whether it is the CRC-64, verification or not.
pub(super) fn asks_for_crc(request: &CreateMultipartUploadRequest) -> bool {
    request.checksum_algorithm == Some(ChecksumAlgorithm::Crc64Nvme)
}

/// The setter of an upload, whose request is this field.
macro_rules! checksum_algorithm_setter {
    ($($request:ident).+) => {
        /// The checksum that R2 is to keep of the object. What goes up in one request has that of its bytes;
        /// an upload in parts [that of its bytes or a composite
        /// one](crate::r2::CreateMultipartUpload::checksum_algorithm), as R2 has it. By default it is the
        /// CRC-64/NVME, where the service knows of it.
        ///
        /// # Errors
        /// [`ErrorKind::Unsupported`](crate::ErrorKind), before any I/O: MD5, SHA-384 and SHA-512.
        pub fn checksum_algorithm(mut self, algorithm: $crate::r2::ChecksumAlgorithm) -> Self {
            self.$($request).+.checksum_algorithm = Some(algorithm);
            self
        }
    };
}
pub(in crate::transfer) use checksum_algorithm_setter;
