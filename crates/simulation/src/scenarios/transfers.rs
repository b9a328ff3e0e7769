//! Transfers over the network: files and streams up and down, copies and puts of streams, interrupted and continued, while connections
//! are cut and bits are flipped. What was proved is there, byte for byte.

use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use cloudflare_clients::r2::R2Service;
use cloudflare_clients::transfer::Verified;
use cloudflare_clients::{Body, Error, ErrorKind};
use fastrand::Rng;
use futures_util::future::try_join_all;
use futures_util::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::finding::{Finding, Outcome};
use crate::recorder::is_unknown;
use crate::storm::{Storm, in_storm};
use crate::trace;
use crate::world::{BUCKET, World};

const CLIENTS: usize = 2;
const STEPS: usize = 6;
const MIB: usize = 1024 * 1024;
const PART: u64 = 5 * MIB as u64;
const LONGEST: Duration = Duration::from_hours(4);

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
        let keys = [
            Key::new(format!("{number}/film"), storm.network),
            Key::new(format!("{number}/copy"), storm.network),
        ];
        clients.push(TransfersClient {
            number,
            r2,
            keys,
            storm,
            folder: folder.path().join(number.to_string()),
        });
    }
    let work = try_join_all(clients.iter_mut().map(|client| client.work(&world)));
    in_storm(&world, &mut server, storm, async { work.await.map(drop) }).await?;
    for client in &mut clients {
        for key in [0, 1] {
            client.get(key, true).await?;
        }
    }
    Ok(())
}

/// What may be stored under a key.
struct Key {
    name: String,
    /// One of these; an object that is missing is `None`.
    may_be: Vec<Option<Bytes>>,
    /// Whether a request may be carried out after its client has given it up: what was replaced may come back.
    is_late: bool,
    /// Or damaged bytes, which whoever sent them was told of.
    may_be_damaged: bool,
}

impl Key {
    fn new(name: String, is_late: bool) -> Self {
        Self { name, may_be: vec![None], is_late, may_be_damaged: false }
    }

    /// It was acknowledged, or read.
    fn becomes(&mut self, stored: Vec<Option<Bytes>>) {
        if self.is_late {
            self.may_be.retain(Option::is_some);
            self.may_be.extend(stored);
        } else {
            (self.may_be, self.may_be_damaged) = (stored, false);
        }
    }

    /// What a read has found, which has to be one of what may be there.
    fn is(&mut self, found: Option<Bytes>) -> Outcome {
        if !self.may_be.contains(&found) && !self.may_be_damaged {
            let size = found.map_or(0, |bytes| bytes.len());
            let what = format!(
                "{} was read with {size} bytes that nobody has stored, or that were replaced",
                self.name
            );
            return Err(Finding::new(what));
        }
        self.becomes(vec![found]);
        Ok(())
    }
}

