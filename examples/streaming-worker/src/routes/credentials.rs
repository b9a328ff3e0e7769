//! `POST /credentials`: credentials for any S3 client to read and list all objects of the subject, valid for
//! 15 minutes. A job that reads many objects does not need a URL for each. The Worker derives them from its
//! secrets, without a request.

use std::time::Duration;

use cloudflare_clients::r2::TempCredentials;
use serde::Serialize;

use super::{Answer, Call, json};

const LIFETIME: Duration = Duration::from_secs(15 * 60);

#[derive(Serialize)]
struct Credentials<'a> {
    endpoint: String,
    bucket: &'a str,
    prefix: &'a str,
    #[serde(flatten)]
    credentials: &'a TempCredentials,
}

pub(super) fn create(call: &Call<'_>) -> Answer {
    let r2 = &call.app.r2;
    let signing = r2.signing()?;
    let (bucket, prefix) = (signing.bucket_name(), format!("{}/", call.subject.id()));
    let request = TempCredentials::for_bucket(bucket).prefix(&prefix).lifetime(LIFETIME);
    let credentials = r2.mint_temp_credentials(&request)?;
    let endpoint = credentials.endpoint().to_string();
    json(&Credentials { endpoint, bucket, prefix: &prefix, credentials: &credentials }, 200)
}
