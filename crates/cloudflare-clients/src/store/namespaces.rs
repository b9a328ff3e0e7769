//! The namespaces of a store.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::OptionalExtension as _;

use super::database::{StoreResult, from_millis, random_hex, to_millis};
use super::local_store::LocalStore;
use super::namespace::LocalNamespace;
use super::pairs::{self, namespace_number};
use super::writer::Write;
use crate::error::{Error, ErrorKind, Result};
use crate::kv::{Account, ListNamespacesRequest, NamespaceInfo, NamespacesPage};
use crate::model::kv::error_code::TITLE_EXISTS;
use crate::model::kv::validate_title;
use crate::runtime::Runtime;

impl LocalStore {
    /// Creates a [namespace](https://developers.cloudflare.com/kv/concepts/kv-namespaces/) with a new id.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the title is empty or longer than 512 bytes; [`ErrorKind::Conflict`]
    /// with KV's code 10014 if another namespace has this title.
    pub async fn create_namespace(&self, title: &str) -> Result<NamespaceInfo> {
        validate_title(title)?;
        let title = title.to_owned();
        let create = move |write: &Write<'_>| {
            let mut info = NamespaceInfo::new(random_hex(write)?, title);
            info.created = Some(write.now);
            free_title(write, &info.title, &info.id)?;
            write
                .prepare_cached("INSERT INTO namespaces (id, title, created) VALUES (?1, ?2, ?3)")?
                .execute((&info.id, &info.title, to_millis(write.now)))?;
            Ok(info)
        };
        self.shared().writer.write(Vec::new(), create).await
    }

    /// Changes the title of a namespace.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchNamespace`] if the namespace is missing, and the errors of
    /// [`create_namespace`](Self::create_namespace).
    pub async fn rename_namespace(&self, id: &str, title: &str) -> Result<()> {
        validate_title(title)?;
        let (id, title) = (id.to_owned(), title.to_owned());
        let rename = move |write: &Write<'_>| {
            let number = namespace_number(write, &id)?;
            free_title(write, &title, &id)?;
            write
                .prepare_cached("UPDATE namespaces SET title = ?2 WHERE number = ?1")?
                .execute((number, title))?;
            Ok(())
        };
        self.shared().writer.write(Vec::new(), rename).await
    }

    /// Deletes a namespace with all its keys.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchNamespace`] if the namespace is missing.
    pub async fn delete_namespace(&self, id: &str) -> Result<()> {
        let id = id.to_owned();
        let delete = move |write: &Write<'_>| {
            let number = namespace_number(write, &id)?;
            pairs::remove_all(write, number)?;
            write.prepare_cached("DELETE FROM namespaces WHERE number = ?1")?.execute((number,))?;
            Ok(())
        };
        self.shared().writer.make_room(delete).await
    }

    /// Returns all namespaces, sorted by title.
    pub async fn namespaces(&self) -> Result<Vec<NamespaceInfo>> {
        self.shared()
            .readers
            .read(|connection| {
                let mut statement =
                    connection.prepare_cached("SELECT id, title, created FROM namespaces ORDER BY title")?;
                let rows = statement.query_map((), read_namespace)?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// Returns a namespace, or `None` if it does not exist.
    pub async fn namespace_info(&self, id: &str) -> Result<Option<NamespaceInfo>> {
        let id = id.to_owned();
        self.shared()
            .readers
            .look_up(move |connection| {
                let found = connection
                    .prepare_cached("SELECT id, title, created FROM namespaces WHERE id = ?1")?
                    .query_row((&id,), read_namespace)
                    .optional()?;
                Ok(found)
            })
            .await
    }

    /// Returns a handle for a namespace. It does not check that the namespace exists: operations on a missing
    /// one fail with [`ErrorKind::NoSuchNamespace`].
    pub fn namespace(&self, id: impl Into<String>) -> LocalNamespace {
        LocalNamespace::new(self.clone(), id.into())
    }
}

impl LocalNamespace {
    /// Opens the store in a folder and the namespace with this title. Both are created if they do not exist.
    ///
    /// # Errors
    /// The errors of [`LocalStore::open`] and [`LocalStore::create_namespace`], except that the namespace may
    /// exist.
    pub async fn open(folder: impl AsRef<Path>, title: &str) -> Result<Self> {
        Self::open_in(&LocalStore::open(folder).await?, title).await
    }

    /// Opens the namespace with this title. It is created if it does not exist.
    ///
    /// # Errors
    /// The errors of [`LocalStore::create_namespace`], except that the namespace may exist.
    pub async fn open_in(store: &LocalStore, title: &str) -> Result<Self> {
        let find = async || -> Result<Option<String>> {
            let mut all = store.namespaces().await?.into_iter();
            Ok(all.find(|info| info.title == title).map(|info| info.id))
        };
        // An existing namespace can be opened even if the store is read-only.
        if let Some(id) = find().await? {
            return Ok(store.namespace(id));
        }
        let id = match store.create_namespace(title).await {
            Err(error) if error.kind() == ErrorKind::Conflict => find().await?.ok_or(error)?,
            created => created?.id,
        };
        Ok(store.namespace(id))
    }
}

fn read_namespace(row: &rusqlite::Row<'_>) -> rusqlite::Result<NamespaceInfo> {
    let mut info = NamespaceInfo::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?);
    info.created = Some(from_millis(row.get(2)?));
    Ok(info)
}

#[async_trait]
impl Account for LocalStore {
    async fn create(&self, title: &str) -> Result<NamespaceInfo> {
        self.create_namespace(title).await
    }

    async fn list(&self, request: ListNamespacesRequest) -> Result<NamespacesPage> {
        request.validate()?;
        let (page, size) = (request.page as usize, request.size() as usize);
        let all = self.namespaces().await?;
        let total = all.len() as u64;
        let namespaces = all.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
        Ok(NamespacesPage::of(&request, namespaces, Some(total)))
    }

    async fn rename(&self, id: &str, title: &str) -> Result<()> {
        self.rename_namespace(id, title).await
    }

    async fn delete(&self, id: &str) -> Result<()> {
        self.delete_namespace(id).await
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        LocalStore::runtime(self).clone()
    }
}

/// Rejects a title that another namespace has.
fn free_title(write: &Write<'_>, title: &str, id: &str) -> StoreResult<()> {
    let taken: bool = write
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM namespaces WHERE title = ?1 AND id <> ?2)")?
        .query_row((title, id), |row| row.get(0))?;
    if !taken {
        return Ok(());
    }
    let message = format!("a namespace with the title {title:?} already exists");
    Err(Error::new(ErrorKind::Conflict, message).with_code(TITLE_EXISTS.number.to_string()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::{DeleteRequest, GetRequest, ListRequest, Namespace as _, PutRequest};
    use crate::store::testing::{files, namespace, pattern, rows, value};

    #[tokio::test]
    async fn namespaces_are_created_listed_renamed_and_deleted_with_their_keys() {
        let (_folder, namespace, _clock) = namespace().await;
        let store = namespace.store().clone();
        let taken = store.create_namespace("sessions").await.unwrap_err();
        assert_eq!((taken.kind(), taken.code()), (ErrorKind::Conflict, Some("10014")));
        for title in [String::new(), "t".repeat(513)] {
            assert_eq!(store.create_namespace(&title).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        let other = store.create_namespace("a").await.unwrap();
        assert_eq!(other.id.len(), 32);
        assert_ne!(other.id, namespace.id());
        assert_eq!(
            store.rename_namespace(&other.id, "sessions").await.unwrap_err().kind(),
            ErrorKind::Conflict
        );
        store.rename_namespace(&other.id, "z").await.unwrap();
        store.rename_namespace(&other.id, "z").await.unwrap();
        let titles: Vec<_> = store.namespaces().await.unwrap().into_iter().map(|info| info.title).collect();
        assert_eq!(titles, ["sessions", "z"]);

        for key in ["small", "large"] {
            let size = if key == "small" { 10 } else { 100_000 };
            namespace.put(PutRequest::new(key, pattern(size))).await.unwrap();
            store.namespace(&*other.id).put(PutRequest::new(key, pattern(size))).await.unwrap();
        }
        assert_eq!(files(&store).await, (2, 0));
        store.delete_namespace(namespace.id()).await.unwrap();
        assert_eq!(files(&store).await, (1, 0));
        assert_eq!((rows(&store, "pairs").await, rows(&store, "segments").await), (2, 2));
        assert_eq!(value(&store.namespace(&*other.id), "large").await, Some(pattern(100_000)));
        assert!(store.namespace_info(namespace.id()).await.unwrap().is_none());
        for result in [
            namespace.get(GetRequest::new("k")).await.map(drop),
            namespace.put(PutRequest::new("k", "v")).await,
            namespace.put(PutRequest::new("k", pattern(100_000))).await,
            namespace.delete(DeleteRequest::new("k")).await,
            namespace.list(ListRequest::default()).await.map(drop),
            store.rename_namespace(namespace.id(), "x").await,
            store.delete_namespace(namespace.id()).await,
        ] {
            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.code()), (ErrorKind::NoSuchNamespace, Some("10013")));
        }
    }
}
