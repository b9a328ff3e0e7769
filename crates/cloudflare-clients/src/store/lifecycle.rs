//! Applying lifecycle rules.
//!
//! An index lists the objects of each bucket in the order in which they were uploaded. Everything that an
//! action applies to is at its beginning, up to the upload time of the youngest object that is old enough. An
//! action is applied to one stretch of it, and the next time to what follows: so a sweep only looks at what
//! has become old enough since the last one. It reads in one step, and changes what it found in separate
//! transactions, so that writers wait for only a few of them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OptionalExtension as _};
use tokio::sync::OwnedMutexGuard;

use super::cursor::after_prefix;
use super::database::{Failure, StoreResult, from_millis, malformed, to_millis};
use super::multipart;
use super::platform::was_stopped;
use super::segments::remove_body;
use super::shared::Shared;
use super::writer::Write;
use crate::error::Result;
use crate::model::r2::{LifecycleCondition, LifecyclePolicy, LifecycleRule, StorageClass, normalize_key};
use crate::r2::R2Action;
use crate::time::{duration_millis, later};

/// Number of objects that are changed in one transaction.
const BATCH: usize = 500;

/// Maximum time between the timestamp of a write and its commit, in milliseconds.
const UNDER_WAY: u64 = 60_000;

/// R2 does not move objects that would be deleted within this time.
const DELETED_SOON: Duration = Duration::from_secs(24 * 3600);

/// The result of [`LocalStore::apply_lifecycle`](crate::LocalStore::apply_lifecycle).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifecycleReport {
    /// Number of objects that were deleted.
    pub deleted: u64,
    /// Number of objects that were moved to Infrequent Access.
    pub moved: u64,
    /// Number of multipart uploads that were aborted.
    pub aborted: u64,
}

/// Applies the rules in the background, if they are due.
pub(super) fn sweep_if_due(shared: &Arc<Shared>) {
    if shared.writer.refusal().is_some() {
        return;
    }
    let now = shared.platform.runtime.now();
    let Some(alone) = shared.sweeps.claim(now) else { return };
    let swept = Arc::clone(shared);
    shared.platform.threads.spawn(Box::pin(async move {
        match sweep_alone(&swept, now, alone).await {
            Err(error) if was_stopped(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "could not apply lifecycle rules; the next sweep tries again");
            }
            Ok(_) => {}
        }
    }));
}

/// Returns the lifecycle policy of a bucket.
pub(super) fn policy(connection: &Connection, bucket: i64) -> StoreResult<Option<LifecyclePolicy>> {
    let json: Option<String> = connection
        .prepare_cached("SELECT lifecycle FROM buckets WHERE id = ?1")?
        .query_row((bucket,), |row| row.get(0))?;
    let policy = read_policy(json.as_deref())?;
    Ok((!policy.rules.is_empty()).then_some(policy))
}

fn read_policy(json: Option<&str>) -> StoreResult<LifecyclePolicy> {
    let Some(json) = json else { return Ok(LifecyclePolicy::of_new_bucket()) };
    Ok(LifecyclePolicy::from_json(json).map_err(|error| malformed("a lifecycle policy", &error))?)
}

/// Sets the lifecycle policy of a bucket, and resets its progress.
pub(super) fn set_policy(write: &Write<'_>, bucket: i64, json: &str) -> StoreResult<()> {
    write
        .prepare_cached("UPDATE buckets SET lifecycle = ?2, lifecycle_progress = NULL WHERE id = ?1")?
        .execute((bucket, json))?;
    Ok(())
}

impl Shared {
    /// Schedules a new policy to be applied soon.
    pub(super) fn lifecycle_was_set(&self) {
        self.sweeps.hasten();
    }
}

/// Applies all rules that are due `now`. Another process may do so at the same time.
pub(super) async fn sweep(shared: &Shared, now: SystemTime) -> Result<LifecycleReport> {
    if shared.writer.refusal().is_some() {
        return Ok(LifecycleReport::default());
    }
    let alone = Arc::clone(&shared.sweeps.running).lock_owned().await;
    sweep_alone(shared, now, alone).await
}

