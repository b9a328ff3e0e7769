//! Record of everything the doctor writes, so that it can be removed, including unanswered requests.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cloudflare_clients::http::{HeaderName, Method, StatusCode};
use cloudflare_clients::r2::{
    AbortMultipartUploadRequest, CreateMultipartUploadRequest, ListMultipartUploadsRequest, ListRequest,
};
use cloudflare_clients::s3::{self, create_multipart_upload, list_multipart_uploads, list_objects_v2};
use cloudflare_clients::{Error, ErrorKind, Result, Runtime as _, TokioRuntime};
use futures_util::future::join_all;
use tokio::sync::RwLock;

use super::access::{Access, FOLDER, object_request};
use super::http::Answer;

/// Everything that one run of the doctor wrote.
#[derive(Clone)]
pub(super) struct Scratch(Arc<Inner>);

struct Inner {
    /// The bucket to write to, once it is verified.
    access: OnceLock<Access>,
    prefix: String,
    written: Mutex<Written>,
    /// Writes hold it shared, and the cleanup waits for them.
    writing: Arc<RwLock<()>>,
}

#[derive(Default)]
struct Written {
    keys: Vec<String>,
    /// Keys of uploads, and their ids if the service returned them.
    uploads: Vec<(String, Option<String>)>,
}

/// Result of the cleanup.
#[derive(Debug, Default)]
pub(super) struct Cleaned {
    pub(super) removed: usize,
    pub(super) aborted: usize,
    pub(super) failures: Vec<String>,
    /// What is left below the folder, also of other runs, if the key has permission to list.
    pub(super) left: Vec<String>,
}

impl Scratch {
    pub(super) fn new() -> Self {
        let mut random = [0; 8];
        let mut name = String::new();
        // Without randomness, the process id distinguishes concurrent doctors.
        if TokioRuntime.fill_random(&mut random).is_err() {
            random = u64::from(std::process::id()).to_be_bytes();
        }
        for byte in random {
            let _ = write!(name, "{byte:02x}");
        }
        Self(Arc::new(Inner {
            access: OnceLock::new(),
            prefix: format!("{FOLDER}{name}/"),
            written: Mutex::default(),
            writing: Arc::default(),
        }))
    }

    /// Sets the bucket to write to.
    pub(super) fn use_bucket(&self, access: &Access) {
        let _ = self.0.access.set(access.clone());
    }

    /// Returns a key of this run.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.0.prefix)
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.0.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request that writes this key. It is completed even if the caller is dropped: otherwise an
    /// object could appear after the cleanup.
    pub(super) async fn write(
        &self,
        key: &str,
        send: impl Future<Output = Result<Answer>> + Send + 'static,
    ) -> Result<Answer> {
        let key = key.to_owned();
        self.written().keys.push(key.clone());
        let this = self.clone();
        self.to_its_end(async move {
            let answer = send.await?;
            // A refused request has written nothing.
            if answer.status.is_client_error() {
                let mut written = this.written();
                if let Some(at) = written.keys.iter().position(|written| *written == key) {
                    written.keys.swap_remove(at);
                }
            }
            Ok(answer)
        })
        .await
    }

