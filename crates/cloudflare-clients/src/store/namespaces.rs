//! The namespaces of a store.

use std::path::Path;
use std::time::SystemTime;

use rusqlite::OptionalExtension as _;
use serde::Serialize;

use super::database::{StoreResult, from_millis, random_hex, to_millis};
use super::local_store::LocalStore;
use super::namespace::LocalNamespace;
use super::pairs::{self, namespace_number};
use super::writer::Write;
use crate::error::{Error, ErrorKind, Result};
use crate::model::kv::error_code::TITLE_EXISTS;
use crate::model::kv::limits::MAX_KEY_SIZE;

/// A namespace of a [`LocalStore`]. It serialises as `id`, `title` and `created`, a time of RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NamespaceInfo {
    /// The id: 32 hexadecimal characters.
    pub id: String,
    /// The title.
    pub title: String,
    /// When it was created.
    #[serde(with = "crate::time::rfc3339")]
    pub created: SystemTime,
}

impl LocalStore {
    /// Creates a [namespace](https://developers.cloudflare.com/kv/concepts/kv-namespaces/) with an id of its own.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the title is empty or has more than 512 bytes; [`ErrorKind::Conflict`] with KV's code 10014
    /// when there is a namespace of this title.
    pub async fn create_namespace(&self, title: &str) -> Result<NamespaceInfo> {
        let title = check_title(title)?;
        let create = move |write: &Write<'_>| {
            let info = NamespaceInfo { id: random_hex(write)?, title, created: write.now };
            free_title(write, &info.title, &info.id)?;
            write
                .prepare_cached("INSERT INTO namespaces (id, title, created) VALUES (?1, ?2, ?3)")?
                .execute((&info.id, &info.title, to_millis(info.created)))?;
            Ok(info)
        };
        self.shared().writer.write(Vec::new(), create).await
    }

    /// Gives a namespace another title.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchNamespace`], and as [`create_namespace`](Self::create_namespace).
    pub async fn rename_namespace(&self, id: &str, title: &str) -> Result<()> {
        let (id, title) = (id.to_owned(), check_title(title)?);
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
    /// [`ErrorKind::NoSuchNamespace`].
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

    /// The namespaces, by title.
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

    /// A namespace, if it is there.
    pub async fn namespace_info(&self, id: &str) -> Result<Option<NamespaceInfo>> {
        let id = id.to_owned();
        self.shared()
            .readers
            .read(move |connection| {
                let found = connection
                    .prepare_cached("SELECT id, title, created FROM namespaces WHERE id = ?1")?
                    .query_row((id,), read_namespace)
                    .optional()?;
                Ok(found)
            })
            .await
    }

    /// A namespace's handle. Whether the namespace is there shows when it is used: [`ErrorKind::NoSuchNamespace`].
    pub fn namespace(&self, id: impl Into<String>) -> LocalNamespace {
        LocalNamespace::new(self.clone(), id.into())
    }
}

impl LocalNamespace {
    /// Opens the store in a folder and a namespace of it by its title; both are created where they are not there.
    ///
    /// # Errors
    /// As [`LocalStore::open`] and [`LocalStore::create_namespace`], but that the namespace may be there.
    pub async fn open(folder: impl AsRef<Path>, title: &str) -> Result<Self> {
        Self::open_in(&LocalStore::open(folder).await?, title).await
    }

    /// Opens a namespace of a store by its title. A missing namespace is created.
    ///
    /// # Errors
    /// As [`LocalStore::create_namespace`], but that the namespace may be there.
    pub async fn open_in(store: &LocalStore, title: &str) -> Result<Self> {
        let find = async || -> Result<Option<String>> {
            let mut all = store.namespaces().await?.into_iter();
            Ok(all.find(|info| info.title == title).map(|info| info.id))
        };
        // One that is there can be opened where nothing can be written.
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
    Ok(NamespaceInfo { id: row.get(0)?, title: row.get(1)?, created: from_millis(row.get(2)?) })
}

fn check_title(title: &str) -> Result<String> {
    if (1..=MAX_KEY_SIZE).contains(&title.len()) {
        return Ok(title.to_owned());
    }
    Err(Error::invalid_input(format!("the title has {} bytes: a title has 1 to {MAX_KEY_SIZE}", title.len())))
}

/// Refuses a title that another namespace has.
fn free_title(write: &Write<'_>, title: &str, id: &str) -> StoreResult<()> {
    let taken: bool = write
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM namespaces WHERE title = ?1 AND id <> ?2)")?
        .query_row((title, id), |row| row.get(0))?;
    if !taken {
        return Ok(());
    }
    let message = format!("the store has a namespace with the title {title:?} already");
    Err(Error::new(ErrorKind::Conflict, message).with_code(TITLE_EXISTS.number.to_string()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::{DeleteRequest, GetRequest, ListRequest, Namespace as _, PutRequest};
    use crate::store::testing::{files, namespace, pattern, rows, value};

    #[test]
    fn what_is_known_of_a_namespace_serialises() {
        let (id, title) = ("0a".to_owned(), "sessions".to_owned());
        let info = NamespaceInfo { id, title, created: SystemTime::UNIX_EPOCH };
        let json = r#"{"id":"0a","title":"sessions","created":"1970-01-01T00:00:00.000Z"}"#;
        assert_eq!(serde_json::to_string(&info).unwrap(), json);
    }

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
