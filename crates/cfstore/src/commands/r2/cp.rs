//! `cfstore r2 cp SRC DST` and `cfstore r2 mv SRC DST`

use std::path::Path;

use cloudflare_clients::r2::{Object, R2Service, StoredObject, normalize_key};
use cloudflare_clients::transfer::{Copied, KeyPattern, Verified};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::BinaryBytes;
use serde::Serialize;
use serde_json::json;

use crate::addresses::{is_address, take_bucket};
use crate::bucket_location::BucketLocation;
use crate::cli::{Cp, SseC};
use crate::error::{Error, ExitStatus, Result};
use crate::key_argument::KeyArgument;
use crate::keys;
use crate::printer::{Key, Printer, also, count};
use crate::selection::Selection;
use crate::transfer::Proof;

use super::copying::{Copying, Kind, Side};

/// Maximum number of concurrent copies.
const CONCURRENCY: usize = 8;

/// Refuses a destination that could be meant to be in another bucket, or a file.
pub(super) fn check_destination(args: &Cp, bucket: Option<&str>) -> Result<()> {
    let Cp { source, destination, to_env_file, .. } = args;
    if to_env_file.is_some() {
        return Ok(());
    }
    let mut both = [source.clone(), destination.clone()];
    match (is_address(source), is_address(destination)) {
        // They may be in different buckets.
        (true, true) => Ok(()),
        _ => take_bucket(bucket, &mut both).map(drop),
    }
}

pub(super) async fn run(
    args: Cp,
    kind: Kind,
    location: BucketLocation,
    env_file: Option<&Path>,
    printer: Printer,
) -> Result<ExitStatus> {
    let Cp { source, mut destination, to_env_file, dry_run, rate, sse_c, source_sse_c_key_file, literal } =
        args;
    let changes_key = source_sse_c_key_file.is_some();
    let of_source = SseC { sse_c_key_file: source_sse_c_key_file.or_else(|| sse_c.sse_c_key_file.clone()) };
    let source = KeyArgument::parse(source, literal.literal)?;
    let (from, named) = (location.target()?, is_address(&destination));
    let bucket = take_bucket(None, [&mut destination])?;
    let mut to = None;
    if named || to_env_file.is_some() {
        let location = BucketLocation::select(to_env_file.as_deref().or(env_file), bucket.as_deref())?;
        to = Some((location.target()?, location)).filter(|(target, _)| *target != from);
    }
    let target = to.as_ref().map_or(&from, |(target, _)| target).clone();
    let plan = Plan {
        kind,
        is_across: to.is_some(),
        changes_key: changes_key && kind == Kind::Copy,
        // The address of a bucket counts as a folder.
        is_folder: destination.ends_with('/') || (named && destination.is_empty()),
        destination,
        target,
        printer,
    };
    plan.check(&source)?;
    let side = Side::source(location, &of_source, printer).await?;
    let destination = match to {
        // A dry run creates nothing.
        Some((_, location)) if !dry_run => Some(Side::destination(location, &sse_c, printer).await?),
        _ => None,
    };
    match source {
        KeyArgument::Key(key) if dry_run => plan.tell_one(&side, &key).await,
        KeyArgument::Key(key) => {
            let copying = Copying::new(kind, side, destination)?.encrypt(&sse_c)?;
            plan.run_one(&copying.limit_rate(rate).with_progress(printer), &key).await
        }
        KeyArgument::Pattern(pattern) => {
            plan.check_many(&side.service, &pattern, dry_run).await?;
            if dry_run {
                return Ok(ExitStatus::Success);
            }
            let service = side.service.clone();
            let copying = Copying::new(kind, side, destination)?.encrypt(&sse_c)?.limit_rate(rate);
            plan.run_many(&service, &copying, &pattern).await
        }
    }
}

/// What to copy, and where to.
struct Plan {
    kind: Kind,
    /// Whether the destination is another bucket.
    is_across: bool,
    /// Whether a copy to its own key is re-encrypted.
    changes_key: bool,
    /// Whether the destination is a folder, in which copies keep their names.
    is_folder: bool,
    destination: String,
    target: String,
    printer: Printer,
}

/// JSON of a copied object.
#[derive(Serialize)]
struct CopiedJson<'a> {
    source: &'a str,
    #[serde(flatten)]
    stored: &'a StoredObject,
    moved: bool,
    verified: Verified,
}

impl Plan {
    /// Refuses impossible combinations before any request.
    fn check(&self, source: &KeyArgument) -> Result<()> {
        match source {
            KeyArgument::Key(key) => {
                let to = self.key(key)?;
                if !self.is_across && !self.changes_key && normalize_key(key) == normalize_key(&to) {
                    return Err(Error::usage(
                        format!("source and destination are the same key, {key:?}"),
                        "name another key as the destination",
                    ));
                }
                keys::warn_of_dots(&to, self.printer);
                Ok(())
            }
            KeyArgument::Pattern(pattern) if !self.is_folder => Err(Error::usage(
                format!("{:?} is a pattern, but {:?} is a single key", pattern.as_str(), self.destination),
                "end the destination with a slash, or give --literal if the source is a key and not a pattern",
            )),
            KeyArgument::Pattern(_) => Ok(()),
        }
    }