    async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let guard = Arc::clone(&self.0.writing).read_owned().await;
        let task = tokio::spawn(async move {
            let _guard = guard;
            work.await
        });
        task.await.map_err(|error| Error::new(ErrorKind::Storage, "the check failed").with_source(error))?
    }

    /// Puts an object with a signature in the headers.
    pub(super) async fn put(
        &self,
        access: &Access,
        name: &str,
        headers: &[(HeaderName, &str)],
        body: Bytes,
    ) -> Result<Answer> {
        let key = self.key(name);
        let request = object_request(Method::PUT, &key, headers, body)?;
        let access = access.clone();
        Box::pin(self.write(&key, async move { access.send(request).await })).await
    }

    /// Starts a multipart upload. Returns its key and id, or the answer of a refusal.
    pub(super) async fn begin_upload(
        &self,
        access: &Access,
        name: &str,
    ) -> Result<Result<(String, String), Answer>> {
        let key = self.key(name);
        let request = create_multipart_upload::request(&CreateMultipartUploadRequest::new(&key))?;
        self.written().uploads.push((key.clone(), None));
        let (this, access) = (self.clone(), access.clone());
        self.to_its_end(async move {
            let answer = access.send(request).await?;
            if answer.status.is_client_error() {
                this.written().uploads.retain(|(begun, _)| *begun != key);
            }
            if !answer.status.is_success() {
                return Ok(Err(answer));
            }
            let id = create_multipart_upload::parse(&answer.into_response())?.upload_id;
            for (_, known) in this.written().uploads.iter_mut().filter(|(begun, _)| *begun == key) {
                *known = Some(id.clone());
            }
            Ok(Ok((key, id)))
        })
        .await
    }

    /// Sends a part of an upload. It is completed even if the caller is dropped.
    pub(super) async fn write_part(
        &self,
        send: impl Future<Output = Result<Answer>> + Send + 'static,
    ) -> Result<Answer> {
        self.to_its_end(send).await
    }

    /// Returns the bucket to write to, once it is verified.
    pub(super) fn bucket(&self) -> Option<&str> {
        self.0.access.get().map(|access| access.bucket.as_str())
    }

    /// Whether anything may have been written.
    pub(super) fn is_used(&self) -> bool {
        let written = self.written();
        !written.keys.is_empty() || !written.uploads.is_empty()
    }

    /// Deletes the objects, aborts the uploads, and lists what is left.
    pub(super) async fn clean(&self, limit: Duration) -> Cleaned {
        let Some(access) = self.0.access.get() else { return Cleaned::default() };
        // A write that takes longer than this may be missed, or found by the listing below.
        let begun = tokio::time::Instant::now();
        let writing = tokio::time::timeout(limit / 2, Arc::clone(&self.0.writing).write_owned()).await;
        let mut cleaned = Cleaned::default();
        if writing.is_err() {
            cleaned.failures.push("a write was not answered in time".to_owned());
        }
        let removal = self.remove(access, &mut cleaned);
        if tokio::time::timeout_at(begun + limit, removal).await.is_err() {
            cleaned.failures.push("the service did not answer in time".to_owned());
        }
        cleaned
    }

    async fn remove(&self, access: &Access, cleaned: &mut Cleaned) {
        let Written { mut keys, uploads } = std::mem::take(&mut *self.written());
        keys.sort();
        keys.dedup();
        let unanswered = uploads.iter().any(|(_, id)| id.is_none());
        let mut uploads: Vec<_> = uploads.into_iter().filter_map(|(key, id)| Some((key, id?))).collect();
        if unanswered {
            match uploads_below(access, &self.0.prefix).await {
                Ok(listed) => uploads.extend(listed),
                Err(error) => cleaned.failures.push(error),
            }
        }
        let aborts = join_all(uploads.iter().map(|(key, id)| abort(access, key, id)));
        let deletes = join_all(keys.iter().map(|key| delete(access, key)));
        let (aborts, deletes) = tokio::join!(aborts, deletes);
        for (count, results) in [(&mut cleaned.aborted, aborts), (&mut cleaned.removed, deletes)] {
            for result in results {
                match result {
                    Ok(()) => *count += 1,
                    Err(error) => cleaned.failures.push(error),
                }
            }
        }
        let (objects, uploads) = tokio::join!(objects_below(access), uploads_below(access, FOLDER));
        cleaned.left.extend(objects.unwrap_or_default());
        cleaned
            .left
            .extend(uploads.unwrap_or_default().into_iter().map(|(key, _)| format!("{key} (upload)")));
    }
}

async fn delete(access: &Access, key: &str) -> Result<(), String> {
    let answer = access.object(Method::DELETE, key, &[], Bytes::new()).await;
    succeeded(&answer.map_err(|error| error.to_string())?)
}

async fn abort(access: &Access, key: &str, id: &str) -> Result<(), String> {
    let request = AbortMultipartUploadRequest::new(key, id);
    let request = s3::abort_multipart_upload::request(&request).map_err(|error| error.to_string())?;
    succeeded(&access.send(request).await.map_err(|error| error.to_string())?)
}

fn succeeded(answer: &Answer) -> Result<(), String> {
    if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND {
        return Ok(());
    }
    Err(answer.error().to_string())
}

async fn uploads_below(access: &Access, prefix: &str) -> Result<Vec<(String, String)>, String> {
    let mut page = ListMultipartUploadsRequest::new();
    prefix.clone_into(&mut page.prefix);
    let listed = async {
        let answer = access.send(list_multipart_uploads::request(&page)?).await?;
        if !answer.status.is_success() {
            return Err(answer.error());
        }
        list_multipart_uploads::parse(&answer.into_response())
    };
    let uploads = listed.await.map_err(|error| error.to_string())?.uploads;
    // A server may ignore the prefix: never abort other uploads.
    let below = uploads.into_iter().filter(|upload| upload.key.starts_with(prefix));
    Ok(below.map(|upload| (upload.key, upload.upload_id)).collect())
}

async fn objects_below(access: &Access) -> Result<Vec<String>> {
    let mut page = ListRequest::new();
    FOLDER.clone_into(&mut page.prefix);
    let answer = access.send(list_objects_v2::request(&page)?).await?;
    if !answer.status.is_success() {
        return Err(answer.error());
    }
    let keys = list_objects_v2::parse(&answer.into_response())?.objects.into_iter().map(|object| object.key);
    Ok(keys.filter(|key| key.starts_with(FOLDER)).collect())
}
