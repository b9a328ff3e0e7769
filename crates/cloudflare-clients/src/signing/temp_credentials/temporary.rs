//! Credentials that expire.

use std::fmt;
use std::time::SystemTime;

use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::signing::endpoint::Endpoint;
use crate::signing::signing_config::R2SigningConfig;
use crate::sigv4::Credentials;

/// [Temporary credentials](https://developers.cloudflare.com/r2/api/s3/temporary-credentials/) for one
/// bucket, to pass restricted access to a browser, a job or another program. Any S3 client accepts the three
/// values.
///
/// Treat them as a secret: `Debug` shows only the access key id, the bucket and the expiry. They serialize
/// completely, to be passed to their user: `accessKeyId`, `secretAccessKey`, `sessionToken`, and `expiresAt`
/// in UTC in the format of [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339).
///
/// Pass them to an `S3Bucket` or an [`R2SigningClient`](crate::r2::R2SigningClient) with `into()`.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use cloudflare_clients::r2::{AccessScope, R2SigningClient, R2SigningConfig, TempCredentials};
///
/// let parent = R2SigningClient::new(R2SigningConfig::new(
///     "0123456789abcdef0123456789abcdef",
///     "fedcba9876543210fedcba9876543210",
///     "the-secret-access-key",
///     "media",
/// ))?;
/// let temporary = TempCredentials::for_bucket("media")
///     .scope(AccessScope::ObjectReadWrite)
///     .prefix("creator-123/")
///     .lifetime(Duration::from_secs(3600))
///     .mint(&parent.at(UNIX_EPOCH + Duration::from_secs(1_800_000_000)))?;
/// assert_eq!(temporary.expires_at(), UNIX_EPOCH + Duration::from_secs(1_800_003_600));
///
/// // For a browser or a job:
/// let json = serde_json::to_value(&temporary)?;
/// assert_eq!(json["accessKeyId"], "fedcba9876543210fedcba9876543210");
/// assert_eq!(json["expiresAt"], "2027-01-15T09:00:00.000Z");
///
/// // For this program:
/// let client = R2SigningClient::new(temporary.into())?;
/// assert_eq!(client.bucket_name(), "media");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TempCredentials {
    access_key_id: String,
    #[serde(serialize_with = "serialize_secret")]
    secret_access_key: Zeroizing<String>,
    #[serde(serialize_with = "serialize_secret")]
    session_token: Zeroizing<String>,
    #[serde(with = "crate::time::rfc3339")]
    expires_at: SystemTime,
    #[serde(skip)]
    bucket: String,
    #[serde(skip)]
    endpoint: Endpoint,
    #[serde(skip)]
    region: String,
}

impl TempCredentials {
    pub(crate) fn new(
        access_key_id: String,
        secret_access_key: Zeroizing<String>,
        session_token: Zeroizing<String>,
        expires_at: SystemTime,
        bucket: String,
        endpoint: Endpoint,
        region: String,
    ) -> Self {
        Self { access_key_id, secret_access_key, session_token, expires_at, bucket, endpoint, region }
    }

    /// The access key id, which is that of the parent.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The secret access key: 64 hexadecimal digits.
    pub fn secret_access_key(&self) -> &str {
        &self.secret_access_key
    }

    /// The session token, which is sent with each request as `X-Amz-Security-Token`.
    pub fn session_token(&self) -> &str {
        &self.session_token
    }

    /// When the credentials expire, in whole seconds.
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    /// The bucket that the credentials are for.
    pub fn bucket_name(&self) -> &str {
        &self.bucket
    }

    /// The endpoint that the credentials are for.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The credentials for signing.
    pub fn signing(&self) -> Credentials {
        Credentials::new(&self.access_key_id, self.secret_access_key.as_str())
            .with_session_token(self.session_token.as_str())
    }
}

impl From<TempCredentials> for R2SigningConfig {
    /// Creates the config of the bucket, at the endpoint of the parent.
    fn from(temporary: TempCredentials) -> Self {
        let TempCredentials {
            access_key_id, secret_access_key, session_token, bucket, endpoint, region, ..
        } = temporary;
        Self::resolved(endpoint, access_key_id, secret_access_key, bucket)
            .session_token(session_token.as_str())
            .region(region)
    }
}

impl fmt::Debug for TempCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TempCredentials")
            .field("access_key_id", &self.access_key_id)
            .field("bucket", &self.bucket)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

fn serialize_secret<S: Serializer>(secret: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret)
}
