//! Multipart uploads over the network: several clients add to one upload, complete it, abort it, and read the
//! result.

use std::cell::RefCell;
use std::time::Duration;

use cloudflare_clients::r2::{R2Service, UploadedPart};
use fastrand::Rng;
use futures_util::future::try_join_all;

use crate::finding::{Finding, Outcome, check_answered};
use crate::history::R2History;
use crate::recorder::Recorder;
use crate::specification::content::{Digest, Piece};
use crate::specification::r2::{Condition, Input, Output};
use crate::storm::{Storm, in_storm};
use crate::world::{BUCKET, World};

const CLIENTS: usize = 3;
const STEPS: usize = 16;
const KEY: &str = "film";
/// Minimum size of a part, except for the last one.
const PART: u64 = 5 * 1024 * 1024;
const LONGEST: Duration = Duration::from_secs(30 * 60);

pub(super) async fn run(world: World) -> Outcome {
    let mut server = world.server()?;
    let store = server.start().await?;
    store.create_bucket(BUCKET).await?;
    drop(store);
    let history = R2History::new();
    let uploads = RefCell::default();
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let client = world.client(&format!("client {number}"), &server);
        let recorder = Recorder { client: number, history: &history };
        clients.push(UploadsClient { r2: client.r2()?, recorder, uploads: &uploads });
    }
    let work = try_join_all(clients.iter().map(|client| client.work(&world)));
    let storm = Storm::any(&mut world.rng("kind of storm"));
    in_storm(&world, &mut server, storm, async { work.await.map(drop) }).await?;
    let mut are_answered = clients[0].get().await?;
    let known = uploads.borrow().clone();
    for upload in known {
        are_answered &= clients[0].list_parts(&upload.id).await?;
    }
    check_answered(are_answered)?;
    history.check().outcome()
}

/// An upload that a client has started, and the parts that clients have sent.
#[derive(Debug, Clone)]
struct Upload {
    id: String,
    parts: Vec<(u16, Piece)>,
}

struct UploadsClient<'h> {
    r2: R2Service,
    recorder: Recorder<'h>,
    uploads: &'h RefCell<Vec<Upload>>,
}

impl UploadsClient<'_> {
    async fn work(&self, world: &World) -> Outcome {
        for (index, mut rng) in world.steps.of(self.recorder.client, STEPS) {
            tokio::time::sleep(Duration::from_millis(rng.u64(..10_000))).await;
            tokio::time::timeout(LONGEST, self.step(&mut rng)).await.unwrap_or_else(|_| {
                let client = self.recorder.client;
                Err(Finding::new(format!("step {index} of client {client} takes longer than {LONGEST:?}")))
            })?;
        }
        Ok(())
    }

    async fn step(&self, rng: &mut Rng) -> Outcome {
        let known = {
            let uploads = self.uploads.borrow();
            (!uploads.is_empty()).then(|| uploads[rng.usize(..uploads.len())].clone())
        };
        match (known, rng.u8(..12)) {
            (None, _) | (_, 0) => self.create(rng).await,
            (Some(upload), 1..6) => self.upload_part(&upload.id, rng).await,
            (Some(upload), 6..8) => self.complete(&upload, rng).await,
            (Some(upload), 8) => self.abort(&upload.id).await,
            (Some(upload), 9) => self.list_parts(&upload.id).await.map(drop),
            (Some(_), 10) => {
                let delete = async { self.r2.delete(KEY).await.map(|()| Output::Done) };
                self.recorder.record(KEY, Input::delete(), delete).await.map(drop)
            }
            (Some(_), _) => self.get().await.map(drop),
        }
    }

    async fn create(&self, rng: &mut Rng) -> Outcome {
        let mark = rng.bool().then(|| rng.u64(..1000));
        let create = async {
            let mut create = self.r2.create_multipart_upload(KEY);
            if let Some(mark) = mark {
                create = create.metadata("mark", mark.to_string());
            }
            let upload = create.await?;
            Ok(Output::Created { upload: upload.upload_id().to_owned() })
        };
        let created = self.recorder.record(KEY, Input::CreateUpload { mark }, create).await?;
        if let Some(Output::Created { upload }) = created {
            self.uploads.borrow_mut().push(Upload { id: upload, parts: Vec::new() });
        }
        Ok(())
    }

    async fn upload_part(&self, upload: &str, rng: &mut Rng) -> Outcome {
        // Some parts are too small to be followed by another one, and are then rejected.
        let size = if rng.bool() { PART } else { rng.u64(16..100_000) };
        let (number, piece) = (rng.u16(1..4), Piece::new(rng.u64(..), size));
        if let Some(known) = self.uploads.borrow_mut().iter_mut().find(|known| known.id == upload) {
            known.parts.push((number, piece));
        }
        let input = Input::UploadPart { upload: upload.to_owned(), number, piece };
        let send = async {
            let part = self.handle(upload).upload_part(number, piece.bytes()).await?;
            Ok(Output::Part { etag: part.etag })
        };
        self.recorder.record(KEY, input, send).await.map(drop)
    }

    async fn complete(&self, upload: &Upload, rng: &mut Rng) -> Outcome {
        let mut parts: Vec<(u16, String)> = Vec::new();
        for number in 1..4 {
            let sent: Vec<_> = upload.parts.iter().filter(|(of, _)| *of == number).collect();
            if !sent.is_empty() && (parts.is_empty() || rng.bool()) {
                parts.push((number, sent[rng.usize(..sent.len())].1.etag()));
            }
        }
        if parts.is_empty() {
            return Ok(());
        }
        let input = Input::Complete {
            upload: upload.id.clone(),
            parts: parts.clone(),
            condition: Condition::default(),
            is_repeated: false,
        };
        let parts = parts.into_iter().map(|(number, etag)| UploadedPart::new(number, etag));
        let complete = async {
            let stored = self.handle(&upload.id).complete(parts).await?;
            Ok(Output::Stored { etag: stored.etag })
        };
        if self.recorder.record(KEY, input, complete).await?.is_some() {
            self.get().await?;
        }
        Ok(())
    }

    async fn abort(&self, upload: &str) -> Outcome {
        let abort = async { self.handle(upload).abort().await.map(|()| Output::Done) };
        self.recorder.record(KEY, Input::Abort { upload: upload.to_owned() }, abort).await.map(drop)
    }

    /// Lists the parts. Returns whether there was an answer.
    async fn list_parts(&self, upload: &str) -> Result<bool, Finding> {
        let list = async {
            let page = self.handle(upload).list_parts().await?;
            let part = |part: UploadedPart| (part.part_number, part.etag, part.size.unwrap_or_default());
            Ok(Output::Parts(page.parts.into_iter().map(part).collect()))
        };
        let input = Input::ListParts { upload: upload.to_owned() };
        Ok(self.recorder.record(KEY, input, list).await?.is_some())
    }

    /// Gets the object. Returns whether there was an answer.
    async fn get(&self) -> Result<bool, Finding> {
        let get = async {
            let Some(object) = self.r2.get(KEY).await? else { return Ok(Output::Absent) };
            let (etag, size) = (object.etag.clone(), object.size);
            let mark = object.metadata("mark").and_then(|mark| mark.parse().ok());
            Ok(Output::Found { etag, size, mark, bytes: Digest::of(&object.bytes().await?) })
        };
        Ok(self.recorder.record(KEY, Input::get(), get).await?.is_some())
    }

    fn handle(&self, upload: &str) -> cloudflare_clients::r2::MultipartUpload {
        self.r2.resume_multipart_upload(KEY, upload)
    }
}
