//! Copies whose bytes pass through this process.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use futures_util::future::try_join_all;

use super::copy::{Copied, CopyTransfer, copied, missing, unchanged};
use super::get_range::get_range;
use super::in_order_md5::InOrderMd5;
use super::pieces::{Piece, Pieces};
use super::proof::{Proof, Verified, parts_of};
use super::rate::RateLimit;
use super::verified_upload::verified_upload;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::content_checksum::md5_of;
use crate::model::r2::{
    Checksum, Crc64Nvme, MIN_PART_SIZE, Object, ObjectBody, ServedRange, StoredObject, UploadedPart,
};
use crate::r2::MultipartUpload;
use crate::sync::{into_inner, lock};

/// Objects up to this size are read whole, in bytes.
const MAX_WHOLE: u64 = 16 * 1024 * 1024;

/// Maximum total size of the parts in flight, in bytes, unless one part is larger.
const MAX_IN_MEMORY: u64 = 128 * 1024 * 1024;

/// If the source's parts are not larger than this, the copy uses the same parts.
const MAX_ALIGNED: u64 = 64 * 1024 * 1024;

/// An object to copy in parts, and how to verify it.
struct Plan {
    object: Object,
    pieces: Pieces,
    proof: Proof,
    /// Whether the MD5 of each piece is needed.
    with_md5: bool,
    /// Computes the MD5 of all bytes, if it is needed.
    whole_md5: Option<InOrderMd5>,
}

/// A part that was uploaded.
struct Arrived {
    part: UploadedPart,
    crc: Crc64Nvme,
    md5: Option<Checksum>,
}

impl CopyTransfer {
    pub(super) async fn through(&self, object: &Object) -> Result<Copied> {
        let most = self.copy.whole_up_to.unwrap_or(MAX_WHOLE).min(MAX_IN_MEMORY);
        if object.size <= most || object.size == 0 {
            return self.unless_stopped(self.whole_through(object)).await;
        }
        let plan = self.plan(self.described(object).await?).await?;
        let begun = self.begin(&plan.object).await?;
        let upload = async { self.send_parts(&plan, begun.upload()?, begun.with_crc).await };
        let sent = self.unless_stopped(upload).await;
        let (stored, crc, parts) = begun.or_abort(sent).await?;
        let verified =
            verified_upload(&self.destination, &stored, crc.map(Crc64Nvme::checksum), &parts).await;
        let verified = weaker(plan.proof.verified(), verified);
        Ok(copied(plan.object, stored, verified))
    }

    async fn whole_through(&self, object: &Object) -> Result<Copied> {
        let _slot = self.pace.slot().await;
        let Some(found) = self.source.get(&object.key).only_if(unchanged(object)).await? else {
            return Err(missing(&object.key));
        };
        let ObjectBody { object, body, .. } = found;
        // `get` compares the bytes with the object's CRC-64 or MD5.
        let bytes = body.limit(object.size).bytes().await?;
        let proof = Proof::of(&self.source, &object).await?;
        if let Proof::PartMd5s(parts, _) = &proof {
            let mut md5s = Vec::new();
            for part in parts.iter() {
                md5s.push(md5_of(&slice(&bytes, part)?).await);
            }
            check(&proof, Crc64Nvme::new(), &md5s)?;
        }
        let crc = self.destination.verifies().then(|| Crc64Nvme::of(&bytes));
        let body = self.sent_on(bytes);
        let mut put = self
            .destination
            .put(&self.copy.key, body)
            .http_metadata(object.http_metadata.clone().unwrap_or_default())
            .custom_metadata(object.custom_metadata.clone().unwrap_or_default())
            .only_if(self.copy.only_if.clone());
        if let Some(class) = object.storage_class {
            put = put.storage_class(class);
        }
        if let Some(crc) = crc {
            put = put.checksum(crc.checksum());
        }
        let stored = put.await?;
        let verified = verified_upload(&self.destination, &stored, crc.map(Crc64Nvme::checksum), &[]).await;
        Ok(copied(object, stored, weaker(proof.verified(), verified)))
    }

    async fn plan(&self, object: Object) -> Result<Plan> {
        let mut proof = Proof::of(&self.source, &object).await?;
        let of_source = match (self.copy.part_size, &proof) {
            (Some(_), _) => None,
            (None, Proof::PartMd5s(parts, _)) => Some(*parts),
            (None, _) => parts_of(&self.source, &object).await?,
        };
        let of_source = of_source.filter(|parts| {
            parts.piece_size() <= MAX_ALIGNED && (parts.piece_size() >= MIN_PART_SIZE || parts.count() == 1)
        });
        let pieces = match of_source {
            Some(parts) => parts,
            None => Pieces::new(object.size, self.copy.part_size)?,
        };
        let md5_pieces = proof.md5_pieces(object.size);
        let with_md5 = !md5_pieces.is_empty() && pieces.iter().eq(md5_pieces);
        let whole_md5 = (matches!(proof, Proof::Md5(_)) && !with_md5).then(InOrderMd5::new);
        if matches!(proof, Proof::PartMd5s(..)) && !with_md5 {
            // The source's parts are too large, or another part size was requested.
            proof = Proof::LengthOnly;
        }
        Ok(Plan { object, pieces, proof, with_md5, whole_md5 })
    }

