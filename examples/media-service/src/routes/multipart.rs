//! `/uploads/multipart`: a large file in parts, each with its own presigned URL. A browser uploads several
//! parts concurrently and repeats only those that fail.

use std::iter::successors;

use axum::extract::State;
use cloudflare_clients::http::Method;
use cloudflare_clients::r2::{SignedUrl, StoredObject, UploadedPart};
use serde::{Deserialize, Serialize};

use super::uploads::{EXPIRY, File};
use crate::app::App;
use crate::error::ApiError;
use crate::json::Json;
use crate::user::User;

/// Size of all parts but the last, in bytes. R2 requires at least 5 MiB.
const PART_SIZE: u64 = 8 << 20;

/// Maximum size of a file, in bytes: 6,400 parts. R2 accepts 10,000.
const MAX_SIZE: u64 = 50 << 30;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Begun {
    key: String,
    upload_id: String,
    part_size: u64,
    parts: Vec<Part>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    part_number: u16,
    #[serde(flatten)]
    url: SignedUrl,
}

pub(crate) async fn begin(
    State(app): State<App>,
    user: User,
    Json(file): Json<File>,
) -> Result<Json<Begun>, ApiError> {
    file.check_size(MAX_SIZE)?;
    let key = user.key(&file.name)?;
    let upload = app.r2.create_multipart_upload(&key).content_type(file.content_type).await?;
    let starts = successors(Some(0), |start| Some(start + PART_SIZE)).take_while(|start| *start < file.size);
    let parts = (1..).zip(starts).map(|(part_number, start)| {
        let url = app
            .r2
            .presign(Method::PUT, &key)?
            .upload_part(upload.upload_id(), part_number)
            .content_length(PART_SIZE.min(file.size - start))
            .expires_in(EXPIRY)
            .sign()?;
        Ok(Part { part_number, url })
    });
    let parts = parts.collect::<Result<_, ApiError>>()?;
    Ok(Json(Begun { upload_id: upload.upload_id().to_owned(), part_size: PART_SIZE, parts, key }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Complete {
    key: String,
    upload_id: String,
    /// Part numbers with the etags that R2 returned for the parts.
    parts: Vec<UploadedPart>,
}

pub(crate) async fn complete(
    State(app): State<App>,
    user: User,
    Json(Complete { key, upload_id, parts }): Json<Complete>,
) -> Result<Json<StoredObject>, ApiError> {
    user.check_owns(&key)?;
    // Sizes from a client cannot be trusted, so they are dropped.
    let parts = parts.into_iter().map(|part| UploadedPart::new(part.part_number, part.etag));
    Ok(Json(app.r2.resume_multipart_upload(key, upload_id).complete(parts).await?))
}
