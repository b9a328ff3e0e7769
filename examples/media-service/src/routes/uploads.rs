//! `POST /uploads`: a presigned URL with which a browser uploads directly to R2, with the announced type and
//! size only.

use std::time::Duration;

use axum::extract::State;
use cloudflare_clients::http::Method;
use cloudflare_clients::r2::SignedUrl;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::ApiError;
use crate::json::Json;
use crate::user::User;

/// Lifetime of an upload URL: the upload has to start within it.
pub(super) const EXPIRY: Duration = Duration::from_secs(10 * 60);

/// Maximum size of a file, in bytes. Larger files are uploaded in parts.
const MAX_SIZE: u64 = 1 << 30;

/// A file to upload.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct File {
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) size: u64,
}

/// The key, and the presigned `url` with the `signedHeaders` to send along with the file.
#[derive(Serialize)]
pub(crate) struct Upload {
    key: String,
    #[serde(flatten)]
    url: SignedUrl,
}

pub(crate) async fn presign(
    State(app): State<App>,
    user: User,
    Json(file): Json<File>,
) -> Result<Json<Upload>, ApiError> {
    file.check_size(MAX_SIZE)?;
    let key = user.key(&file.name)?;
    let url = app
        .r2
        .presign(Method::PUT, &key)?
        .content_type(file.content_type)
        .content_length(file.size)
        .expires_in(EXPIRY)
        .sign()?;
    Ok(Json(Upload { key, url }))
}

impl File {
    pub(super) fn check_size(&self, max: u64) -> Result<(), ApiError> {
        if (1..=max).contains(&self.size) {
            Ok(())
        } else {
            Err(ApiError::bad_request(format!("the size is 1 to {max} bytes, not {}", self.size)))
        }
    }
}
