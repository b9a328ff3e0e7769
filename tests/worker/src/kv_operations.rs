//! Every operation of the Workers KV client, selected by the query of a URL.

use std::time::Duration;

use cloudflare_clients::kv::KvClient;
use cloudflare_clients::r2::Body;
use cloudflare_clients::{Error, ErrorKind};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use worker::{Request, Response, Result, Url};

use crate::operations::{Outcome, bytes, failure, parameter, said};

/// Returns the answer of an operation, or 500 with all properties of its error.
pub(crate) async fn answer(kv: &KvClient, operation: &str, request: &Request, url: &Url) -> Result<Response> {
    match perform(kv, operation, request, url).await {
        Ok(response) => Ok(response),
        Err(error) => failure(&error),
    }
}

async fn perform(kv: &KvClient, operation: &str, request: &Request, url: &Url) -> Outcome {
    let key = parameter(url, "key").unwrap_or_default();
    let body = || Body::from_worker_request(request);
    match operation {
        "text" => said(&kv.get(key).text().await?),
        "bytes" => match kv.get(key).bytes().await? {
            Some(value) => bytes(value.into()),
            None => said(&Value::Null),
        },
        "stream" => match kv.get(key).await? {
            Some(value) => bytes(value.bytes().await?.into()),
            None => said(&Value::Null),
        },
        "metadata" => {
            let found = kv.get_with_metadata(key).cache_ttl(Duration::from_secs(60)).text().await?;
            said(&found.map(|found| json!({ "value": found.value, "metadata": found.metadata })))
        }
        "many" => {
            let found = kv.get_many([key.clone(), format!("{key}/2")]).text().await?.all()?;
            said(&found.into_iter().map(|(_, value)| value).collect::<Vec<_>>())
        }
        // The request's stream, unchanged.
        "put" => said(&kv.put(key, body()?).await?),
        "put-bytes" => {
            let value = body()?.bytes().await?;
            let put =
                kv.put(key, value).expiration_ttl(Duration::from_secs(90)).metadata(&json!({ "n": ["v"] }));
            said(&put.await?)
        }
        "put-many" => {
            let outcomes = kv.put_many([(key.clone(), "1"), (format!("{key}/2"), "2")]).await?;
            said(&outcomes.all()?.len())
        }
        "delete" => said(&kv.delete(key).await?),
        "delete-many" => said(&kv.delete_many([key.clone(), format!("{key}/2")]).await?.all()?.len()),
        "list" => {
            let keys: Vec<_> = kv.list().prefix(key).stream().map_ok(|key| key.name).try_collect().await?;
            said(&keys)
        }
        other => Err(Error::new(ErrorKind::InvalidInput, format!("no operation {other}"))),
    }
}