async fn sweep_alone(
    shared: &Shared,
    now: SystemTime,
    _alone: OwnedMutexGuard<()>,
) -> Result<LifecycleReport> {
    let mut report = LifecycleReport::default();
    let now = from_millis(to_millis(now));
    let ids = |connection: &Connection| {
        let mut statement = connection.prepare_cached("SELECT id FROM buckets")?;
        let ids = statement.query_map((), |row| row.get(0))?;
        Ok(ids.collect::<rusqlite::Result<Vec<i64>>>()?)
    };
    for id in shared.readers.read(ids).await? {
        let opened = shared.readers.read(move |connection| SweptBucket::open(connection, id, now)).await?;
        if let Some(mut bucket) = opened {
            bucket.sweep(shared, &mut report).await?;
        }
    }
    if report != LifecycleReport::default() {
        let LifecycleReport { deleted, moved, aborted } = report;
        tracing::info!(deleted, moved, aborted, "applied lifecycle rules");
    }
    Ok(report)
}

/// What a rule does to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Delete,
    Move(LifecycleCondition),
}

/// A bucket whose rules are being applied.
struct SweptBucket {
    id: i64,
    name: Arc<str>,
    /// The policy as it is stored.
    json: Option<Arc<str>>,
    policy: Arc<LifecyclePolicy>,
    progress: Vec<u64>,
    now: SystemTime,
}

/// A key and its upload time in milliseconds: identifies an object, unless it was replaced since.
type Found = (Vec<u8>, u64);

