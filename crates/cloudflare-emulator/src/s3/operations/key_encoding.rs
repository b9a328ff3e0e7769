//! `encoding-type`, by which a listing says its keys percent-encoded: XML cannot carry every character.

use cloudflare_clients::s3::xml::Writer;
use cloudflare_clients::sigv4;

use crate::s3::error::S3Error;
use crate::s3::request::S3Request;

/// How a listing says keys, prefixes and delimiters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyEncoding {
    Plain,
    Url,
}

impl KeyEncoding {
    /// The one that was asked for.
    pub(super) fn parse(request: &S3Request) -> Result<Self, S3Error> {
        match request.query.get("encoding-type") {
            None => Ok(Self::Plain),
            Some("url") => Ok(Self::Url),
            Some(other) => Err(S3Error::not_implemented(format!(
                "Unrecognized encoding-type \"{other}\" not implemented"
            ))),
        }
    }

    pub(super) fn encode(self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Url => {
                let mut encoded = String::new();
                sigv4::encode_path(text, &mut encoded);
                encoded
            }
        }
    }

    /// Says in the answer how its keys are encoded.
    pub(super) fn write(self, root: &mut Writer) {
        if self == Self::Url {
            root.text("EncodingType", "url");
        }
    }
}
