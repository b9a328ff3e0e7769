//! Actions of the S3 API that temporary credentials can be restricted to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Defines the actions, with R2's names.
macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// An operation that temporary credentials can be
        /// [restricted to](https://developers.cloudflare.com/r2/api/s3/temporary-credentials/).
        ///
        /// `HeadBucket` cannot be chosen.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum S3Action {
            $($(#[$doc])* $name,)*
        }

        impl S3Action {
            /// All actions.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The action's name, such as `GetObject`.
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
    /// Reads the location of the bucket.
    GetBucketLocation,
    /// Lists objects with the first version of the API.
    ListObjectsV1,
    /// Lists objects with the second version of the API.
    ListObjectsV2,
    /// Lists unfinished multipart uploads.
    ListMultipartUploads,
    /// Lists the parts of an upload.
    ListParts,
    /// Stores an object.
    PutObject,
    /// Deletes an object.
    DeleteObject,
    /// Deletes several objects.
    DeleteObjects,
    /// Copies an object, which also reads it.
    CopyObject,
    /// Creates a multipart upload.
    CreateMultipartUpload,
    /// Uploads a part.
    UploadPart,
    /// Copies a range of an object as a part, which also reads it.
    UploadPartCopy,
    /// Aborts a multipart upload.
    AbortMultipartUpload,
    /// Completes a multipart upload.
    CompleteMultipartUpload,
}

impl S3Action {
    /// Whether the action changes nothing.
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
