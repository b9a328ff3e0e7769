//! Transfers over the network: uploads and downloads of files and streams, copies and puts of streams,
//! interrupted and continued, while connections are cut and bits are flipped. Verified content exists, byte
//! for byte.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cloudflare_clients::r2::R2Service;
use cloudflare_clients::transfer::Verified;
use cloudflare_clients::{Body, Error, ErrorKind};
use fastrand::Rng;
use futures_util::future::try_join_all;
use futures_util::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use crate::finding::{Finding, Outcome};
use crate::recorder::is_unknown;
use crate::storm::{Storm, in_storm};
use crate::trace;
use crate::world::{BUCKET, World};

const CLIENTS: usize = 2;
const STEPS: usize = 6;
const MIB: usize = 1024 * 1024;
const PART: u64 = 5 * MIB as u64;
const LONGEST: Duration = Duration::from_secs(4 * 3600);
/// Maximum time until a request is executed after its client has given up. Connections stall for up to five
/// minutes.
const LATEST: Duration = Duration::from_secs(6 * 60);

pub(super) async fn run(world: World) -> Outcome {
    let mut server = world.server()?;
    let store = server.start().await?;
    store.create_bucket(BUCKET).await?;
    drop(store);
    let mut rng = world.rng("kind of storm");
    let storm = Storm { flips: rng.bool(), ..Storm::any(&mut rng) };
    let folder = tempfile::tempdir().map_err(|error| Finding::new(format!("no folder: {error}")))?;
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let r2 = world.client(&format!("client {number}"), &server).r2()?;
        let keys = [Key::new(format!("{number}/film")), Key::new(format!("{number}/copy"))];
        clients.push(TransfersClient {
            number,
            r2,
            keys,
            storm,
            folder: folder.path().join(number.to_string()),
            files: 0,
        });
    }
    let work = try_join_all(clients.iter_mut().map(|client| client.work(&world)));
    in_storm(&world, &mut server, storm, async { work.await.map(drop) }).await?;
    // Requests in progress arrive. After that nothing is late any more.
    tokio::time::sleep(LATEST).await;
    for client in &mut clients {
        client.settle(&mut world.rng(&format!("end of client {}", client.number))).await?;
    }
    Ok(())
}

/// The possible values of a key.
struct Key {
    name: String,
    /// One of these; `None` is a missing object.
    may_be: Vec<Option<Bytes>>,
    /// Whether it may be damaged bytes. Their sender received an error.
    may_be_damaged: bool,
    /// The bytes of requests that may be executed after their client has given up, and until when.
    late: Vec<(Instant, Bytes)>,
    /// Until when such a request may store damaged bytes.
    late_damage: Option<Instant>,
    /// Until when such a request may copy to this key what is then stored under the other one.
    late_copy: Option<Instant>,
}

impl Key {
    fn new(name: String) -> Self {
        Self {
            name,
            may_be: vec![None],
            may_be_damaged: false,
            late: Vec::new(),
            late_damage: None,
            late_copy: None,
        }
    }

    /// Records a value that an operation started at `began` acknowledged or read. Requests that are late by
    /// now have been executed or never will be.
    fn becomes(&mut self, stored: Vec<Option<Bytes>>, began: Instant) {
        (self.may_be, self.may_be_damaged) = (stored, false);
        self.late.retain(|(until, _)| *until >= began);
        self.late_damage = self.late_damage.filter(|until| *until >= began);
    }

    /// Records that its requests may be executed later, and again.
    fn was_sent(&mut self, content: Bytes) {
        self.late.push((Instant::now() + LATEST, content));
    }

    /// Records that it is unknown whether the content was stored.
    fn may_become(&mut self, content: Bytes, may_be_damaged: bool) {
        self.may_be.push(Some(content.clone()));
        self.was_sent(content);
        if may_be_damaged {
            self.may_be_damaged = true;
            self.late_damage = Some(Instant::now() + LATEST);
        }
    }

    /// Returns all possible values, including those of late requests.
    fn all(&self) -> Vec<Option<Bytes>> {
        let late = self.late.iter().map(|(_, content)| Some(content.clone()));
        self.may_be.iter().cloned().chain(late).collect()
    }

    fn is_damage_allowed(&self) -> bool {
        self.may_be_damaged || self.late_damage.is_some()
    }

