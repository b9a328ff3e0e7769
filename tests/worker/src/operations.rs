//! Every operation of the service, selected by the query of a URL.

use std::time::Duration;

use cloudflare_clients::http::Method;
use cloudflare_clients::r2::{
    Body, Checksum, ChecksumAlgorithm, Conditional, R2Service, R2SigningClient, StorageClass,
};
use cloudflare_clients::{Error, ErrorKind};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use worker::js_sys::{Object, Reflect};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::{Env, Request, Response, Result, Url};

pub(crate) type Outcome = cloudflare_clients::Result<Response>;

pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find_map(|(known, value)| (known == name).then(|| value.into_owned()))
}

/// Returns the answer of an operation, or 500 with all properties of its error.
pub(crate) async fn answer(
    r2: &R2Service,
    operation: &str,
    request: &Request,
    url: &Url,
) -> Result<Response> {
    match perform(r2, operation, request, url).await {
        Ok(response) => Ok(response),
        Err(error) => failure(&error),
    }
}

pub(crate) fn failure(error: &Error) -> Result<Response> {
    let said = json!({
        "kind": format!("{:?}", error.kind()),
        "code": error.code(),
        "status": error.status().map(|status| status.as_u16()),
        "attempts": error.attempts(),
        "retryable": error.is_retryable(),
        "text": error.to_string(),
    });
    Ok(Response::from_json(&said)?.with_status(500))
}

async fn perform(r2: &R2Service, operation: &str, request: &Request, url: &Url) -> Outcome {
    let text = |name: &str| parameter(url, name).unwrap_or_default();
    let key = text("key");
    let upload = || r2.resume_multipart_upload(key.clone(), text("uploadId"));
    match operation {
        "head" => said(&r2.head(key).await?.map(|object| {
            json!({
                "size": object.size,
                "contentType": object.content_type(),
                "metadata": object.metadata("n"),
                "storageClass": object.storage_class.map(StorageClass::as_str),
            })
        })),
        "get" => {
            let object = r2.get(key).worker_request(request).await?;
            match object {
                Some(object) => object.into_worker_response(),
                None => said(&Value::Null),
            }
        }
        // Through the Worker's memory, verified and resumed.
        "read" => match r2.get(key).await? {
            Some(object) => bytes(object.bytes().await?.into()),
            None => said(&Value::Null),
        },
        "stream" => match r2.get(key).await? {
            Some(object) => Ok(object.on_progress(|_, _| ()).into_worker_response()?),
            None => said(&Value::Null),
        },
        "list-conditions" => {
            let only_if = Conditional::new()
                .etag_does_not_match(cloudflare_clients::r2::EtagList::parse_header(&text("etags"))?);
            said(&r2.get(key).only_if(only_if).await?.map(|object| object.size))
        }
        "milliseconds" => {
            let uploaded = r2.head(&key).await?.map(|object| object.uploaded);
            let mut only_if = Conditional::new();
            only_if.uploaded_after = uploaded;
            said(&r2.get(key).only_if(only_if).await?.map(|object| object.size))
        }
        // The request's stream, unchanged.
        "put" => {
            let mut put = r2.put(key, Body::from_worker_request(request)?);
            if let Some(encoding) = parameter(url, "contentEncoding") {
                put = put.content_encoding(encoding);
            }
            said(&put.await?.etag)
        }
        "put-bytes" => {
            let body = Body::from_worker_request(request)?.bytes().await?;
            let put = r2.put(key, body).storage_class(StorageClass::InfrequentAccess).metadata("n", "v");
            said(&put.await?.etag)
        }
        // The request's stream, through the Worker's memory.
        "put-stream" => {
            let body = Body::from_worker_request(request)?;
            let length = body.content_length();
            let stream = body.into_stream().boxed();
            said(&r2.put(key, Body::from_stream(stream, length)).await?.etag)
        }
        "copy-through" => match r2.get(key).await? {
            Some(object) => said(&r2.put(text("to"), object.body).await?.etag),
            None => said(&Value::Null),
        },
        "put-crc" => {
            let crc = Checksum::of(ChecksumAlgorithm::Crc32c, b"x");
            said(&r2.put(key, "x").checksum(crc).await?.etag)
        }
        "delete" => {
            r2.delete(key).await?;
            said(&Value::Null)
        }
        "delete-many" => {
            let outcome = r2.delete_many([key.clone(), format!("{key}/2")]).await?;
            match outcome.failed().next() {
                Some((_, error)) => answered(failure(error)),
                None => said(&outcome.succeeded().count()),
            }
        }
        "list" => {
            let objects: Vec<_> = r2.list().prefix(key).stream().try_collect().await?;
            let listed = objects.iter().map(|object| {
                json!({ "key": object.key, "contentType": object.content_type(), "metadata": object.metadata("n") })
            });
            said(&listed.collect::<Vec<_>>())
        }
        "create" => said(&r2.create_multipart_upload(key).await?.upload_id()),
        "part" => {
            let number = text("number").parse().map_err(|_| Error::new(ErrorKind::InvalidInput, "number"))?;
            said(&upload().upload_part(number, Body::from_worker_request(request)?).await?)
        }
        "complete" => {
            let parts = Body::from_worker_request(request)?;
            said(&upload().complete(parts.json::<Vec<_>>().await?).await?.etag)
        }
        "abort" => {
            upload().abort().await?;
            said(&Value::Null)
        }
        "copy" => said(&r2.copy(key, text("to")).await?.etag),
        "list-parts" => said(&upload().list_parts().await?.parts),
        "list-uploads" => said(&r2.list_multipart_uploads().await?.uploads.len()),
        "conditional-complete" => {
            let only_if = Conditional::new().etag_does_not_match("*");
            let part = cloudflare_clients::r2::UploadedPart::new(1, "e");
            said(&upload().complete([part]).only_if(only_if).await?.etag)
        }
        other => Err(Error::new(ErrorKind::InvalidInput, format!("no operation {other}"))),
    }
}

