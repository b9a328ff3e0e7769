//! `POST /credentials`: credentials with which an S3 client reads and lists all that is the subject's, for a
//! quarter of an hour. A job that goes through many objects needs no URL for each. They are computed here
//! from the Worker's secrets.

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
