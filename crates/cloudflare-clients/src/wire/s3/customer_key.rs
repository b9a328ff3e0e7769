//! The headers of the customer's key that an object is encrypted with (SSE-C), in both directions.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::model::r2::error_code::{INVALID_ARGUMENT, INVALID_ENCRYPTION_ALGORITHM_ERROR};
use crate::model::r2::{Checksum, ChecksumAlgorithm, SseCustomerKey};

/// The only algorithm.
const ALGORITHM: &str = "AES256";

/// Which object the headers of a customer's key refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CustomerKeyTarget {
    /// The object that the request names: `x-amz-server-side-encryption-customer-*`.
    Object,
    /// The source of a copy: `x-amz-copy-source-server-side-encryption-customer-*`.
    CopySource,
}

impl CustomerKeyTarget {
    /// Returns the names of the headers for the algorithm, the key, and the MD5 of the key.
    pub const fn headers(self) -> [HeaderName; 3] {
        match self {
            Self::Object => [
                HeaderName::from_static("x-amz-server-side-encryption-customer-algorithm"),
                HeaderName::from_static("x-amz-server-side-encryption-customer-key"),
                HeaderName::from_static("x-amz-server-side-encryption-customer-key-md5"),
            ],
            Self::CopySource => [
                HeaderName::from_static("x-amz-copy-source-server-side-encryption-customer-algorithm"),
                HeaderName::from_static("x-amz-copy-source-server-side-encryption-customer-key"),
                HeaderName::from_static("x-amz-copy-source-server-side-encryption-customer-key-md5"),
            ],
        }
    }
}

/// Adds the headers of a customer's key, if there is one. The value of the key's header is marked as
/// sensitive.
pub fn write_ssec_key(key: Option<&SseCustomerKey>, target: CustomerKeyTarget, headers: &mut HeaderMap) {
    let Some(key) = key else { return };
    let [algorithm, name, md5] = target.headers();
    let (Ok(mut bytes), Ok(hash)) =
        (HeaderValue::from_str(&key.to_base64()), HeaderValue::from_str(&key.md5().to_base64()))
    else {
        return;
    };
    bytes.set_sensitive(true);
    headers.insert(algorithm, HeaderValue::from_static(ALGORITHM));
    headers.insert(name, bytes);
    headers.insert(md5, hash);
}

/// Adds the headers of an answer about an object that is encrypted with the key that has this MD5, in hex.
pub fn write_ssec_key_md5(md5: Option<&str>, headers: &mut HeaderMap) {
    let md5 = md5.and_then(|md5| HeaderValue::from_str(&Checksum::from_etag(md5)?.to_base64()).ok());
    if let Some(md5) = md5 {
        let [algorithm, _, name] = CustomerKeyTarget::Object.headers();
        headers.insert(algorithm, HeaderValue::from_static(ALGORITHM));
        headers.insert(name, md5);
    }
}

/// Reads the MD5, in hex, of the key that an object is encrypted with from the headers of an answer.
pub fn read_ssec_key_md5(headers: &HeaderMap) -> Option<String> {
    let [algorithm, _, name] = CustomerKeyTarget::Object.headers();
    headers.get(algorithm)?;
    let md5 = headers.get(name)?.to_str().ok()?;
    Some(Checksum::from_base64(ChecksumAlgorithm::Md5, md5).ok()?.to_hex())
}

/// Reads the customer's key of a request.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) with AWS's message and the code `InvalidArgument` or
/// `InvalidEncryptionAlgorithmError` if one of the three headers is missing, or they are not a key of 32
/// bytes and its MD5.
pub fn read_ssec_key(headers: &HeaderMap, target: CustomerKeyTarget) -> Result<Option<SseCustomerKey>> {
    let [algorithm, key, md5] = target.headers().map(|name| text(headers, &name));
    if algorithm.is_none() && key.is_none() && md5.is_none() {
        return Ok(None);
    }
    let refused = |message: Cow<'static, str>| Error::invalid_input(message).with_code(INVALID_ARGUMENT.name);
    let missing = |what: &str| {
        refused(Cow::Owned(format!(
            "Requests specifying Server Side Encryption with Customer provided keys must provide {what}."
        )))
    };
    let key = key.ok_or_else(|| missing("an appropriate secret key"))?;
    let md5 = md5.ok_or_else(|| missing("the client calculated MD5 of the secret key"))?;
    if algorithm.ok_or_else(|| missing("a valid encryption algorithm"))? != ALGORITHM {
        return Err(Error::invalid_input(
            "The encryption request that you specified is not valid. The valid value is AES256.",
        )
        .with_code(INVALID_ENCRYPTION_ALGORITHM_ERROR.name));
    }
    let invalid = || refused(Cow::Borrowed("The secret key was invalid for the specified algorithm."));
    let bytes = Zeroizing::new(BASE64_STANDARD.decode(key.as_bytes()).map_err(|_| invalid())?);
    if Checksum::from_base64(ChecksumAlgorithm::Md5, &md5).ok() != Some(Checksum::md5_of(&bytes)) {
        return Err(refused(Cow::Borrowed(
            "The calculated MD5 hash of the key did not match the hash that was provided.",
        )));
    }
    let bytes = bytes.as_slice().try_into().map_err(|_| invalid())?;
    Ok(Some(SseCustomerKey::from_bytes(bytes)))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, str>> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let bytes = BASE64_STANDARD.decode(KEY).unwrap();
        let md5 = Checksum::md5_of(&bytes).to_base64();
        let short = Checksum::md5_of(b"short").to_base64();
        for (algorithm, key, hash, expected) in [
            (Some("AES256"), Some(KEY), Some(md5.as_str()), None),
            (None, Some(KEY), Some(&md5), Some("a valid encryption algorithm")),
            (Some("AES256"), None, Some(&md5), Some("an appropriate secret key")),
            (Some("AES256"), Some(KEY), None, Some("the client calculated MD5")),
            (Some("AES128"), Some(KEY), Some(&md5), Some("The valid value is AES256")),
            (Some("AES256"), Some(KEY), Some(&short), Some("did not match the hash")),
            (Some("AES256"), Some("c2hvcnQ="), Some(&short), Some("The secret key was invalid")),
            (Some("AES256"), Some("?"), Some(&md5), Some("The secret key was invalid")),
        ] {
            for target in [CustomerKeyTarget::Object, CustomerKeyTarget::CopySource] {
                let given = target.headers().into_iter().zip([algorithm, key, hash]);
                let headers: HeaderMap = given
                    .filter_map(|(name, value)| Some((name, HeaderValue::from_str(value?).unwrap())))
                    .collect();
                let read = read_ssec_key(&headers, target);
                match expected {
                    None => assert_eq!(read.unwrap().unwrap().expose().as_slice(), bytes),
                    Some(words) => {
                        let error = read.unwrap_err();
                        assert!(error.message().contains(words), "{error:?}");
                        assert!(!format!("{error:?}").contains(KEY));
                    }
                }
            }
        }
        assert!(read_ssec_key(&HeaderMap::new(), CustomerKeyTarget::Object).unwrap().is_none());
    }
}
