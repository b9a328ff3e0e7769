//! The clients of the REST API, against one local server.

use std::time::Instant;

use cloudflare::endpoints::workerskv::list_namespace_keys::{ListNamespaceKeys, ListNamespaceKeysParams};
use cloudflare::endpoints::workerskv::read_key::ReadKey;
use cloudflare::endpoints::workerskv::write_key::{WriteKey, WriteKeyBody, WriteKeyParams};
use cloudflare::framework::Environment;
use cloudflare::framework::auth::Credentials;
use cloudflare::framework::client::{ClientConfig, async_api};
use cloudflare_clients::kv::{KvClient, KvConfig};
use cloudflare_clients::{LocalStore, RestNamespace};
use cloudflare_emulator::Server;
use futures_util::TryStreamExt as _;

use crate::{OURS, ROUNDS, Result, Samples, VALUE, at_once, check, keys};

const KEYS: usize = 10_000;
const PEER: &str = "cloudflare";

pub(crate) async fn measure() -> Result<Samples> {
    let folder = tempfile::tempdir()?;
    let store = LocalStore::open(folder.path()).await?;
    let credentials = cloudflare_emulator::Credentials::generate()?;
    let server = Server::bind(store.clone(), credentials.clone(), ([127, 0, 0, 1], 0).into()).await?;
    let api = format!("http://{}/client/v4", server.local_addr());
    tokio::spawn(server.run(std::future::pending()));

    let (account, token) = (credentials.account_id(), credentials.api_token());
    let environment = Environment::Custom(format!("{api}/"));
    let auth = Credentials::UserAuthToken { token: token.clone() };
    let theirs = async_api::Client::new(auth, ClientConfig::default(), environment)?;

    let mut samples = Samples::default();
    for round in 0..ROUNDS {
        let keys = keys(round, KEYS);
        let id = store.create_namespace(&format!("{OURS} {round}")).await?.id;
        let config = KvConfig::new(account, &token, &id).base_url(&api);
        let ours = &KvClient::new(RestNamespace::new(config)?);
        let took = at_once(&keys, |key| async move { Ok(ours.put(key, VALUE).await?) }).await?;
        samples.add(OURS, "put", took, KEYS);
        let get = |key| async move { check(ours.get(key).bytes().await?.as_deref(), Some(VALUE)) };
        samples.add(OURS, "get", at_once(&keys, get).await?, KEYS);
        let begun = Instant::now();
        let listed: Vec<_> = ours.list().stream().map_ok(|key| key.name).try_collect().await?;
        samples.add(OURS, "list", begun.elapsed(), KEYS);
        check(&listed, &keys)?;

        let id = store.create_namespace(&format!("{PEER} {round}")).await?.id;
        let theirs = Theirs { client: &theirs, account, namespace: &id };
        samples.add(PEER, "put", at_once(&keys, |key| theirs.put(key)).await?, KEYS);
        let get = |key| async { check(theirs.get(key).await?.as_slice(), VALUE) };
        samples.add(PEER, "get", at_once(&keys, get).await?, KEYS);
        let begun = Instant::now();
        let listed = theirs.list().await?;
        samples.add(PEER, "list", begun.elapsed(), KEYS);
        check(&listed, &keys)?;
    }
    Ok(samples)
}

/// Cloudflare's crate, which has no loop over pages.
struct Theirs<'a> {
    client: &'a async_api::Client,
    account: &'a str,
    namespace: &'a str,
}

impl Theirs<'_> {
    async fn put(&self, key: String) -> Result<()> {
        let write = WriteKey {
            account_identifier: self.account,
            namespace_identifier: self.namespace,
            key: &key,
            params: WriteKeyParams::default(),
            body: WriteKeyBody::Value(VALUE.to_vec()),
        };
        self.client.request(&write).await?;
        Ok(())
    }

    async fn get(&self, key: String) -> Result<Vec<u8>> {
        let (account_identifier, namespace_identifier) = (self.account, self.namespace);
        Ok(self.client.request(&ReadKey { account_identifier, namespace_identifier, key: &key }).await?)
    }

    async fn list(&self) -> Result<Vec<String>> {
        let (mut keys, mut cursor) = (Vec::new(), None);
        loop {
            let params = ListNamespaceKeysParams { cursor, ..ListNamespaceKeysParams::default() };
            let (account_identifier, namespace_identifier) = (self.account, self.namespace);
            let list = ListNamespaceKeys { account_identifier, namespace_identifier, params };
            let page = self.client.request(&list).await?;
            keys.extend(page.result.into_iter().map(|key| key.name));
            let info = page.result_info.ok_or("a page without information")?;
            match info["cursor"].as_str() {
                None | Some("") => return Ok(keys),
                next => cursor = next.map(str::to_owned),
            }
        }
    }
}
