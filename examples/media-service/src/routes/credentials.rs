//! `POST /credentials`: credentials for any S3 client to read and list all objects of the user, valid for 15
//! minutes. A job that reads many objects does not need a URL for each.

use std::time::Duration;

use axum::extract::State;
use cloudflare_clients::r2::TempCredentials;
use serde::Serialize;

use crate::app::App;
use crate::error::ApiError;
use crate::json::Json;
use crate::user::User;

const LIFETIME: Duration = Duration::from_secs(15 * 60);

#[derive(Serialize)]
pub(crate) struct Credentials {
    endpoint: String,
    bucket: String,
    prefix: String,
    #[serde(flatten)]
    credentials: TempCredentials,
}

pub(crate) async fn create(State(app): State<App>, user: User) -> Result<Json<Credentials>, ApiError> {
    let bucket = app.r2.signing()?.bucket_name().to_owned();
    let prefix = user.prefix();
    let request = TempCredentials::for_bucket(&bucket).prefix(&prefix).lifetime(LIFETIME);
    let credentials = app.r2.mint_temp_credentials(&request)?;
    let endpoint = credentials.endpoint().to_string();
    Ok(Json(Credentials { endpoint, bucket, prefix, credentials }))
}
