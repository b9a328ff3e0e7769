//! The module against whatever Docker it finds: `cargo xtask test testcontainers/rust` gives it
//! `../docker.py`.

use std::error::Error;

use cfstore_testcontainers::{CFSTORE_IMAGE, Cfstore, Connection};
use cloudflare_clients::kv::{KvClient, KvConfig};
use cloudflare_clients::r2::{R2Service, R2SigningConfig};
use cloudflare_clients::{RestNamespace, S3Bucket};
use testcontainers::runners::AsyncRunner as _;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

fn image() -> Cfstore {
    Cfstore::from_env().unwrap_or_else(|_| Cfstore::new("cfstore:test"))
}

fn clients(connection: &Connection) -> Result<(R2Service, KvClient)> {
    let r2 = R2SigningConfig::for_endpoint(
        &connection.endpoint,
        &connection.access_key_id,
        &connection.secret_access_key,
        &connection.bucket,
    );
    let kv = KvConfig::new(&connection.account_id, &connection.api_token, &connection.namespace_id)
        .base_url(&connection.api_base_url);
    Ok((R2Service::new(S3Bucket::new(r2)?), KvClient::new(RestNamespace::new(kv)?)))
}

#[tokio::test]
async fn objects_and_values_come_back() -> Result<()> {
    let container = image().start().await?;
    let connection = Connection::of(&container).await?;
    let (r2, kv) = clients(&connection)?;
    r2.put("a b", "hello").await?;
    let object = r2.get("a b").await?.ok_or("the object is missing")?;
    assert_eq!(object.text().await?, "hello");
    kv.put("k", "v").await?;
    assert_eq!(kv.get("k").text().await?.as_deref(), Some("v"));

    let shown = format!("{connection:?}");
    assert!(
        !shown.contains(&connection.secret_access_key) && !shown.contains(&connection.api_token),
        "{shown}"
    );
    Ok(())
}

#[tokio::test]
async fn each_has_a_store_and_arguments_of_its_own() -> Result<()> {
    let (one, other) = (image(), image().with_argument("--fault").with_argument("404=100%"));
    let (one, other) = (one.start().await?, other.start().await?);
    let (one, other) = (Connection::of(&one).await?, Connection::of(&other).await?);
    assert_ne!(one.secret_access_key, other.secret_access_key);
    assert!(clients(&one)?.0.list().await?.objects.is_empty());
    assert!(clients(&other)?.0.list().await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_server_that_does_not_start_is_an_error() {
    let Err(error) = image().with_argument("--no-such-option").start().await else {
        panic!("it started");
    };
    assert!(
        error.to_string().contains("not ready") || format!("{error:?}").contains("EndOfStream"),
        "{error:?}"
    );
}

#[test]
fn the_image_has_to_be_named() {
    if std::env::var_os(CFSTORE_IMAGE).is_none() {
        let Err(error) = Cfstore::from_env() else { panic!("there is no image") };
        assert!(error.to_string().contains(CFSTORE_IMAGE), "{error}");
    }
}