impl SweptBucket {
    fn open(connection: &Connection, id: i64, now: SystemTime) -> StoreResult<Option<Self>> {
        let row = connection
            .prepare_cached("SELECT name, lifecycle, lifecycle_progress FROM buckets WHERE id = ?1")?
            .query_row((id,), |row| {
                Ok((row.get(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, Option<String>>(2)?))
            })
            .optional()?;
        let Some((name, json, progress)) = row else { return Ok(None) };
        let policy = Arc::new(read_policy(json.as_deref())?);
        // Progress that cannot be read starts at 0 again.
        let progress = progress.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
        let name: String = name;
        Ok(Some(Self { id, name: name.into(), json: json.map(Arc::from), policy, progress, now }))
    }

    async fn sweep(&mut self, shared: &Shared, report: &mut LifecycleReport) -> Result<()> {
        let policy = Arc::clone(&self.policy);
        for rule in policy.rules.iter().filter(|rule| rule.enabled) {
            if let Some(age) = rule.abort_uploads {
                report.aborted += self.abort_uploads(shared, rule, age).await?;
            }
        }
        let actions: Vec<_> = policy.rules.iter().flat_map(actions).collect();
        self.progress.resize(actions.len(), 0);
        let before = self.progress.clone();
        // Objects that are deleted need not be moved first.
        let (deletes, moves): (Vec<_>, Vec<_>) =
            (0..).zip(actions).partition(|(_, (_, action, _))| *action == Action::Delete);
        for (index, (rule, action, condition)) in deletes.into_iter().chain(moves) {
            if rule.enabled {
                let (changed, is_current) = self.act(shared, index, rule, action, condition).await?;
                match action {
                    Action::Delete => report.deleted += changed,
                    Action::Move(_) => report.moved += changed,
                }
                if !is_current {
                    // Another policy was set. The next sweep applies it.
                    return Ok(());
                }
            }
        }
        if self.progress == before {
            return Ok(());
        }
        let (id, json, progress) = (self.id, self.json.clone(), self.progress.clone());
        let keep = move |write: &Write<'_>| keep_progress(write, id, json.as_deref(), &progress).map(drop);
        shared.writer.write(Vec::new(), keep).await
    }

    /// Applies an action to all objects that are old enough. Returns how many objects it changed, and whether
    /// the policy is still the bucket's.
    async fn act(
        &mut self,
        shared: &Shared,
        index: usize,
        rule: &LifecycleRule,
        action: Action,
        condition: LifecycleCondition,
    ) -> Result<(u64, bool)> {
        let Some(last) = last_of_age(condition, self.now) else { return Ok((0, true)) };
        if last < self.progress[index] {
            // The clock was set back: objects that were uploaded since then may not have been looked at.
            self.progress[index] = 0;
        }
        let mut changed = 0;
        let mut after = (self.progress[index], Vec::new());
        loop {
            let query = Query::new(self.id, rule, after.clone(), last);
            let (found, is_passed) = shared.readers.read(move |connection| query.run(connection)).await?;
            let Some((key, uploaded)) = found.last().cloned() else {
                if is_passed {
                    self.progress[index] = self.settled(last);
                }
                return Ok((changed, true));
            };
            after = (uploaded, key);
            // Other objects with exactly this time may follow.
            self.progress[index] = self.settled(uploaded);
            let batch = Batch {
                bucket: self.id,
                name: Arc::clone(&self.name),
                json: self.json.clone(),
                policy: Arc::clone(&self.policy),
                progress: self.progress.clone(),
                action,
                found: found.into(),
            };
            match shared.writer.make_room(move |write| batch.run(write)).await? {
                Some(number) => changed += number,
                None => return Ok((changed, false)),
            }
        }
    }

    /// The time before which no write can appear any more: a write gets its time before it is committed.
    fn settled(&self, until: u64) -> u64 {
        until.min(to_millis(self.now).saturating_sub(UNDER_WAY))
    }

    async fn abort_uploads(&self, shared: &Shared, rule: &LifecycleRule, age: Duration) -> Result<u64> {
        let Some(last) = last_of_age(LifecycleCondition::Age(age), self.now) else { return Ok(0) };
        let mut aborted = 0;
        loop {
            let (id, prefix) = (self.id, normalize_key(&rule.prefix).into_owned().into_bytes());
            let find = move |connection: &Connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT key, id FROM uploads INDEXED BY uploads_by_time \
                     WHERE bucket = ?1 AND initiated <= ?2 AND key >= ?3 AND key < ?4 LIMIT ?5",
                )?;
                let end = after_prefix(&prefix);
                let rows = statement
                    .query_map((id, last, &prefix, &end, BATCH), |row| Ok((row.get(0)?, row.get(1)?)))?;
                Ok(rows.collect::<rusqlite::Result<Vec<(Vec<u8>, String)>>>()?)
            };
            let found: Arc<[_]> = shared.readers.read(find).await?.into();
            if found.is_empty() {
                return Ok(aborted);
            }
            let json = self.json.clone();
            let abort = move |write: &Write<'_>| {
                if !is_current(write, id, json.as_deref())? {
                    return Ok(None);
                }
                let mut number = 0;
                for (key, upload_id) in &*found {
                    number += u64::from(multipart::abort_if_any(write, id, key, upload_id)?);
                }
                Ok(Some(number))
            };
            match shared.writer.make_room(abort).await? {
                Some(number) => aborted += number,
                None => return Ok(aborted),
            }
        }
    }
}

/// What a rule does to objects, and when.
fn actions(rule: &LifecycleRule) -> impl Iterator<Item = (&LifecycleRule, Action, LifecycleCondition)> {
    let deletes = rule.delete_objects.map(|condition| (rule, Action::Delete, condition));
    let moves = rule.move_to_infrequent_access.map(|condition| (rule, Action::Move(condition), condition));
    deletes.into_iter().chain(moves)
}

/// The latest upload time, in milliseconds, that meets the condition now, if any does.
fn last_of_age(condition: LifecycleCondition, now: SystemTime) -> Option<u64> {
    let now = to_millis(now);
    match condition {
        LifecycleCondition::Age(age) => now.checked_sub(duration_millis(age)),
        LifecycleCondition::Date(date) => (to_millis(date) <= now).then_some(now),
    }
}