struct TransfersClient {
    number: usize,
    r2: R2Service,
    keys: [Key; 2],
    storm: Storm,
    folder: std::path::PathBuf,
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
        let kind = rng.u8(..10);
        trace::line(format_args!("client {}: transfer of kind {kind}", self.number));
        match kind {
            0 => self.get(0, false).await,
            1 => self.read().await,
            2 | 3 => self.download(rng).await,
            4 => self.copy(rng).await,
            _ => self.store(kind, rng).await,
        }
    }

    /// Stores new bytes in one of several ways.
    async fn store(&mut self, kind: u8, rng: &mut Rng) -> Outcome {
        let size = [100, 300_000, 6 * MIB, 11 * MIB + 1][rng.usize(..4)];
        let mut content = vec![0; size];
        rng.fill(&mut content);
        let content = Bytes::from(content);
        let name = self.keys[0].name.clone();
        let stored = match kind {
            5 => {
                let upload = self.r2.upload_reader(Cursor::new(content.clone()), &name).part_size(PART);
                upload.await.map(|uploaded| uploaded.verified)
            }
            6 => self.write(&name, &content).await,
            7 => self.put_stream(&name, &content).await,
            _ => {
                let path = self.folder.join("film");
                std::fs::write(&path, &content).map_err(|error| Finding::new(format!("no file: {error}")))?;
                self.upload(&path, &name, rng).await
            }
        };
        self.stored(0, content, stored)
    }

    async fn write(&self, name: &str, content: &Bytes) -> Result<Verified, Error> {
        let mut writer = self.r2.writer(name).part_size(PART).open()?;
        for piece in content.chunks(700_000) {
            if let Err(error) = writer.write_all(piece).await {
                return Err(Error::new(ErrorKind::Connection, format!("a write failed: {error}")));
            }
        }
        Ok(writer.finish().await?.verified)
    }

    /// A body that is read once: only the etag of the answer proves it.
    async fn put_stream(&self, name: &str, content: &Bytes) -> Result<Verified, Error> {
        let pieces: Vec<_> = content.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let body = Body::from_stream(stream::iter(pieces), Some(content.len() as u64));
        self.r2.put(name, body).await.map(|_| Verified::Md5)
    }

    /// A file, in several goes.
    async fn upload(&self, path: &Path, name: &str, rng: &mut Rng) -> Result<Verified, Error> {
        let journals = self.folder.join("journals");
        let mut tries = 0;
        loop {
            let upload = self.r2.upload(path, name).part_size(PART).journal(&journals);
            let limit = if tries < 3 { Duration::from_millis(rng.u64(..60_000)) } else { LONGEST };
            match tokio::time::timeout(limit, upload).await {
                Err(_) => trace::count("transfers interrupted"),
                Ok(Err(error)) if error.is_retryable() && tries < 6 => trace::count("transfers that failed"),
                Ok(uploaded) => return uploaded.map(|uploaded| uploaded.verified),
            }
            tries += 1;
        }
    }

    /// Notes what a write came to.
    fn stored(&mut self, key: usize, content: Bytes, stored: Result<Verified, Error>) -> Outcome {
        let key = &mut self.keys[key];
        match stored {
            Ok(verified) => {
                trace::line(format_args!("client {}: stored {}, {verified:?}", self.number, key.name));
                key.becomes(vec![Some(content)]);
                Ok(())
            }
            Err(error) => {
                key.may_be.push(Some(content));
                key.may_be_damaged |= self.storm.flips;
                self.failed(&error)
            }
        }
    }

    /// Whether a failure may be.
    fn failed(&self, error: &Error) -> Outcome {
        trace::line(format_args!("client {}: {error}", self.number));
        trace::count("transfers that failed");
        let may_be = self.storm.flips || is_unknown(error) || error.kind() == ErrorKind::BodyNotReplayable;
        if may_be { Ok(()) } else { Err(Finding::new(format!("no failure is like this: {error}"))) }
    }

    async fn get(&mut self, key: usize, must_succeed: bool) -> Outcome {
        match self.r2.get(&self.keys[key].name).bytes().await {
            Ok(found) => self.keys[key].is(found),
            Err(error) if must_succeed => Err(Finding::new(format!("a get in fine weather fails: {error}"))),
            Err(error) => self.failed(&error),
        }
    }

    async fn read(&mut self) -> Outcome {
        let opened = self.r2.reader(&self.keys[0].name).range_size(PART).open().await;
        let mut reader = match opened {
            Ok(Some(reader)) => reader,
            Ok(None) => return self.keys[0].is(None),
            Err(error) => return self.failed(&error),
        };
        let mut bytes = Vec::new();
        match reader.read_to_end(&mut bytes).await {
            Ok(_) => self.keys[0].is(Some(bytes.into())),
            // An error of the library is inside, of which kind it does not say.
            Err(error) => {
                trace::line(format_args!("client {}: a reader fails: {error}", self.number));
                Ok(())
            }
        }
    }

    async fn download(&mut self, rng: &mut Rng) -> Outcome {
        let path = self.folder.join("download");
        let mut tries = 0;
        loop {
            let download = self.r2.download(&self.keys[0].name, &path).range_size(PART);
            let limit = if tries < 3 { Duration::from_millis(rng.u64(..60_000)) } else { LONGEST };
            match tokio::time::timeout(limit, download).await {
                Err(_) => trace::count("transfers interrupted"),
                Ok(Err(error)) if error.is_retryable() && tries < 6 => trace::count("transfers that failed"),
                Ok(Err(error)) => return self.failed(&error),
                Ok(Ok(None)) => return self.keys[0].is(None),
                Ok(Ok(Some(_))) => break,
            }
            tries += 1;
        }
        let bytes = std::fs::read(&path)
            .map_err(|error| Finding::new(format!("a download is not there: {error}")))?;
        self.keys[0].is(Some(bytes.into()))
    }

    async fn copy(&mut self, rng: &mut Rng) -> Outcome {
        let copy = self.r2.copy_object(self.keys[0].name.as_str(), &self.keys[1].name);
        let copy = if rng.bool() { copy.part_size(PART).whole_up_to(0) } else { copy };
        match copy.await {
            Ok(_) => {
                let [source, copy] = &mut self.keys;
                copy.becomes(source.may_be.iter().filter(|of| of.is_some()).cloned().collect());
                copy.may_be_damaged |= source.may_be_damaged;
            }
            Err(error) if error.kind() == ErrorKind::NoSuchKey && self.keys[0].may_be.contains(&None) => {}
            Err(error) => {
                let source = self.keys[0].may_be.clone();
                self.keys[1].may_be.extend(source);
                self.keys[1].may_be_damaged |= self.storm.flips;
                return self.failed(&error);
            }
        }
        Ok(())
    }
}