    /// Returns the new key of this object.
    fn key(&self, source: &str) -> Result<String> {
        let name = source.rsplit('/').next();
        match (&*self.destination, name) {
            ("", Some(name)) if self.is_folder && !name.is_empty() => Ok(name.to_owned()),
            ("", _) if self.is_folder => keys::into_folder("/".to_owned(), None),
            _ => keys::into_folder(self.destination.clone(), name),
        }
    }

    /// Returns the new key of an object that matches a pattern. Keeps the directories below the one that the
    /// pattern begins with.
    fn key_of_matching(&self, pattern: &KeyPattern, key: &str) -> Result<String> {
        // Counts slashes: a listed key may differ from the pattern in its Unicode normalization.
        let directories = pattern.folder().matches('/').count();
        let to = self.destination.clone() + key.splitn(directories + 1, '/').last().unwrap_or_default();
        if to.is_empty() {
            return Err(Error::usage(
                format!("{key:?} ends with a slash, so it has no name to keep"),
                "copy this object by itself, and write its new key",
            ));
        }
        if !self.is_across && pattern.matches(&to) {
            return Err(Error::usage(
                format!("{key:?} would become {to:?}, which matches {:?} too", pattern.as_str()),
                "name another folder, or a pattern that does not match keys in it",
            ));
        }
        Ok(to)
    }

    async fn tell_one(&self, source: &Side, key: &str) -> Result<ExitStatus> {
        let Some(object) = source.service.head(key).await? else {
            return Err(Error::NotFound(key.to_owned()));
        };
        self.tell(&object, &self.key(key)?)?;
        Ok(ExitStatus::Success)
    }

    async fn run_one(&self, copying: &Copying, key: &str) -> Result<ExitStatus> {
        self.done(&copying.run(key, &self.key(key)?).await?)?;
        Ok(ExitStatus::Success)
    }

    /// Checks all objects before any is copied, so that no copy matches the pattern itself.
    async fn check_many(&self, service: &R2Service, pattern: &KeyPattern, dry_run: bool) -> Result<()> {
        let selection = Selection::Pattern(pattern.clone());
        selection.refuse_key(service).await?;
        let (mut objects, mut bytes) = (0, 0_u64);
        let mut pages = selection.pages(service);
        while let Some(page) = pages.try_next().await? {
            for object in page {
                let to = self.key_of_matching(pattern, &object.key)?;
                objects += 1;
                bytes = bytes.saturating_add(object.size);
                if dry_run {
                    self.tell(&object, &to)?;
                }
            }
        }
        selection.check_found(objects > 0)?;
        if dry_run {
            let what = count(objects, "object");
            let summary = format_args!("would {} {what}, {}", self.verb(), BinaryBytes(bytes));
            self.printer.summary(summary, &self.target);
        }
        Ok(())
    }

    async fn run_many(
        &self,
        service: &R2Service,
        copying: &Copying,
        pattern: &KeyPattern,
    ) -> Result<ExitStatus> {
        let pages = Selection::Pattern(pattern.clone()).pages(service);
        let objects = pages.map_ok(|page| stream::iter(page.into_iter().map(Ok))).try_flatten();
        let work = objects.take_until(copying.stopped()).map(|object: Result<Object>| async move {
            let key = object?.key;
            let to = self.key_of_matching(pattern, &key)?;
            Ok::<_, Error>((copying.run(&key, &to).await, key, to))
        });
        let mut work = std::pin::pin!(work.buffer_unordered(CONCURRENCY));
        let (mut done, mut bytes, mut failed) = (0, 0_u64, 0);
        while let Some((result, key, to)) = work.try_next().await? {
            match result {
                Ok(copied) => {
                    done += 1;
                    bytes = bytes.saturating_add(copied.source.size);
                    self.done(&copied)?;
                }
                Err(error) => {
                    failed += 1;
                    self.printer.warning(format_args!("{}: {error}", Key(&key)));
                    let value = json!({ "source": key, "key": to, "error": error.to_string() });
                    self.printer.json_at(&value, &self.target)?;
                }
            }
        }
        let what = count(done, "object");
        let summary =
            format_args!("{} {what}, {}{}", self.done_verb(), BinaryBytes(bytes), also(failed, "failed"));
        self.printer.summary(summary, &self.target);
        if copying.is_stopped() {
            return Err(Error::Interrupted);
        }
        Ok(if failed == 0 { ExitStatus::Success } else { ExitStatus::Failed })
    }

    fn tell(&self, source: &Object, to: &str) -> Result<()> {
        let line = format_args!("{}  would be {} to {}", Key(&source.key), self.done_verb(), Key(to));
        let value = json!({ "source": source.key, "key": to, "size": source.size, "dryRun": true });
        self.printer.result_at(line, &value, &self.target)
    }

    fn done(&self, Copied { source, stored, verified, .. }: &Copied) -> Result<()> {
        let (from, to, proof) = (Key(&source.key), Key(&stored.key), Proof(Some(*verified)));
        let line = format_args!("{from}  {} to {to}{proof}", self.done_verb());
        let moved = self.kind == Kind::Move;
        let value = CopiedJson { source: &source.key, stored, moved, verified: *verified };
        self.printer.result_at(line, &value, &self.target)
    }

    fn verb(&self) -> &'static str {
        match self.kind {
            Kind::Copy => "copy",
            Kind::Move => "move",
        }
    }

    fn done_verb(&self) -> &'static str {
        match self.kind {
            Kind::Copy => "copied",
            Kind::Move => "moved",
        }
    }
}
