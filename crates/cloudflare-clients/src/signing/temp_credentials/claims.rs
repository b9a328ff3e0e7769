//! The content and form of a session token: a [JSON Web Token](https://www.rfc-editor.org/rfc/rfc7519).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::access_scope::AccessScope;
use super::s3_action::S3Action;
use crate::error::Result;
use crate::json;

/// The text before the JWT in a session token.
pub(super) const PREFIX: &str = "jwt/";

/// The first part of every JWT that is created here.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// The claims, in the order in which they are signed.
#[derive(Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) bucket: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<AccessScope>,
    /// `None` for all actions of the scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) actions: Option<Vec<S3Action>>,
    /// `None` for the whole bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) paths: Option<Paths>,
    /// The account id.
    pub(super) sub: String,
    /// The access key id of the parent.
    pub(super) iss: String,
    /// The host of the endpoint.
    pub(super) aud: String,
    /// When the token was issued, in seconds since 1970.
    pub(super) iat: u64,
    /// When the token expires, in seconds since 1970.
    pub(super) exp: u64,
}

/// The allowed objects: those whose keys start with a prefix, and single keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Paths {
    #[serde(default)]
    pub(super) prefix_paths: Vec<String>,
    #[serde(default)]
    pub(super) object_paths: Vec<String>,
}

impl Claims {
    /// Returns the JWT, signed with the characters of the parent's secret.
    pub(super) fn sign(&self, secret_access_key: &str) -> Result<Zeroizing<String>> {
        let mut jwt = Zeroizing::new(URL_SAFE_NO_PAD.encode(HEADER));
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(json::to_vec("the session token", self)?, &mut jwt);
        let signature = mac(secret_access_key, &jwt).finalize().into_bytes();
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut jwt);
        Ok(jwt)
    }
}

/// Computes the HMAC of the signed text: the first two parts of a JWT and the dot between them.
#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
pub(super) fn mac(secret_access_key: &str, signed: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret_access_key.as_bytes())
        .expect("HMAC takes keys of every length");
    mac.update(signed.as_bytes());
    mac
}

/// The secret access key of the temporary credentials.
pub(super) fn secret_of(jwt: &str) -> Zeroizing<String> {
    Zeroizing::new(hex::encode(Sha256::digest(jwt)))
}

/// The session token that is sent with each request.
pub(super) fn session_token_of(jwt: &str) -> Zeroizing<String> {
    let text = Zeroizing::new([PREFIX, jwt].concat());
    Zeroizing::new(STANDARD.encode(text.as_bytes()))
}