/// Presigns a URL, valid for `expires` seconds, for the content type `type`, signed `ago` seconds ago.
pub(crate) fn sign(r2: &R2Service, method: &str, url: &Url) -> Result<Response> {
    let text = |name: &str| parameter(url, name).unwrap_or_default();
    let method =
        Method::from_bytes(method.as_bytes()).map_err(|error| worker::Error::RustError(error.to_string()))?;
    let mut signing = r2.signing()?;
    let ago = Duration::from_secs(text("ago").parse().unwrap_or(0));
    if !ago.is_zero() {
        use cloudflare_clients::Runtime as _;
        signing = signing.at(cloudflare_clients::WorkersRuntime.now() - ago);
    }
    let mut presign = signing.presign(method, text("key"));
    if let Some(content_type) = parameter(url, "type") {
        presign = presign.content_type(content_type);
    }
    let signed = presign.expires_in(Duration::from_secs(text("expires").parse().unwrap_or(60))).sign()?;
    Response::ok(signed.into_string())
}

/// Whether a service can sign with only the secrets and variables of the query.
pub(crate) fn signing_with(env: &Env, url: &Url) -> Result<Response> {
    let secrets = Object::new();
    for (name, value) in url.query_pairs() {
        Reflect::set(&secrets, &JsValue::from_str(&name), &JsValue::from_str(&value))?;
    }
    Reflect::set(&secrets, &"BUCKET".into(), &env.bucket("MEDIA_BUCKET")?.into())?;
    let r2 = R2Service::from_worker_env(&secrets.unchecked_into(), "BUCKET")?;
    match r2.signing() {
        Ok(client) => Response::ok(client.endpoint().to_string()),
        Err(error) => failure(&error),
    }
}

/// Whether an object exists, using `fetch`, with the signing config of the environment except for `bucket`
/// and `secret`.
pub(crate) async fn exists(env: &Env, url: &Url) -> Result<Response> {
    let config = cloudflare_clients::r2::R2SigningConfig::from_vars(|name| match name {
        "R2_BUCKET_MEDIA" => parameter(url, "bucket").or_else(|| Some(env.var(name).ok()?.to_string())),
        "R2_SECRET_ACCESS_KEY" => parameter(url, "secret").or_else(|| Some(env.var(name).ok()?.to_string())),
        name => Some(env.var(name).ok()?.to_string()),
    })?;
    let client = R2SigningClient::new(config)?;
    match client.object_exists(&parameter(url, "key").unwrap_or_default()).await {
        Ok(exists) => Response::from_json(&exists),
        Err(error) => failure(&error),
    }
}

pub(crate) fn said<T: serde::Serialize>(value: &T) -> Outcome {
    answered(Response::from_json(value))
}

pub(crate) fn bytes(bytes: Vec<u8>) -> Outcome {
    answered(Response::from_bytes(bytes))
}

fn answered(response: Result<Response>) -> Outcome {
    response.map_err(|error| Error::new(ErrorKind::Serialization, error.to_string()))
}
