//! `cfstore`, an R2 and Workers KV for tests, as an image of
//! [testcontainers](https://docs.rs/testcontainers).
//!
//! [`Cfstore`] is the image, and [`Connection`] what clients need of a container; the README shows both at
//! work.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use testcontainers::core::error::Result;
use testcontainers::core::{ContainerPort, WaitFor};
use testcontainers::{ContainerAsync, Image, TestcontainersError};

const PORT: u16 = 9710;
const PORTS: [ContainerPort; 1] = [ContainerPort::Tcp(PORT)];

/// The variable that names the image.
pub const CFSTORE_IMAGE: &str = "CFSTORE_IMAGE";

/// A server with an empty store, the bucket `media` and the namespace `local`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cfstore {
    name: String,
    tag: String,
    arguments: Vec<String>,
}

impl Cfstore {
    /// The image, such as `registry.example.com/cfstore:0.1.0`. Without a tag, it is `latest`.
    pub fn new(image: &str) -> Self {
        // A colon before a slash is that of a port.
        let (name, tag) = match image.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (image, "latest"),
        };
        Self { name: name.to_owned(), tag: tag.to_owned(), arguments: Vec::new() }
    }

    /// The image that the variable `CFSTORE_IMAGE` names.
    ///
    /// # Errors
    /// It is not set.
    pub fn from_env() -> Result<Self> {
        match std::env::var(CFSTORE_IMAGE) {
            Ok(image) if !image.is_empty() => Ok(Self::new(&image)),
            _ => Err(TestcontainersError::other(format!(
                "the image of cfstore is not known: set {CFSTORE_IMAGE}, or name it with Cfstore::new"
            ))),
        }
    }

    /// With one more argument for `cfstore serve`, such as `--r2-as-in-production`.
    #[must_use]
    pub fn with_argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }
}

impl Image for Cfstore {
    fn name(&self) -> &str {
        &self.name
    }

    fn tag(&self) -> &str {
        &self.tag
    }

    fn ready_conditions(&self) -> Vec<WaitFor> {
        // The end of the one line that the server prints, once it listens.
        vec![WaitFor::message_on_stdout("\"}\n")]
    }

    fn cmd(&self) -> impl IntoIterator<Item = impl Into<Cow<'_, str>>> {
        let listen = format!("0.0.0.0:{PORT}");
        let serve = ["--json", "serve", "--listen", &listen].map(str::to_owned);
        serve.into_iter().chain(self.arguments.iter().cloned())
    }

    fn expose_ports(&self) -> &[ContainerPort] {
        &PORTS
    }
}

/// What clients need: of R2's S3 API, with region `auto` and path style, and of Workers KV's REST API.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// The URL of the S3 API.
    pub endpoint: String,
    /// Of R2 and of KV.
    pub account_id: String,
    /// Of the server's own key, which may do everything.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// The bucket that every store begins with.
    pub bucket: String,
    /// The URL of Cloudflare's API, by which KV is reached.
    pub api_base_url: String,
    /// The token for that API.
    pub api_token: String,
    /// The namespace that every store begins with.
    pub namespace_id: String,
}

/// As the server prints them.
#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct Variables {
    r2_account_id: String,
    r2_access_key_id: String,
    r2_secret_access_key: String,
    r2_bucket_media: String,
    cloudflare_api_token: String,
    kv_namespace_id: String,
}

impl Connection {
    /// How the server is reached from where the tests run. Its credentials are its own, and random.
    ///
    /// # Errors
    /// The container has stopped, or its log does not have what `cfstore --json serve` prints.
    pub async fn of(container: &ContainerAsync<Cfstore>) -> Result<Self> {
        let printed = container.stdout_to_vec().await?;
        let mut lines = printed.split(|byte| *byte == b'\n');
        let variables: Variables =
            lines.find_map(|line| serde_json::from_slice(line).ok()).ok_or_else(|| {
                TestcontainersError::other(
                    "the log of the container does not have the variables that `cfstore --json serve` prints",
                )
            })?;
        let (host, port) = (container.get_host().await?, container.get_host_port_ipv4(PORT).await?);
        let endpoint = format!("http://{host}:{port}");
        Ok(Self {
            account_id: variables.r2_account_id,
            access_key_id: variables.r2_access_key_id,
            secret_access_key: variables.r2_secret_access_key,
            bucket: variables.r2_bucket_media,
            api_base_url: format!("{endpoint}/client/v4"),
            api_token: variables.cloudflare_api_token,
            namespace_id: variables.kv_namespace_id,
            endpoint,
        })
    }

    /// The environment of a program that reads the variables of R2 and Cloudflare, such as `cfstore` and
    /// wrangler.
    pub fn variables(&self) -> [(&'static str, &str); 9] {
        [
            ("R2_ENDPOINT", &self.endpoint),
            ("R2_ACCOUNT_ID", &self.account_id),
            ("R2_ACCESS_KEY_ID", &self.access_key_id),
            ("R2_SECRET_ACCESS_KEY", &self.secret_access_key),
            ("R2_BUCKET_MEDIA", &self.bucket),
            ("CLOUDFLARE_API_BASE_URL", &self.api_base_url),
            ("CLOUDFLARE_ACCOUNT_ID", &self.account_id),
            ("CLOUDFLARE_API_TOKEN", &self.api_token),
            ("KV_NAMESPACE_ID", &self.namespace_id),
        ]
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("endpoint", &self.endpoint)
            .field("account_id", &self.account_id)
            .field("access_key_id", &self.access_key_id)
            .field("bucket", &self.bucket)
            .field("api_base_url", &self.api_base_url)
            .field("namespace_id", &self.namespace_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_a_name_and_a_tag() {
        for (image, name, tag) in [
            ("cfstore", "cfstore", "latest"),
            ("registry.example.com/cfstore:0.1.0", "registry.example.com/cfstore", "0.1.0"),
            ("localhost:5000/cfstore", "localhost:5000/cfstore", "latest"),
            ("localhost:5000/cfstore:0.1.0", "localhost:5000/cfstore", "0.1.0"),
        ] {
            let image = Cfstore::new(image);
            assert_eq!((image.name(), image.tag()), (name, tag));
        }
    }
}

/// Its example is compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
