//! Creates a namespace.

use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::kv::namespaces::Namespaces;
use crate::model::kv::{NamespaceInfo, validate_title};

impl Namespaces {
    /// Creates a namespace. The title has 1 to 512 bytes; KV assigns the id.
    ///
    /// A title that another namespace of the account has is [`ErrorKind::Conflict`](crate::ErrorKind). If the
    /// error has more than one [attempt](crate::Error::attempts), an earlier attempt may have created the
    /// namespace and lost the answer: KV does not say which.
    pub fn create(&self, title: impl Into<String>) -> CreateNamespace {
        CreateNamespace { namespaces: self.clone(), title: title.into() }
    }
}

/// A [request to create a
/// namespace](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/create/).
/// Await it to send it.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateNamespace {
    namespaces: Namespaces,
    title: String,
}

impl CreateNamespace {
    async fn send(self) -> Result<NamespaceInfo> {
        let Self { namespaces, title } = self;
        let operation = Operation::new("create_namespace", &title);
        operation.check(validate_title(&title))?;
        namespaces.attempts().run(&operation, || Some(namespaces.account().create(&title))).await
    }
}

sent_when_awaited!(CreateNamespace => NamespaceInfo);