/// Finds the objects of a bucket with a given prefix that are old enough, after a time and a key and up to a
/// time.
const FIND: &str = "SELECT key, uploaded FROM objects INDEXED BY objects_by_time \
     WHERE bucket = ?1 AND (uploaded, key) > (?2, ?3) AND uploaded <= ?4 AND key >= ?5 AND key < ?6 \
     ORDER BY uploaded, key LIMIT ?7";

/// Finds the objects that an action applies to.
struct Query {
    bucket: i64,
    prefix: Vec<u8>,
    /// The time and the key at the end of the last batch.
    after: (u64, Vec<u8>),
    last: u64,
}

impl Query {
    fn new(bucket: i64, rule: &LifecycleRule, after: (u64, Vec<u8>), last: u64) -> Self {
        Self { bucket, prefix: normalize_key(&rule.prefix).into_owned().into_bytes(), after, last }
    }

    /// Returns a batch of objects in the order of their times, and whether any object with any key exists up
    /// to the end.
    fn run(self, connection: &Connection) -> StoreResult<(Vec<Found>, bool)> {
        let mut statement = connection.prepare_cached(FIND)?;
        let (time, key) = &self.after;
        let end = after_prefix(&self.prefix);
        let rows = statement
            .query_map((self.bucket, time, key, self.last, &self.prefix, &end, BATCH), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<rusqlite::Result<Vec<Found>>>()?;
        let is_any = connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM objects INDEXED BY objects_by_time \
                 WHERE bucket = ?1 AND uploaded > ?2 AND uploaded <= ?3)",
            )?
            .query_row((self.bucket, time, self.last), |row| row.get(0))?;
        Ok((rows, is_any))
    }
}

/// Objects to change in one transaction.
#[derive(Clone)]
struct Batch {
    bucket: i64,
    name: Arc<str>,
    json: Option<Arc<str>>,
    policy: Arc<LifecyclePolicy>,
    /// The progress including this batch.
    progress: Vec<u64>,
    action: Action,
    found: Arc<[Found]>,
}

impl Batch {
    /// Changes the objects. Returns how many, or `None` if the bucket has another policy now.
    fn run(self, write: &Write<'_>) -> StoreResult<Option<u64>> {
        if !keep_progress(write, self.bucket, self.json.as_deref(), &self.progress)? {
            return Ok(None);
        }
        let mut changed = 0;
        for (key, uploaded) in &*self.found {
            changed += u64::from(match self.action {
                Action::Delete => self.delete(write, key, *uploaded)?,
                Action::Move(condition) => self.move_object(write, key, *uploaded, condition)?,
            });
        }
        Ok(Some(changed))
    }

    fn delete(&self, write: &Write<'_>, key: &[u8], uploaded: u64) -> StoreResult<bool> {
        let due: Option<(i64, Option<String>)> = write
            .prepare_cached(
                "SELECT body, uploaded_key FROM objects WHERE bucket = ?1 AND key = ?2 AND uploaded = ?3",
            )?
            .query_row((self.bucket, key, uploaded), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((body, given)) = due else { return Ok(false) };
        write
            .prepare_cached("DELETE FROM objects WHERE bucket = ?1 AND key = ?2")?
            .execute((self.bucket, key))?;
        remove_body(write, body)?;
        let given = given.unwrap_or_else(|| String::from_utf8_lossy(key).into_owned());
        write.note(R2Action::LifecycleDeletion, &self.name, &given, |event| event);
        Ok(true)
    }

    fn move_object(
        &self,
        write: &Write<'_>,
        key: &[u8],
        uploaded: u64,
        condition: LifecycleCondition,
    ) -> StoreResult<bool> {
        let moved = match condition {
            LifecycleCondition::Age(age) => later(from_millis(uploaded), age),
            LifecycleCondition::Date(date) => date.max(from_millis(uploaded)),
        };
        let expiration = self.policy.expiration(&String::from_utf8_lossy(key), from_millis(uploaded));
        if expiration.is_some_and(|(deleted, _)| deleted <= later(moved, DELETED_SOON)) {
            return Ok(false);
        }
        let (from, to) = (StorageClass::Standard.as_s3(), StorageClass::InfrequentAccess.as_s3());
        let changed = write
            .prepare_cached(
                "UPDATE objects SET storage_class = ?5 \
                 WHERE bucket = ?1 AND key = ?2 AND uploaded = ?3 AND storage_class = ?4",
            )?
            .execute((self.bucket, key, uploaded, from, to))?;
        Ok(changed > 0)
    }
}

/// Whether this is still the policy of the bucket.
fn is_current(connection: &Connection, bucket: i64, json: Option<&str>) -> StoreResult<bool> {
    let is_current = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM buckets WHERE id = ?1 AND lifecycle IS ?2)")?
        .query_row((bucket, json), |row| row.get(0))?;
    Ok(is_current)
}

