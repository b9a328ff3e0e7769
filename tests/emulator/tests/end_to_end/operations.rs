//! Every operation, with what must be true when it reports success.

use std::time::Duration;

use cloudflare_clients::bytes::Bytes;
use cloudflare_clients::r2::{Body, Conditional, R2Service, UploadedPart};
use cloudflare_clients::{ErrorKind, Result};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryStreamExt, stream};
use testkit::{Fault, Kind, content};

use crate::world::World;

/// Longer than any operation of these tests takes.
const HANG: Duration = Duration::from_secs(20);

const SIZE: usize = 300_000;

pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// The request that the operation sends.
    pub(crate) kind: Kind,
    run: for<'a> fn(&'a World) -> BoxFuture<'a, Result<()>>,
}

impl Operation {
    /// Runs the operation while its first requests meet these faults. Asserts that what it reads or writes is
    /// correct unless it fails.
    pub(crate) async fn run(&self, world: &World, faults: &[Fault]) -> Result<()> {
        world.proxy.begin();
        for fault in faults {
            world.proxy.order(self.kind, *fault);
        }
        let result = tokio::time::timeout(HANG, (self.run)(world)).await;
        result.unwrap_or_else(|_| panic!("{} hangs", self.name))
    }

    /// Whether its body is a stream, which cannot be sent twice.
    pub(crate) fn sends_stream(&self) -> bool {
        self.name == "put_stream"
    }

    pub(crate) fn has_upload(&self) -> bool {
        matches!(self.kind, Kind::Put | Kind::UploadPart)
    }

    pub(crate) fn named(name: &str) -> &'static Self {
        ALL.iter().find(|operation| operation.name == name).unwrap()
    }
}

macro_rules! operations {
    ($($name:ident: $kind:ident,)*) => {
        pub(crate) const ALL: &[Operation] = &[$(Operation {
            name: stringify!($name),
            kind: Kind::$kind,
            run: |world| $name(world).boxed(),
        },)*];
    };
}

operations! {
    get_bytes: Get,
    get_text: Get,
    get_stream: Get,
    get_file: Get,
    get_range: Get,
    get_parts_bytes: Get,
    get_parts_stream: Get,
    get_parts_file: Get,
    head: Head,
    list: List,
    put_bytes: Put,
    put_file: Put,
    put_stream: Put,
    put_short_stream: Put,
    put_json: Put,
    create: Put,
    create_from_file: Put,
    replace: Put,
    delete: Delete,
    delete_many: DeleteMany,
    copy: Copy,
    copy_to_new: Copy,
    create_upload: CreateUpload,
    upload_part: UploadPart,
    complete: Complete,
    complete_new: Complete,
    abort: Abort,
}

/// An object whose etag is its MD5.
async fn stored_whole(world: &World, key: &str) -> Bytes {
    let bytes = content(SIZE, 1);
    world.stored.put(key, bytes.clone()).await.unwrap();
    bytes
}

/// An object whose etag is not an MD5 of its bytes.
async fn stored_in_parts(world: &World, key: &str) -> Bytes {
    let bytes = content(SIZE, 2);
    let upload = world.stored.create_multipart_upload(key).await.unwrap();
    let part = upload.upload_part(1, bytes.clone()).await.unwrap();
    upload.complete([part]).await.unwrap();
    bytes
}

pub(crate) async fn read(service: &R2Service, key: &str) -> Option<Bytes> {
    let object = service.get(key).await.unwrap()?;
    Some(object.bytes().await.unwrap())
}

async fn assert_stored(world: &World, key: &str, bytes: &[u8]) {
    let found = read(&world.stored, key).await;
    assert!(found.is_some_and(|found| found == bytes), "{key} holds other bytes");
}

async fn get_bytes(world: &World) -> Result<()> {
    let stored = stored_whole(world, "get/bytes").await;
    let read = world.r2.get("get/bytes").await?.unwrap().bytes().await?;
    assert!(read == stored);
    Ok(())
}

async fn get_text(world: &World) -> Result<()> {
    let stored = "größe ".repeat(SIZE / 8);
    world.stored.put("get/text", stored.clone()).await.unwrap();
    let read = world.r2.get("get/text").await?.unwrap().text().await?;
    assert!(read == stored);
    Ok(())
}

async fn get_stream(world: &World) -> Result<()> {
    let stored = stored_whole(world, "get/stream").await;
    read_stream(world, "get/stream", &stored).await
}

