//! Power losses at any moment. A store is written on a machine that records every change of the disk. The
//! store is then opened with the possible contents of the disk after each change, and must contain everything
//! that was acknowledged.

mod expected;
mod recovery;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloudflare_clients::kv::{self, Namespace as _};
use cloudflare_clients::r2::{
    AbortMultipartUploadRequest, Bucket as _, CompleteMultipartUploadRequest, CopyRequest,
    CreateMultipartUploadRequest, DeleteRequest, UploadPartRequest, UploadedPart,
};
use fastrand::Rng;
use futures_util::future::try_join_all;

use self::expected::{End, Expected, PLACES, Place, Stored, Upload};
use self::recovery::{Opened, bytes, check};
use crate::disk::{Files, Machine};
use crate::finding::{Finding, Outcome};
use crate::trace;
use crate::world::World;

const STEPS: usize = 14;
/// Approximate number of disks that a run looks at.
const STATES: usize = 120;
/// Maximum number of disks per moment.
const STATES_OF_MOMENT: usize = 12;
/// Number of changes after the end of a process during which a power loss is more likely.
const SOON: usize = 20;
/// Number of changes before a power loss that a finding lists.
const TOLD: usize = 25;

/// The moment after a change of the disk.
struct Moment {
    files: Files,
    expected: Arc<Expected>,
    /// The index of its line in `Recording::lines`.
    line: usize,
}

/// Everything that has happened so far.
#[derive(Default)]
struct Recording {
    lines: Vec<String>,
    moments: Vec<Moment>,
    expected: Option<Arc<Expected>>,
}

/// A store that is being written.
struct Writing {
    machine: Machine,
    recording: Arc<Mutex<Recording>>,
    rng: RefCell<Rng>,
    opened: Option<Opened>,
    /// The bytes of everything that was ever written.
    written: RefCell<BTreeSet<Vec<u8>>>,
    /// No two bodies have the same size.
    bodies: Cell<usize>,
}

pub(crate) async fn run(world: World) -> Outcome {
    let mut writing = Writing::begin(&world).await?;
    for (index, mut rng) in world.steps.of(0, STEPS) {
        writing.say(format!("step {index}"));
        writing.step(&mut rng).await?;
    }
    if let Some(opened) = writing.opened.take() {
        writing.say("the store is closed".to_owned());
        opened.close().await;
    }
    writing.machine.set_log(None);
    writing.lose_power_at_moments(&mut world.rng("power losses")).await
}

