//! `encoding-type`: percent-encoding of keys in listings, since XML cannot represent every character.

use cloudflare_clients::s3::xml::Writer;
use cloudflare_clients::sigv4;

use crate::s3::error::S3Error;
use crate::s3::request::S3Request;

/// Encoding of keys, prefixes and delimiters in a listing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyEncoding {
    Plain,
    Url,
}

impl KeyEncoding {
    /// Returns the requested encoding.
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

    /// Writes the encoding into the answer.
    pub(super) fn write(self, root: &mut Writer) {
        if self == Self::Url {
            root.text("EncodingType", "url");
        }
    }
}