/// All bytes of the stream are correct, and it ends with an error if it is incomplete.
async fn read_stream(world: &World, key: &str, stored: &[u8]) -> Result<()> {
    let mut stream = world.r2.get(key).await?.unwrap().into_stream();
    let mut done = 0;
    while let Some(bytes) = stream.try_next().await? {
        done += bytes.len();
        assert!(done <= stored.len());
    }
    assert_eq!(done, stored.len());
    Ok(())
}

async fn get_file(world: &World) -> Result<()> {
    let stored = stored_whole(world, "get/file").await;
    read_file(world, "get/file", &stored).await
}

async fn read_file(world: &World, key: &str, stored: &[u8]) -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("download");
    let object = world.r2.get(key).await?.unwrap();
    let result = object.write_to_file(&path).await;
    if result.is_ok() {
        assert!(std::fs::read(&path).unwrap() == stored);
    } else {
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
    result.map(drop)
}

async fn get_range(world: &World) -> Result<()> {
    let stored = stored_whole(world, "get/range").await;
    let object = world.r2.get("get/range").range(1000..201_000).await?.unwrap();
    assert!(object.bytes().await? == stored[1000..201_000]);
    Ok(())
}

async fn get_parts_bytes(world: &World) -> Result<()> {
    let stored = stored_in_parts(world, "get/parts/bytes").await;
    let read = world.r2.get("get/parts/bytes").await?.unwrap().bytes().await?;
    assert!(read == stored);
    Ok(())
}

async fn get_parts_stream(world: &World) -> Result<()> {
    let stored = stored_in_parts(world, "get/parts/stream").await;
    read_stream(world, "get/parts/stream", &stored).await
}

async fn get_parts_file(world: &World) -> Result<()> {
    let stored = stored_in_parts(world, "get/parts/file").await;
    read_file(world, "get/parts/file", &stored).await
}

async fn head(world: &World) -> Result<()> {
    stored_whole(world, "head").await;
    let object = world.r2.head("head").await?.unwrap();
    assert_eq!(object.size, SIZE as u64);
    Ok(())
}

async fn list(world: &World) -> Result<()> {
    let keys: Vec<_> = (0..20).map(|n| format!("list/{n:02}")).collect();
    for key in &keys {
        world.stored.put(key, "x").await.unwrap();
    }
    let page = world.r2.list().prefix("list/").await?;
    assert!(!page.truncated);
    let listed: Vec<_> = page.objects.into_iter().map(|object| object.key).collect();
    assert_eq!(listed, keys);
    Ok(())
}

async fn put_bytes(world: &World) -> Result<()> {
    let bytes = content(SIZE, 3);
    world.stored.put("put/bytes", "before").await.unwrap();
    world.r2.put("put/bytes", bytes.clone()).await?;
    assert_stored(world, "put/bytes", &bytes).await;
    Ok(())
}

async fn put_file(world: &World) -> Result<()> {
    let bytes = content(SIZE, 4);
    world.stored.put("put/file", "before").await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    world.r2.put("put/file", Body::from_file(file.path()).await?).await?;
    assert_stored(world, "put/file", &bytes).await;
    Ok(())
}

fn pieces(bytes: &Bytes, length: Option<u64>) -> Body {
    let pieces: Vec<_> = bytes.chunks(10_000).map(|piece| Ok(bytes.slice_ref(piece))).collect();
    Body::from_stream(stream::iter(pieces), length)
}

async fn put_stream(world: &World) -> Result<()> {
    let bytes = content(SIZE, 5);
    world.stored.put("put/stream", "before").await.unwrap();
    world.r2.put("put/stream", pieces(&bytes, Some(SIZE as u64))).await?;
    assert_stored(world, "put/stream", &bytes).await;
    Ok(())
}

/// The length is not known beforehand, but one request is enough.
async fn put_short_stream(world: &World) -> Result<()> {
    let bytes = content(SIZE, 6);
    world.stored.put("put/short", "before").await.unwrap();
    world.r2.put("put/short", pieces(&bytes, None)).await?;
    assert_stored(world, "put/short", &bytes).await;
    Ok(())
}

async fn put_json(world: &World) -> Result<()> {
    let value: Vec<u32> = (0..1000).collect();
    world.stored.put("put/json", "before").await.unwrap();
    world.r2.put_json("put/json", &value).await?;
    let object = world.stored.get("put/json").await.unwrap().unwrap();
    assert_eq!(object.json::<Vec<u32>>().await.unwrap(), value);
    Ok(())
}