    async fn send_parts(
        &self,
        plan: &Plan,
        upload: &MultipartUpload,
        with_crc: bool,
    ) -> Result<(StoredObject, Option<Crc64Nvme>, Vec<UploadedPart>)> {
        let queue = Mutex::new(plan.pieces.iter());
        let arrived = Mutex::new(BTreeMap::new());
        let worker = || async {
            loop {
                let _slot = self.pace.slot().await;
                let Some(piece) = lock(&queue).next() else { return Ok::<_, Error>(()) };
                let part = self.send_part(plan, upload, piece, with_crc).await?;
                lock(&arrived).insert(piece.number, part);
            }
        };
        let in_memory = usize::try_from(MAX_IN_MEMORY / plan.pieces.piece_size()).unwrap_or(usize::MAX);
        let workers = self.copy.concurrency.min(in_memory).max(1);
        try_join_all((0..workers).map(|_| worker())).await?;
        drop(queue);

        let arrived: Vec<Arrived> = into_inner(arrived).into_values().collect();
        let crc: Crc64Nvme = arrived.iter().map(|part| part.crc).collect();
        let md5s = match &plan.whole_md5 {
            Some(md5) => md5.finish().into_iter().collect(),
            None => arrived.iter().filter_map(|part| part.md5).collect::<Vec<_>>(),
        };
        check(&plan.proof, crc, &md5s)?;
        let parts: Vec<_> = arrived.into_iter().map(|part| part.part).collect();
        let crc = with_crc.then_some(crc);
        let mut complete = upload.complete(parts.clone()).only_if(self.copy.only_if.clone());
        if let Some(crc) = crc {
            complete = complete.checksum(crc.checksum());
        }
        Ok((complete.await?, crc, parts))
    }

    async fn send_part(
        &self,
        plan: &Plan,
        upload: &MultipartUpload,
        piece: Piece,
        with_crc: bool,
    ) -> Result<Arrived> {
        let range = ServedRange { offset: piece.offset, length: piece.length };
        let ObjectBody { body, .. } = get_range(&self.source, &plan.object, range).await?;
        let bytes = body.limit(piece.length).bytes().await?;
        if bytes.len() as u64 != piece.length {
            let message = format!("{} bytes arrived, but {} were requested", bytes.len(), piece.length);
            return Err(Error::new(ErrorKind::Integrity, message));
        }
        let crc = Crc64Nvme::of(&bytes);
        let md5 = if plan.with_md5 { Some(md5_of(&bytes).await) } else { None };
        if let Some(md5) = &plan.whole_md5 {
            md5.add(piece.number, bytes.clone()).await?;
        }
        let mut send = upload.upload_part(piece.number, self.sent_on(bytes));
        if with_crc {
            send = send.checksum(crc.checksum());
        }
        let mut part = send.await?;
        if with_crc {
            part.checksums.insert(crc.checksum());
        }
        Ok(Arrived { part, crc, md5 })
    }

    /// The body of a piece, with progress and the rate limit applied.
    fn sent_on(&self, bytes: Bytes) -> Body {
        RateLimit::applied(self.copy.rate.as_ref(), Body::from(bytes).on_progress(self.tally.piece()))
    }
}

fn slice(bytes: &Bytes, piece: Piece) -> Result<Bytes> {
    let end = piece.offset + piece.length;
    match (usize::try_from(piece.offset), usize::try_from(end)) {
        (Ok(offset), Ok(end)) if end <= bytes.len() => Ok(bytes.slice(offset..end)),
        _ => Err(Error::unexpected("the parts of the object are larger than it")),
    }
}

/// Rejects bytes that differ from the source, before any of them is stored.
fn check(proof: &Proof, crc: Crc64Nvme, md5s: &[Checksum]) -> Result<()> {
    proof.check(crc, md5s).map_err(|(arrived, stored)| {
        let message =
            format!("the checksum of the received bytes is {arrived}, that of the source is {stored}");
        Error::new(ErrorKind::Integrity, message)
    })
}

/// The verification of the copy: that of its source, if the copy could be verified at all.
fn weaker(source: Verified, copy: Verified) -> Verified {
    if copy == Verified::LengthOnly { copy } else { source }
}
