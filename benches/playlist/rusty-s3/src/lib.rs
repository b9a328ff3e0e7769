//! `GET /{key}`: an HLS playlist of the bucket, its segments presigned with rusty-s3. `GET /`: nothing.

use std::sync::OnceLock;
use std::time::Duration;

use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use worker::{Context, Env, Error, Request, Response, Result, event};

static SIGNER: OnceLock<(Bucket, Credentials)> = OnceLock::new();

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    let path = request.path();
    let Some((folder, _)) = path.trim_start_matches('/').rsplit_once('/') else {
        return Response::ok("");
    };
    let (bucket, credentials) = signer(&env)?;
    let object = env.bucket("MEDIA_BUCKET")?.get(&path[1..]).execute().await?;
    let body = object.as_ref().and_then(worker::Object::body).ok_or(Error::from("no such playlist"))?;
    let text = body.text().await?;
    let mut signed = String::with_capacity(text.len() * 12);
    for line in text.lines() {
        if line.is_empty() || line.starts_with('#') {
            signed.push_str(line);
        } else {
            let key = format!("{folder}/{line}");
            let action = bucket.get_object(Some(credentials), &key);
            signed.push_str(action.sign(Duration::from_secs(3600)).as_str());
        }
        signed.push('\n');
    }
    let response = Response::from_bytes(signed.into_bytes())?;
    response.headers().set("content-type", "application/vnd.apple.mpegurl")?;
    Ok(response)
}

fn signer(env: &Env) -> Result<&'static (Bucket, Credentials)> {
    if let Some(signer) = SIGNER.get() {
        return Ok(signer);
    }
    let variable = |name| env.var(name).map(|value| value.to_string());
    let endpoint = format!("https://{}.r2.cloudflarestorage.com", variable("R2_ACCOUNT_ID")?);
    let bucket = Bucket::new(endpoint.parse()?, UrlStyle::VirtualHost, variable("R2_BUCKET_MEDIA")?, "auto")
        .map_err(|error| Error::from(error.to_string()))?;
    let credentials = Credentials::new(variable("R2_ACCESS_KEY_ID")?, variable("R2_SECRET_ACCESS_KEY")?);
    Ok(SIGNER.get_or_init(|| (bucket, credentials)))
}