    fn allows(&self, found: Option<&Bytes>) -> bool {
        self.all().iter().any(|may_be| may_be.as_ref() == found)
            || (found.is_some() && self.is_damage_allowed())
    }

    /// Records what a read that started at `began` has found. It must be one of the possible values.
    fn is(&mut self, found: Option<Bytes>, began: Instant) -> Outcome {
        if !self.allows(found.as_ref()) {
            let size = found.map_or(0, |bytes| bytes.len());
            let what =
                format!("{} was read with {size} bytes that were never stored, or were replaced", self.name);
            return Err(Finding::new(what));
        }
        self.becomes(vec![found], began);
        Ok(())
    }
}

struct TransfersClient {
    number: usize,
    r2: R2Service,
    keys: [Key; 2],
    storm: Storm,
    folder: PathBuf,
    /// Number of files that it has written.
    files: u64,
}

impl TransfersClient {
    async fn work(&mut self, world: &World) -> Outcome {
        let made = std::fs::create_dir_all(&self.folder);
        made.map_err(|error| Finding::new(format!("no folder: {error}")))?;
        for (index, mut rng) in world.steps.of(self.number, STEPS) {
            trace::count("operations");
            let step = self.step(&mut rng);
            tokio::time::timeout(LONGEST, step).await.unwrap_or_else(|_| {
                let client = self.number;
                Err(Finding::new(format!("step {index} of client {client} takes longer than {LONGEST:?}")))
            })?;
        }
        Ok(())
    }

    async fn step(&mut self, rng: &mut Rng) -> Outcome {
        // Puts of streams are more frequent: only there the answer alone can reveal damage.
        let kind = match rng.u8(..12) {
            10.. => 7,
            kind => kind,
        };
        trace::note(format_args!("client {}: transfer of kind {kind}", self.number));
        match kind {
            0 => self.get(0, false).await,
            1 => self.read(false).await,
            2 | 3 => self.download(rng, false).await,
            4 => self.copy(rng).await,
            _ => self.store(kind, rng).await,
        }
    }

    /// Stores new bytes in one of several ways.
    async fn store(&mut self, kind: u8, rng: &mut Rng) -> Outcome {
        let content = new_content([100, 300_000, 6 * MIB, 11 * MIB + 1][rng.usize(..4)], rng);
        let name = self.keys[0].name.clone();
        let began = Instant::now();
        let (content, stored) = match kind {
            5 => {
                let upload = self.r2.upload_reader(Cursor::new(content.clone()), &name).part_size(PART);
                (content, upload.await.map(|uploaded| uploaded.verified))
            }
            6 => {
                let written = self.write(&name, &content).await;
                (content, written)
            }
            7 => {
                let put = self.put_stream(&name, &content).await;
                (content, put)
            }
            _ => self.upload(content, &name, rng).await?,
        };
        // All others send a hash of their bytes with each request, so that the service rejects damaged bytes.
        let may_be_damaged = kind == 7 && self.storm.flips;
        self.stored(content, may_be_damaged, began, stored)
    }

    async fn write(&self, name: &str, content: &Bytes) -> Result<Verified, Error> {
        let mut writer = self.r2.writer(name).part_size(PART).open()?;
        for piece in content.chunks(700_000) {
            if let Err(error) = writer.write_all(piece).await {
                let other = |error| Error::new(ErrorKind::Unsupported, format!("a write failed: {error}"));
                return Err(error.downcast().unwrap_or_else(other));
            }
        }
        Ok(writer.finish().await?.verified)
    }

    /// Puts a body that can be read once. Only the etag of the answer verifies it.
    async fn put_stream(&self, name: &str, content: &Bytes) -> Result<Verified, Error> {
        let pieces: Vec<_> = content.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let body = Body::from_stream(stream::iter(pieces), Some(content.len() as u64));
        self.r2.put(name, body).await.map(|_| Verified::Md5)
    }

