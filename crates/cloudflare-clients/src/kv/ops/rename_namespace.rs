//! Renames a namespace.

use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::kv::namespaces::Namespaces;
use crate::model::kv::validate_title;

impl Namespaces {
    /// Changes the title of the namespace with this id. Its id and its keys do not change.
    pub fn rename(&self, id: impl Into<String>, title: impl Into<String>) -> RenameNamespace {
        RenameNamespace { namespaces: self.clone(), id: id.into(), title: title.into() }
    }
}

/// A [request to rename a
/// namespace](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/update/).
/// Await it to send it.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct RenameNamespace {
    namespaces: Namespaces,
    id: String,
    title: String,
}

impl RenameNamespace {
    async fn send(self) -> Result<()> {
        let Self { namespaces, id, title } = self;
        let operation = Operation::new("rename_namespace", &id);
        operation.check(validate_title(&title))?;
        namespaces.attempts().run(&operation, || Some(namespaces.account().rename(&id, &title))).await
    }
}

sent_when_awaited!(RenameNamespace => ());
