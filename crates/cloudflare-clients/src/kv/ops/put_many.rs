//! Stores many values.

use std::collections::VecDeque;

use bytes::Bytes;

use super::bulk::each;
use crate::body::Body;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::client::outcomes::Outcomes;
use crate::error::Result;
use crate::kv::client::KvClient;
use crate::model::kv::limits::validate_put;
use crate::model::kv::{MAX_BULK_BYTES, MAX_BULK_WRITES, PutManyRequest, PutRequest, value};
use crate::wire::kv_rest::bulk_put::encoded_len;

impl KvClient {
    /// Stores many values, given as pairs of a key and a value or as [`PutRequest`]s. Returns one result per
    /// key.
    ///
    /// ```
    /// # use cloudflare_clients::{LocalNamespace, kv::KvClient};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let kv = KvClient::new(LocalNamespace::open(folder.path(), "sessions").await?);
    /// let outcomes = kv.put_many([("a", "1"), ("b", "2")]).await?;
    /// assert_eq!(outcomes.failed().count(), 0);
    /// let values = kv.get_many(["b", "c"]).text().await?.all()?;
    /// assert_eq!(values, [("b".to_owned(), Some("2".to_owned())), ("c".to_owned(), None)]);
    /// # Ok(()) }
    /// ```
    pub fn put_many<P: Into<PutRequest>>(&self, pairs: impl IntoIterator<Item = P>) -> PutMany {
        PutMany { client: self.clone(), requests: pairs.into_iter().map(Into::into).collect() }
    }
}

const NAME: &str = "put_many";

/// A request to put many values. Await it to store them and to get one result per key.
///
/// Over REST and in the embedded store one request writes up to 10,000 keys and 100 MB. A Worker's binding
/// writes them one by one, up to 8 concurrently. The values are read into memory. If KV would reject any of
/// them, or a stream cannot be read, the whole request fails before anything is sent. If a pair's expiration
/// comes too close while earlier requests are sent, only that pair fails.
#[derive(Debug)]
#[must_use = "a request does nothing until it is awaited"]
pub struct PutMany {
    client: KvClient,
    requests: Vec<PutRequest>,
}

impl PutMany {
    async fn send(self) -> Result<Outcomes<()>> {
        let Self { client, requests } = self;
        let now = client.now();
        for request in &requests {
            Operation::new(NAME, &request.key).check(validate_put(request, now))?;
        }
        let mut pairs = VecDeque::with_capacity(requests.len());
        for mut request in requests {
            let value = std::mem::replace(&mut request.value, Body::empty());
            let value = Operation::new(NAME, &request.key).check(value::collect(value).await)?;
            pairs.push_back((request, value));
        }
        let mut results = Vec::with_capacity(pairs.len());
        while !pairs.is_empty() {
            let chunk: Vec<_> = pairs.drain(..fitting(&pairs)).collect();
            // Earlier requests took time. A pair that now expires too soon would fail this whole request.
            let now = client.now();
            let late: Vec<_> = chunk.iter().map(|(request, _)| validate_put(request, now).err()).collect();
            let sent: Vec<_> = (0..chunk.len()).filter(|index| late[*index].is_none()).collect();
            let outcomes = if sent.is_empty() {
                Vec::new()
            } else {
                each(&client, NAME, sent.len(), |pending| {
                    let pair = |index: &usize| {
                        let (request, value) = &chunk[sent[*index]];
                        request.with_value(value.clone().into())
                    };
                    client.namespace().put_many(PutManyRequest::new(pending.iter().map(pair)))
                })
                .await
            };
            let mut outcomes = outcomes.into_iter();
            let named = chunk.into_iter().zip(late).filter_map(|((request, _), late)| {
                let operation = Operation::new(NAME, &request.key);
                let outcome = match late {
                    Some(error) => operation.check(Err(error)),
                    None => operation.check_answer(outcomes.next()?),
                };
                Some((request.key, outcome))
            });
            results.extend(named);
        }
        Ok(Outcomes { results })
    }
}

/// Returns how many of the pairs fit into one request.
fn fitting(pairs: &VecDeque<(PutRequest, Bytes)>) -> usize {
    // The brackets of the JSON array.
    let mut bytes = 2;
    let fits = |(request, value): &&(PutRequest, Bytes)| {
        bytes += encoded_len(request, value) + 1;
        bytes <= MAX_BULK_BYTES
    };
    // One pair always fits: the largest value is 35 MB as Base64.
    pairs.iter().take(MAX_BULK_WRITES).take_while(fits).count().max(1)
}

sent_when_awaited!(PutMany => Outcomes<()>);