    /// Uploads a file with interruptions. Meanwhile another file of the same size may replace it. Returns the
    /// content that was stored last.
    async fn upload(
        &mut self,
        mut content: Bytes,
        name: &str,
        rng: &mut Rng,
    ) -> Result<(Bytes, Result<Verified, Error>), Finding> {
        let path = self.folder.join("film");
        self.replace_file(&path, &content)?;
        let journals = self.folder.join("journals");
        let mut tries = 0;
        loop {
            let upload = self.r2.upload(&path, name).part_size(PART).journal(&journals);
            let limit = if tries < 3 { soon(rng) } else { LONGEST };
            match tokio::time::timeout(limit, upload).await {
                Err(_) => trace::count("transfers interrupted"),
                Ok(Err(error)) if error.is_retryable() && tries < 6 => trace::count("transfers that failed"),
                Ok(uploaded) => return Ok((content, uploaded.map(|uploaded| uploaded.verified))),
            }
            tries += 1;
            if tries <= 3 && rng.u8(..3) == 0 {
                trace::count("files replaced");
                let other = new_content(content.len(), rng);
                self.replace_file(&path, &other)?;
                let given_up = std::mem::replace(&mut content, other);
                self.may_be_copied(&given_up);
                self.keys[0].may_become(given_up, false);
            }
        }
    }

    /// Replaces a file by a new one. Its modification time is unique, however fast this happens in real time.
    fn replace_file(&mut self, path: &Path, content: &Bytes) -> Outcome {
        self.files += 1;
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(self.files * 3600);
        let new = path.with_extension("new");
        std::fs::write(&new, content)
            .and_then(|()| std::fs::File::options().write(true).open(&new)?.set_modified(time))
            .and_then(|()| std::fs::rename(&new, path))
            .map_err(|error| Finding::new(format!("no file: {error}")))
    }

    /// Records the result of a write that started at `began`.
    fn stored(
        &mut self,
        content: Bytes,
        may_be_damaged: bool,
        began: Instant,
        stored: Result<Verified, Error>,
    ) -> Outcome {
        self.may_be_copied(&content);
        let key = &mut self.keys[0];
        match stored {
            Ok(verified) => {
                trace::note(format_args!("client {}: stored {}, {verified:?}", self.number, key.name));
                key.becomes(vec![Some(content.clone())], began);
                key.was_sent(content);
                Ok(())
            }
            Err(error) => {
                key.may_become(content, may_be_damaged);
                self.failed(&error)
            }
        }
    }

    /// Records that an abandoned copy may store this content.
    fn may_be_copied(&mut self, content: &Bytes) {
        let copy = &mut self.keys[1];
        if let Some(until) = copy.late_copy.filter(|until| *until >= Instant::now()) {
            copy.late.push((until, content.clone()));
        }
    }

    /// Whether a failure is expected. The service's answers may be damaged; the library's own errors may not
    /// be.
    fn failed(&self, error: &Error) -> Outcome {
        trace::note(format_args!("client {}: {error}", self.number));
        trace::count("transfers that failed");
        let may_be = match error.kind() {
            // Only the server's disk fails, which it reports as a 500.
            ErrorKind::Storage => false,
            ErrorKind::BodyNotReplayable => true,
            ErrorKind::Integrity => self.storm.flips,
            // A late request may replace the object that is being read.
            ErrorKind::PreconditionFailed => self.storm.flips || self.storm.network,
            ErrorKind::InvalidInput
            | ErrorKind::Credentials
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::NotModified
            | ErrorKind::NoSuchBucket
            | ErrorKind::NoSuchUpload
            | ErrorKind::Conflict
            | ErrorKind::RangeNotSatisfiable
            | ErrorKind::Unsupported => self.storm.flips && error.status().is_some(),
            _ => is_unknown(error),
        };
        if may_be {
            Ok(())
        } else {
            Err(Finding::new(format!("unexpected error ({:?}): {error}", error.kind())))
        }
    }

    /// Reads both objects, stores new content, and reads it in every way, while nothing fails or is late.
    async fn settle(&mut self, rng: &mut Rng) -> Outcome {
        self.get(0, true).await?;
        self.get(1, true).await?;
        let content = new_content([100, 300_000, 5 * MIB + 1][rng.usize(..3)], rng);
        let (name, copy) = (self.keys[0].name.clone(), self.keys[1].name.clone());
        let (content, stored) = self.upload(content, &name, rng).await?;
        stored?;
        // Wait until abandoned attempts are over.
        tokio::time::sleep(LATEST).await;
        self.keys[0].becomes(vec![Some(content.clone())], Instant::now());
        self.get(0, true).await?;
        self.read(true).await?;
        self.download(rng, true).await?;
        self.r2.copy_object(name.as_str(), &copy).await?;
        self.keys[1].becomes(vec![Some(content)], Instant::now());
        self.get(1, true).await
    }