fn if_new() -> Conditional {
    Conditional::new().etag_does_not_match("*")
}

async fn create(world: &World) -> Result<()> {
    let bytes = content(SIZE, 7);
    world.stored.delete("create").await.unwrap();
    world.r2.put("create", bytes.clone()).only_if(if_new()).await?;
    assert_stored(world, "create", &bytes).await;
    Ok(())
}

async fn create_from_file(world: &World) -> Result<()> {
    let bytes = content(SIZE, 10);
    world.stored.delete("create/file").await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    let body = Body::from_file(file.path()).await?;
    world.r2.put("create/file", body).only_if(if_new()).await?;
    assert_stored(world, "create/file", &bytes).await;
    Ok(())
}

async fn replace(world: &World) -> Result<()> {
    let bytes = content(SIZE, 11);
    let before = world.stored.put("replace", "before").await.unwrap();
    let if_same = Conditional::new().etag_matches(before.etag);
    world.r2.put("replace", bytes.clone()).only_if(if_same).await?;
    assert_stored(world, "replace", &bytes).await;
    Ok(())
}

async fn delete(world: &World) -> Result<()> {
    world.stored.put("delete", "x").await.unwrap();
    world.r2.delete("delete").await?;
    assert!(world.stored.head("delete").await.unwrap().is_none());
    Ok(())
}

async fn delete_many(world: &World) -> Result<()> {
    let keys = ["delete/1", "delete/2", "delete/missing"];
    for key in &keys[..2] {
        world.stored.put(*key, "x").await.unwrap();
    }
    let outcome = world.r2.delete_many(keys).await?;
    for (key, result) in outcome.results {
        result?;
        assert!(world.stored.head(key).await.unwrap().is_none());
    }
    Ok(())
}

async fn copy(world: &World) -> Result<()> {
    let bytes = stored_whole(world, "copy/from").await;
    world.stored.put("copy/to", "before").await.unwrap();
    world.r2.copy("copy/from", "copy/to").await?;
    assert_stored(world, "copy/to", &bytes).await;
    Ok(())
}

async fn copy_to_new(world: &World) -> Result<()> {
    let bytes = stored_whole(world, "copy/from").await;
    world.stored.delete("copy/new").await.unwrap();
    world.r2.copy("copy/from", "copy/new").only_if(if_new()).await?;
    assert_stored(world, "copy/new", &bytes).await;
    Ok(())
}

async fn create_upload(world: &World) -> Result<()> {
    let upload = world.r2.create_multipart_upload("upload/created").await?;
    let same = world.stored.resume_multipart_upload("upload/created", upload.upload_id());
    assert!(same.list_parts().await.unwrap().parts.is_empty());
    Ok(())
}

async fn upload_part(world: &World) -> Result<()> {
    let bytes = content(SIZE, 8);
    let upload = world.stored.create_multipart_upload("upload/part").await.unwrap();
    let through_proxy = world.r2.resume_multipart_upload("upload/part", upload.upload_id());
    let part = through_proxy.upload_part(1, bytes.clone()).await?;
    upload.complete([part]).await.unwrap();
    assert_stored(world, "upload/part", &bytes).await;
    Ok(())
}

async fn complete(world: &World) -> Result<()> {
    world.stored.put("upload/complete", "before").await.unwrap();
    complete_at(world, "upload/complete", Conditional::new()).await
}

async fn complete_new(world: &World) -> Result<()> {
    world.stored.delete("upload/new").await.unwrap();
    complete_at(world, "upload/new", if_new()).await
}

async fn complete_at(world: &World, key: &str, only_if: Conditional) -> Result<()> {
    let bytes = content(SIZE, 9);
    let upload = world.stored.create_multipart_upload(key).await.unwrap();
    let part: UploadedPart = upload.upload_part(1, bytes.clone()).await.unwrap();
    let through_proxy = world.r2.resume_multipart_upload(key, upload.upload_id());
    let result = through_proxy.complete([part]).only_if(only_if).await;
    if result.is_ok() {
        assert_stored(world, key, &bytes).await;
    }
    result.map(drop)
}

async fn abort(world: &World) -> Result<()> {
    let upload = world.stored.create_multipart_upload("upload/aborted").await.unwrap();
    let through_proxy = world.r2.resume_multipart_upload("upload/aborted", upload.upload_id());
    through_proxy.abort().await?;
    assert_eq!(upload.list_parts().await.unwrap_err().kind(), ErrorKind::NoSuchUpload);
    Ok(())
}