/// Stores the progress of the policy, if it is still that of the bucket.
fn keep_progress(write: &Write<'_>, bucket: i64, json: Option<&str>, progress: &[u64]) -> StoreResult<bool> {
    let progress = serde_json::to_string(progress)
        .map_err(|error| Failure::from(malformed("the progress of a lifecycle policy", &error)))?;
    let kept = write
        .prepare_cached("UPDATE buckets SET lifecycle_progress = ?3 WHERE id = ?1 AND lifecycle IS ?2")?
        .execute((bucket, json, progress))?;
    Ok(kept > 0)
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _};

    use super::*;
    use crate::r2::{
        Bucket as _, CopyRequest, CreateMultipartUploadRequest, HeadRequest, ListMultipartUploadsRequest,
        ListRequest, PutRequest,
    };
    use crate::runtime::Runtime as _;
    use crate::store::LocalBucket;
    use crate::store::testing::{bucket_with_clock, files, pattern};

    fn days(days: u64) -> Duration {
        Duration::from_secs(24 * days * 3600)
    }

    async fn set(bucket: &LocalBucket, rules: impl IntoIterator<Item = LifecycleRule>) {
        bucket.put_lifecycle(LifecyclePolicy::new(rules)).await.unwrap();
    }

    async fn put(bucket: &LocalBucket, keys: &[&str]) {
        for key in keys {
            bucket.put(PutRequest::new(*key, "1")).await.unwrap();
        }
    }

    async fn keys(bucket: &LocalBucket) -> Vec<String> {
        let page = bucket.list(ListRequest::default()).await.unwrap();
        page.objects.into_iter().map(|object| object.key).collect()
    }

    /// What a sweep deletes, moves and aborts.
    async fn apply(bucket: &LocalBucket) -> (u64, u64, u64) {
        let LifecycleReport { deleted, moved, aborted } = bucket.store().apply_lifecycle().await.unwrap();
        (deleted, moved, aborted)
    }

    async fn class(bucket: &LocalBucket, key: &str) -> StorageClass {
        let object = bucket.head(HeadRequest::new(key)).await.unwrap().unwrap();
        object.storage_class.unwrap()
    }

    #[tokio::test]
    async fn what_comes_of_age_is_deleted_also_what_lay_there_before() {
        let (_folder, bucket, clock) = bucket_with_clock().await;
        put(&bucket, &["logs/1", "other", "re\u{301}/a"]).await;
        bucket.put(PutRequest::new("logs/file", pattern(100_000))).await.unwrap();
        let rules = [
            LifecycleRule::new("logs").prefix("logs/").delete_objects(days(7)),
            LifecycleRule::new("accents").prefix("r\u{e9}/").delete_objects(days(7)),
            LifecycleRule::new("off").delete_objects(days(1)).disabled(),
        ];
        set(&bucket, rules).await;
        let mut events = bucket.store().events("account");
        clock.advance(Duration::from_millis(7 * 86_400_000 - 1));
        put(&bucket, &["logs/2"]).await;
        bucket.copy(CopyRequest::new("logs/1", "logs/3")).await.unwrap();
        assert_eq!(apply(&bucket).await, (0, 0, 0));
        clock.advance(Duration::from_millis(1));
        assert_eq!(apply(&bucket).await, (3, 0, 0));
        assert_eq!(keys(&bucket).await, ["logs/2", "logs/3", "other"]);
        assert_eq!(files(bucket.store()).await, (0, 0));
        let told = std::iter::from_fn(|| events.next().now_or_never().flatten());
        let deleted: Vec<_> = told.filter(|event| event.action == R2Action::LifecycleDeletion).collect();
        let told: Vec<_> = deleted.iter().map(|event| event.object.key.as_str()).collect();
        assert_eq!(told, ["logs/1", "logs/file", "re\u{301}/a"]);
        assert!(deleted.iter().all(|event| event.event_time == clock.now()));
        clock.advance(days(7));
        assert_eq!(apply(&bucket).await, (2, 0, 0));
        assert_eq!(keys(&bucket).await, ["other"]);
    }

    #[tokio::test]
    async fn a_date_counts_for_what_comes_later_too() {
        let (_folder, bucket, clock) = bucket_with_clock().await;
        put(&bucket, &["a"]).await;
        set(&bucket, [LifecycleRule::new("date").delete_objects(clock.now() + days(3))]).await;
        clock.advance(Duration::from_secs(3 * 86_400 - 1));
        assert_eq!(apply(&bucket).await, (0, 0, 0));
        clock.advance(Duration::from_secs(1));
        // What follows may apply the rule too.
        for key in ["b", "c"] {
            put(&bucket, &[key]).await;
            apply(&bucket).await;
            assert!(keys(&bucket).await.is_empty(), "{key}");
        }
    }

    #[tokio::test]
    async fn what_is_to_be_deleted_soon_is_not_moved() {
        let (_folder, bucket, clock) = bucket_with_clock().await;
        let rules = [
            LifecycleRule::new("cold").move_to_infrequent_access(days(30)),
            LifecycleRule::new("soon").prefix("soon/").delete_objects(days(31)),
            LifecycleRule::new("late").prefix("late/").delete_objects(days(32)),
        ];
        set(&bucket, rules).await;
        put(&bucket, &["a", "soon/a", "late/a"]).await;
        let before = bucket.head(HeadRequest::new("a")).await.unwrap().unwrap();
        clock.advance(days(30));
        assert_eq!(apply(&bucket).await, (0, 2, 0));
        for (key, expected) in [
            ("a", StorageClass::InfrequentAccess),
            ("soon/a", StorageClass::Standard),
            ("late/a", StorageClass::InfrequentAccess),
        ] {
            assert_eq!(class(&bucket, key).await, expected, "{key}");
        }
        let after = bucket.head(HeadRequest::new("a")).await.unwrap().unwrap();
        assert_eq!(
            (after.uploaded, after.etag, after.version),
            (before.uploaded, before.etag, before.version)
        );
        assert_eq!(apply(&bucket).await, (0, 0, 0));
        clock.advance(days(10));
        assert_eq!(apply(&bucket).await, (2, 0, 0));
    }

    #[tokio::test]
    async fn uploads_are_aborted_as_the_policy_says_or_never() {
        let (_folder, bucket, clock) = bucket_with_clock().await;
        let begin = async |key: &str| {
            bucket.create_multipart_upload(CreateMultipartUploadRequest::new(key)).await.unwrap();
        };
        let uploads = async || {
            let page = bucket.list_multipart_uploads(ListMultipartUploadsRequest::default()).await.unwrap();
            page.uploads.into_iter().map(|upload| upload.key).collect::<Vec<_>>()
        };
        assert_eq!(bucket.lifecycle().await.unwrap(), Some(LifecyclePolicy::of_new_bucket()));
        for key in ["a", "users/a"] {
            begin(key).await;
        }
        set(&bucket, [LifecycleRule::new("users").prefix("users/").abort_uploads(days(1))]).await;
        clock.advance(days(30));
        assert_eq!((apply(&bucket).await, uploads().await), ((0, 0, 1), vec!["a".to_owned()]));
        bucket.delete_lifecycle().await.unwrap();
        assert_eq!(bucket.lifecycle().await.unwrap(), None);
        assert_eq!((apply(&bucket).await, uploads().await), ((0, 0, 0), vec!["a".to_owned()]));
        set(&bucket, LifecyclePolicy::of_new_bucket().rules).await;
        assert_eq!((apply(&bucket).await, uploads().await.len()), ((0, 0, 1), 0));
    }

    #[tokio::test]
    async fn a_sweep_takes_more_than_a_batch_and_continues_where_the_last_ended() {
        let (_folder, bucket, clock) = bucket_with_clock().await;
        set(&bucket, [LifecycleRule::new("cold").prefix("a").move_to_infrequent_access(days(1))]).await;
        let many: Vec<String> = (0..=BATCH * 2).map(|number| format!("a{number}")).collect();
        let puts = many.iter().map(|key| bucket.put(PutRequest::new(key, "1")));
        futures_util::future::join_all(puts).await.into_iter().for_each(|stored| drop(stored.unwrap()));
        put(&bucket, &["b"]).await;
        let uploaded = to_millis(clock.now());
        clock.advance(days(1));
        assert_eq!(apply(&bucket).await, (0, BATCH as u64 * 2 + 1, 0));
        let progress = |connection: &Connection| {
            Ok(connection.query_row("SELECT lifecycle_progress FROM buckets", (), |row| row.get(0))?)
        };
        let read = async || bucket.store().shared().readers.read(progress).await.unwrap();
        let kept: Option<String> = read().await;
        assert_eq!(kept, Some(format!("[{uploaded}]")));
        // If no object is old enough, nothing is written.
        clock.advance(days(1));
        assert_eq!(apply(&bucket).await, (0, 0, 0));
        assert_eq!(read().await, kept);
    }

    #[tokio::test]
    async fn what_has_come_of_age_is_sought_in_the_index_alone() {
        let (_folder, bucket, _clock) = bucket_with_clock().await;
        let plan = |connection: &Connection| {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {FIND}"))?;
            let rows = statement.query_map((1, 2, "", 3, "", "", 4), |row| row.get(3))?;
            Ok(rows.collect::<rusqlite::Result<Vec<String>>>()?)
        };
        let plan = bucket.store().shared().readers.read(plan).await.unwrap();
        let [step] = plan.as_slice() else { panic!("{plan:?}") };
        assert!(step.starts_with("SEARCH objects USING COVERING INDEX objects_by_time"), "{step}");
        assert!(step.contains("(bucket=? AND (uploaded,key)>(?,?) AND uploaded<?)"), "{step}");
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_leaves_nothing_behind() {
        let (_folder, bucket, clock) = bucket_with_clock().await;
        set(&bucket, [LifecycleRule::new("week").delete_objects(days(7))]).await;
        put(&bucket, &["a"]).await;
        let right = clock.now();
        clock.advance(days(365));
        assert_eq!(apply(&bucket).await, (1, 0, 0));
        clock.set(right);
        put(&bucket, &["b"]).await;
        apply(&bucket).await;
        assert_eq!(keys(&bucket).await, ["b"]);
        clock.advance(days(8));
        assert_eq!(apply(&bucket).await, (1, 0, 0));
    }

    #[tokio::test]
    async fn a_write_that_was_under_way_while_a_date_was_looked_at_is_found() {
        let (_folder, bucket, clock) = bucket_with_clock().await;
        set(&bucket, [LifecycleRule::new("date").prefix("p/").delete_objects(clock.now())]).await;
        put(&bucket, &["other"]).await;
        clock.advance(Duration::from_secs(10));
        let before = clock.now() - Duration::from_secs(5);
        assert_eq!(apply(&bucket).await, (0, 0, 0));
        // Its time is before the sweep's, and its commit after.
        clock.set(before);
        put(&bucket, &["p/a"]).await;
        clock.advance(Duration::from_secs(60));
        apply(&bucket).await;
        assert_eq!(keys(&bucket).await, ["other"]);
    }

    #[tokio::test]
    async fn a_policy_that_was_replaced_meanwhile_is_not_carried_out() {
        let (_folder, bucket, clock) = bucket_with_clock().await;
        put(&bucket, &["a"]).await;
        set(&bucket, [LifecycleRule::new("day").delete_objects(days(1))]).await;
        clock.advance(days(2));
        let shared = bucket.store().shared();
        let now = clock.now();
        let open = move |connection: &Connection| SweptBucket::open(connection, 1, now);
        let mut swept = shared.readers.read(open).await.unwrap().unwrap();
        bucket.delete_lifecycle().await.unwrap();
        let mut report = LifecycleReport::default();
        swept.sweep(shared, &mut report).await.unwrap();
        assert_eq!((report, keys(&bucket).await), (LifecycleReport::default(), vec!["a".to_owned()]));
    }

    #[tokio::test]
    async fn a_store_in_use_carries_rules_out_by_itself() {
        let (_folder, bucket, clock) = bucket_with_clock().await;
        put(&bucket, &["a"]).await;
        set(&bucket, [LifecycleRule::new("day").delete_objects(days(1))]).await;
        clock.advance(days(1));
        for _ in 0..1000 {
            if keys(&bucket).await.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("nothing was deleted");
    }

    /// Fills a bucket with rows of objects, without their bytes: `number` keys, one uploaded per second.
    async fn fill(bucket: &LocalBucket, number: u64) {
        let until = to_millis(bucket.store().now());
        let fill = move |write: &Write<'_>| {
            let mut insert = write.prepare(
                "INSERT INTO objects (bucket, key, version, size, etag, uploaded, storage_class, body) \
                 VALUES (1, ?1, 'v', 0, 'e', ?2, 'STANDARD', ?3)",
            )?;
            for at in 0..number {
                let key = format!("logs/{:08x}", at.wrapping_mul(2_654_435_761) & 0xffff_ffff);
                insert.execute((key.as_bytes(), until - (number - at) * 1000, at + 1_000_000))?;
            }
            Ok(())
        };
        bucket.store().shared().writer.write(Vec::new(), fill).await.unwrap();
    }

    /// `cargo test --release -p cloudflare-clients --features local --lib -- --ignored --nocapture
    /// a_sweep_of_a_million`
    #[tokio::test]
    #[ignore = "measures"]
    async fn a_sweep_of_a_million_keys() {
        const KEYS: u64 = 1_000_000;
        let (_folder, bucket, clock) = bucket_with_clock().await;
        let took = async |what: &str| {
            let began = std::time::Instant::now();
            let done = apply(&bucket).await;
            println!("{what}: {:?}, (deleted, moved, aborted) {done:?}", began.elapsed());
        };
        let began = std::time::Instant::now();
        fill(&bucket, KEYS).await;
        println!("filled in {:?}", began.elapsed());
        let age = Duration::from_secs(KEYS);
        let rules = [
            LifecycleRule::new("logs").prefix("logs/").delete_objects(age),
            LifecycleRule::new("other").prefix("other/").delete_objects(Duration::from_secs(1)),
            LifecycleRule::new("cold").prefix("films/").move_to_infrequent_access(Duration::from_secs(1)),
            LifecycleRule::new("uploads").abort_uploads(days(7)),
        ];
        set(&bucket, rules).await;
        took("first sweep, two rules pass over all keys").await;
        clock.advance(Duration::from_millis(1));
        took("nothing to do").await;
        took("nothing to do again").await;
        clock.advance(Duration::from_secs(KEYS / 100));
        took("1 % expired").await;
        took("nothing to do after it").await;
    }
}