fn lock(recording: &Mutex<Recording>) -> MutexGuard<'_, Recording> {
    recording.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writing {
    async fn begin(world: &World) -> Result<Self, Finding> {
        let recording = Arc::new(Mutex::new(Recording::default()));
        let recorded = Arc::clone(&recording);
        world.machine.set_log(Some(Box::new(move |event, files| {
            let Recording { lines, moments, expected } = &mut *lock(&recorded);
            let Some(expected) = expected else { return };
            // The content of the reserve is meaningless and takes many writes.
            let is_reserve = event.path.ends_with("reserve");
            if is_reserve && lines.last().is_some_and(|last| last.ends_with("/reserve")) {
                return;
            }
            lines.push(event.to_string());
            moments.push(Moment { files: files.clone(), expected: Arc::clone(expected), line: lines.len() });
        })));
        let mut writing = Self {
            machine: world.machine.clone(),
            recording,
            rng: RefCell::new(world.rng("writing")),
            opened: None,
            written: RefCell::default(),
            bodies: Cell::new(0),
        };
        writing.set(|expected| *expected = Expected::new());
        writing.open().await?;
        Ok(writing)
    }

    fn say(&self, line: String) {
        trace::line(format_args!("{line}"));
        lock(&self.recording).lines.push(line);
    }

    fn expected(&self) -> Arc<Expected> {
        lock(&self.recording).expected.clone().unwrap_or_else(|| Arc::new(Expected::new()))
    }

    fn set(&self, change: impl FnOnce(&mut Expected)) {
        let mut expected = Arc::unwrap_or_clone(self.expected());
        change(&mut expected);
        lock(&self.recording).expected = Some(Arc::new(expected));
    }

    fn finding(&self, what: &str) -> Finding {
        Finding::new(what).with_history(lock(&self.recording).lines.iter().rev().take(TOLD).rev().cloned())
    }

    /// Starts a process that opens the store, and checks its content.
    async fn open(&mut self) -> Outcome {
        loop {
            let (disk, expected) = (self.machine.process(), self.expected());
            let mut rng = self.rng.borrow_mut().fork();
            if rng.u8(..4) == 0 {
                disk.kill_after(rng.u64(..100));
            }
            let opened = match Opened::open(disk.clone(), &expected, &mut rng).await {
                Ok(opened) => {
                    let seen = opened.observe(&expected).await;
                    if disk.is_alive() {
                        let seen = seen.map_err(|problem| self.finding(&problem))?;
                        self.set(|expected| *expected = seen);
                        disk.kill_after(u64::MAX);
                        self.opened = Some(opened);
                        return Ok(());
                    }
                    opened
                }
                Err(problem) if disk.is_alive() => return Err(self.finding(&problem)),
                Err(_) => continue,
            };
            opened.kill().await;
        }
    }

    async fn step(&mut self, rng: &mut Rng) -> Outcome {
        if let Some(opened) = &self.opened
            && rng.u8(..3) == 0
        {
            opened.disk.kill_after(rng.u64(..20));
        }
        match rng.u8(..16) {
            0..4 => self.put(place(rng), self.body(rng)).await?,
            4..6 => {
                // Concurrent writes are committed together.
                let (first, count) = (rng.usize(..PLACES.len()), rng.usize(2..4));
                let places = PLACES.into_iter().cycle().skip(first).take(count);
                let puts: Vec<_> = places.map(|place| (place, self.body(rng))).collect();
                try_join_all(puts.into_iter().map(|(place, body)| self.put(place, body))).await?;
            }
            6..8 => self.delete(place(rng)).await?,
            8 | 9 => self.copy(rng).await?,
            10..13 => self.upload(rng).await?,
            13 => self.checkpoint(rng)?,
            14 => {
                if let Some(opened) = self.opened.take() {
                    if opened.disk.is_alive() && rng.bool() {
                        self.say("the store is closed".to_owned());
                        opened.close().await;
                    } else {
                        opened.kill().await;
                    }
                }
            }
            _ => {
                if let Some(opened) = self.opened.take() {
                    opened.kill().await;
                }
                self.machine.power_loss(rng);
            }
        }
        if let Some(opened) = self.opened.take_if(|opened| !opened.disk.is_alive()) {
            opened.kill().await;
        }
        match &self.opened {
            Some(opened) => {
                opened.disk.kill_after(u64::MAX);
                Ok(())
            }
            None => self.open().await,
        }
    }

    /// Returns new bytes, of a size for the database or for a file.
    fn body(&self, rng: &mut Rng) -> Vec<u8> {
        self.bodies.set(self.bodies.get() + 1);
        let size = [0, 10_000, 66_000, 300_000][rng.usize(..4)];
        let body = bytes(rng.u64(..), size + self.bodies.get());
        self.written.borrow_mut().insert(body.clone());
        body
    }

    fn opened(&self) -> Result<&Opened, Finding> {
        self.opened.as_ref().ok_or_else(|| Finding::new("the store is not open"))
    }

    /// Returns the answer of an operation, if its process is alive.
    fn answer<T>(&self, what: &str, answer: cloudflare_clients::Result<T>) -> Result<Option<T>, Finding> {
        if !self.opened()?.disk.is_alive() {
            return Ok(None);
        }
        match answer {
            Ok(answer) => {
                self.say(format!("{what} is acknowledged"));
                Ok(Some(answer))
            }
            Err(error) => Err(self.finding(&format!("{what} fails with {error}"))),
        }
    }

    async fn write<T>(
        &self,
        what: &str,
        place: Place,
        stored: Stored,
        write: impl Future<Output = cloudflare_clients::Result<T>>,
    ) -> Outcome {
        self.say(format!("{what} begins"));
        self.set(|expected| expected.may_become(place, stored.clone()));
        let answer = write.await;
        if self.answer(what, answer)?.is_some() {
            self.set(|expected| expected.is(place, stored));
        }
        Ok(())
    }

    async fn put(&self, place: Place, body: Vec<u8>) -> Outcome {
        let what = format!("put of {} bytes to {place:?}", body.len());
        let stored = Some(Arc::new(body.clone()));
        self.write(&what, place, stored, self.opened()?.put(place, body)).await
    }

    async fn delete(&self, place: Place) -> Outcome {
        let opened = self.opened()?;
        let delete = async {
            match place {
                Place::Object(key) => opened.bucket.delete(DeleteRequest::new(key)).await,
                Place::Value(key) => opened.namespace.delete(kv::DeleteRequest::new(key)).await,
            }
        };
        self.write(&format!("delete of {place:?}"), place, None, delete).await
    }

    async fn copy(&self, rng: &mut Rng) -> Outcome {
        let (Place::Object(from), Place::Object(to)) = (object(rng), object(rng)) else { return Ok(()) };
        let stored = self.expected().sure(Place::Object(from));
        if stored.is_none() || from == to {
            return Ok(());
        }
        let copy = self.opened()?.bucket.copy(CopyRequest::new(from, to));
        self.write(&format!("copy of {from} to {to}"), Place::Object(to), stored, copy).await
    }

    /// Runs a step of an upload: its start, its part or its end.
    async fn upload(&self, rng: &mut Rng) -> Outcome {
        let expected = self.expected();
        let mut open = expected.uploads.iter().filter(|(_, upload)| upload.end == End::Open);
        let Some((id, upload)) = open.next_back() else { return self.create_upload(rng).await };
        match &upload.etag {
            Some(etag) if upload.part.len() == 1 && rng.u8(..3) > 0 => {
                if rng.u8(..4) == 0 {
                    self.abort(id, upload.key).await
                } else {
                    self.complete(id, upload, etag).await
                }
            }
            _ => self.upload_part(id, upload.key, self.body(rng)).await,
        }
    }

    fn set_upload(&self, id: &str, change: impl FnOnce(&mut Upload)) {
        self.set(|expected| expected.uploads.get_mut(id).into_iter().for_each(change_of(change)));
    }

    async fn create_upload(&self, rng: &mut Rng) -> Outcome {
        let Place::Object(key) = object(rng) else { return Ok(()) };
        let created =
            self.opened()?.bucket.create_multipart_upload(CreateMultipartUploadRequest::new(key)).await;
        if let Some(created) = self.answer(&format!("an upload of {key}"), created)? {
            let upload = Upload { key, part: vec![None], bytes: None, etag: None, end: End::Open };
            self.set(|expected| drop(expected.uploads.insert(created.upload_id, upload)));
        }
        Ok(())
    }

    async fn upload_part(&self, id: &str, key: &str, body: Vec<u8>) -> Outcome {
        let what = format!("a part of {} bytes for {key}", body.len());
        self.say(format!("{what} begins"));
        let size = body.len() as u64;
        self.set_upload(id, |upload| upload.part.push(Some(size)));
        let request = UploadPartRequest::new(key, id, 1, body.clone());
        let uploaded = self.opened()?.bucket.upload_part(request).await;
        if let Some(part) = self.answer(&what, uploaded)? {
            self.set_upload(id, |upload| {
                upload.part = vec![Some(size)];
                upload.bytes = Some(Arc::new(body));
                upload.etag = Some(part.etag);
            });
        } else {
            // Whichever part it has, it is uploaded again.
            self.set_upload(id, |upload| upload.etag = None);
        }
        Ok(())
    }

    async fn complete(&self, id: &str, upload: &Upload, etag: &str) -> Outcome {
        let (what, place) = (format!("completing of {}", upload.key), Place::Object(upload.key));
        self.say(format!("{what} begins"));
        self.set(|expected| expected.may_become(place, upload.bytes.clone()));
        self.set_upload(id, |upload| upload.end = End::Completing);
        let parts = vec![UploadedPart::new(1, etag)];
        let request = CompleteMultipartUploadRequest::new(upload.key, id, parts);
        let completed = self.opened()?.bucket.complete_multipart_upload(request).await;
        if self.answer(&what, completed)?.is_some() {
            self.set(|expected| expected.is(place, upload.bytes.clone()));
            self.set_upload(id, |upload| upload.end = End::Ended);
        }
        Ok(())
    }

    async fn abort(&self, id: &str, key: &str) -> Outcome {
        let what = format!("abort of the upload of {key}");
        self.say(format!("{what} begins"));
        self.set_upload(id, |upload| upload.end = End::Aborting);
        let aborted =
            self.opened()?.bucket.abort_multipart_upload(AbortMultipartUploadRequest::new(key, id)).await;
        if self.answer(&what, aborted)?.is_some() {
            self.set_upload(id, |upload| upload.end = End::Ended);
        }
        Ok(())
    }

    /// Lets SQLite write its log to the database.
    fn checkpoint(&self, rng: &mut Rng) -> Outcome {
        let mode = ["PASSIVE", "RESTART", "TRUNCATE"][rng.usize(..3)];
        self.say(format!("checkpoint {mode}"));
        let opened = self.opened()?;
        let done = opened.connect().and_then(|connection| {
            connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), (), |_| Ok(()))
        });
        match done {
            Err(error) if opened.disk.is_alive() => {
                Err(self.finding(&format!("a checkpoint fails with {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Loses power at any moment, often soon after a process was killed, and opens the possible contents of
    /// the disk.
    async fn lose_power_at_moments(&self, rng: &mut Rng) -> Outcome {
        let Recording { lines, moments, .. } = std::mem::take(&mut *lock(&self.recording));
        let written = self.written.take();
        let is_soon = |moment: &&Moment| {
            lines[moment.line.saturating_sub(SOON)..moment.line]
                .iter()
                .any(|line| line.ends_with("is killed"))
        };
        let soon: Vec<&Moment> = moments.iter().filter(is_soon).collect();
        let mut states = 0;
        while states < STATES && !moments.is_empty() {
            let moment = if rng.bool() { rng.choice(&soon).copied() } else { None };
            let Moment { files, expected, line } = moment.unwrap_or(&moments[rng.usize(..moments.len())]);
            trace::count("moments of power loss");
            for files in files.all_after_power_loss(STATES_OF_MOMENT, rng) {
                states += 1;
                trace::count("disks after a power loss");
                if let Err(problem) = check(files, expected, &written, rng).await {
                    let what =
                        format!("after a power loss after change {line} of {}: {problem}", lines.len());
                    let before = lines[line.saturating_sub(TOLD)..*line].iter().cloned();
                    return Err(Finding::new(what).with_history(before));
                }
            }
        }
        Ok(())
    }
}

fn change_of(change: impl FnOnce(&mut Upload)) -> impl FnMut(&mut Upload) {
    let mut change = Some(change);
    move |upload| change.take().into_iter().for_each(|change| change(upload))
}

fn place(rng: &mut Rng) -> Place {
    PLACES[rng.usize(..PLACES.len())]
}

fn object(rng: &mut Rng) -> Place {
    let objects: Vec<_> = PLACES.into_iter().filter(|place| matches!(place, Place::Object(_))).collect();
    objects[rng.usize(..objects.len())]
}