    async fn get(&mut self, key: usize, must_succeed: bool) -> Outcome {
        let began = Instant::now();
        match self.r2.get(&self.keys[key].name).bytes().await {
            Ok(found) => self.keys[key].is(found, began),
            Err(error) => self.read_failed(&error, must_succeed),
        }
    }

    async fn read(&mut self, must_succeed: bool) -> Outcome {
        let began = Instant::now();
        let opened = self.r2.reader(&self.keys[0].name).range_size(PART).open().await;
        let mut reader = match opened {
            Ok(Some(reader)) => reader,
            Ok(None) => return self.keys[0].is(None, began),
            Err(error) => return self.read_failed(&error, must_succeed),
        };
        let mut bytes = Vec::new();
        match reader.read_to_end(&mut bytes).await {
            Ok(_) => self.keys[0].is(Some(bytes.into()), began),
            Err(error) => match error.downcast::<Error>() {
                Ok(error) => self.read_failed(&error, must_succeed),
                Err(error) => Err(Finding::new(format!(
                    "a reader fails with an error that is not the library's: {error}"
                ))),
            },
        }
    }

    fn read_failed(&self, error: &Error, must_succeed: bool) -> Outcome {
        if must_succeed {
            return Err(Finding::new(format!("a read without faults fails: {error}")));
        }
        // The bytes read before the connection was cut belong to an object that no longer exists.
        if error.kind() == ErrorKind::Integrity && error.message().contains("was replaced or deleted") {
            return Ok(());
        }
        self.failed(error)
    }

    async fn download(&mut self, rng: &mut Rng, must_succeed: bool) -> Outcome {
        let path = self.folder.join("download");
        let before = file(&path)?;
        let mut tries = 0;
        loop {
            let began = Instant::now();
            let download = self.r2.download(&self.keys[0].name, &path).range_size(PART);
            let limit = if tries < 3 { soon(rng) } else { LONGEST };
            let downloaded = tokio::time::timeout(limit, download).await;
            let found = file(&path)?;
            if !matches!(downloaded, Ok(Ok(Some(_)))) && found != before {
                let size = found.map_or(0, |bytes| bytes.len());
                let what = format!("an unfinished download has left {size} bytes under the name of its file");
                return Err(Finding::new(what));
            }
            match downloaded {
                Err(_) => trace::count("transfers interrupted"),
                Ok(Err(error)) if error.is_retryable() && tries < 6 => trace::count("transfers that failed"),
                Ok(Err(error)) => return self.read_failed(&error, must_succeed),
                Ok(Ok(None)) => return self.keys[0].is(None, began),
                Ok(Ok(Some(_))) if found.is_none() => {
                    return Err(Finding::new("a finished download has no file"));
                }
                Ok(Ok(Some(_))) => return self.keys[0].is(found, began),
            }
            tries += 1;
        }
    }

    async fn copy(&mut self, rng: &mut Rng) -> Outcome {
        let copy = self.r2.copy_object(self.keys[0].name.as_str(), &self.keys[1].name);
        let copy = if rng.bool() { copy.part_size(PART).whole_up_to(0) } else { copy };
        let began = Instant::now();
        let copied = copy.await;
        let [source, copy] = &mut self.keys;
        copy.late_copy = Some(Instant::now() + LATEST);
        let contents: Vec<Bytes> = source.all().into_iter().flatten().collect();
        let may_be_damaged = source.is_damage_allowed();
        if copied.is_ok() {
            copy.becomes(Vec::new(), began);
        }
        for content in contents {
            copy.may_become(content, may_be_damaged);
        }
        match copied {
            Ok(_) => {
                copy.may_be_damaged |= may_be_damaged;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NoSuchKey && source.may_be.contains(&None) => Ok(()),
            Err(error) => self.failed(&error),
        }
    }
}

fn new_content(size: usize, rng: &mut Rng) -> Bytes {
    let mut content = vec![0; size];
    rng.fill(&mut content);
    content.into()
}

/// Returns the time after which a transfer is interrupted: often before a large one can be done.
fn soon(rng: &mut Rng) -> Duration {
    let longest = [1_000, 60_000][rng.usize(..2)];
    Duration::from_millis(rng.u64(..longest))
}

/// Returns the bytes of a file, if it exists.
fn file(path: &Path) -> Result<Option<Bytes>, Finding> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Finding::new(format!("a file cannot be read: {error}"))),
    }
}
