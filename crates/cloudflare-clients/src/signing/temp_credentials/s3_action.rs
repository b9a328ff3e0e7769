//! What temporary credentials can be limited to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A variant for each action, named as R2 names it.
macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// An operation that temporary credentials can be
        /// [limited to](https://developers.cloudflare.com/r2/api/s3/temporary-credentials/).
        ///
        /// `HeadBucket` is not among them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum S3Action {
            $($(#[$doc])* $name,)*
        }

        impl S3Action {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name, such as `GetObject`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

actions! {
    /// Reads an object's metadata.
    HeadObject,
    /// Reads an object.
    GetObject,
    /// Reads where the bucket is.
    GetBucketLocation,
    /// Lists objects, in the first version of the API.
    ListObjectsV1,
    /// Lists objects.
    ListObjectsV2,
    /// Lists the uploads in parts that were not finished.
    ListMultipartUploads,
    /// Lists the parts of an upload.
    ListParts,
    /// Stores an object.
    PutObject,
    /// Deletes an object.
    DeleteObject,
    /// Deletes several objects.
    DeleteObjects,
    /// Copies an object, which it also reads.
    CopyObject,
    /// Begins an upload in parts.
    CreateMultipartUpload,
    /// Uploads a part.
    UploadPart,
    /// Copies a range of an object, which it also reads, as a part.
    UploadPartCopy,
    /// Gives an upload up.
    AbortMultipartUpload,
    /// Makes an object of an upload's parts.
    CompleteMultipartUpload,
}

impl S3Action {
    /// Whether it changes nothing.
    pub fn only_reads(self) -> bool {
        matches!(
            self,
            Self::HeadObject
                | Self::GetObject
                | Self::GetBucketLocation
                | Self::ListObjectsV1
                | Self::ListObjectsV2
                | Self::ListMultipartUploads
                | Self::ListParts
        )
    }
}

impl fmt::Display for S3Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for S3Action {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|action| action.as_str()).collect();
            Error::invalid_input(format!("{text:?} is not an action: use {}", known.join(", ")))
        })
    }
}
