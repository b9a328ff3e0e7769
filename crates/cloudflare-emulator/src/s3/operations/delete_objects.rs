//! [DeleteObjects](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html)

use cloudflare_clients::LocalBucket;
use cloudflare_clients::r2::{Bucket as _, Conditional, DeleteManyRequest, EtagList, MAX_DELETES};
use cloudflare_clients::s3::xml::Element;

use crate::s3::authorize::authorize_object;
use crate::s3::error::S3Error;
use crate::s3::known_error::{MALFORMED_XML, TOO_MANY_REQUESTS};
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    let mut entries = parse(&request.payload.document().await?)?;
    let now = service.store.now();
    for entry in &mut entries {
        if let Err(denied) = authorize_object(&request.access, &entry.key) {
            entry.deletion = Deletion::Refused(denied);
        } else if !service.writes.admits(&request.bucket, &entry.key, now) {
            entry.deletion = Deletion::Refused(TOO_MANY_REQUESTS.into());
        }
    }
    let bucket = service.store.bucket(&request.bucket)?;
    let mut outcomes = delete_plain(&bucket, &entries).await?.into_iter();
    let mut deleted = Vec::with_capacity(entries.len());
    for Entry { key, deletion } in entries {
        let outcome = match deletion {
            Deletion::Plain => outcomes.next().unwrap_or(Ok(())),
            Deletion::If(only_if) => bucket.delete_if(&key, only_if).await.map_err(S3Error::from),
            Deletion::Refused(error) => Err(error),
        };
        deleted.push((key, outcome));
    }
    Ok(response::document("DeleteResult", |root| {
        // R2 lists what was deleted even if the client asks for quiet.
        for (key, outcome) in deleted {
            match outcome {
                Ok(()) => root.element("Deleted", |deleted| deleted.text("Key", key)),
                Err(error) => root.element("Error", |element| {
                    element.text("Key", key);
                    element.text("Code", error.code);
                    element.text("Message", &error.message);
                }),
            }
        }
    }))
}

/// Deletes all entries without a condition in one batch.
async fn delete_plain(bucket: &LocalBucket, entries: &[Entry]) -> Result<Vec<Result<(), S3Error>>, S3Error> {
    let plain = entries.iter().filter(|entry| matches!(entry.deletion, Deletion::Plain));
    let request = DeleteManyRequest::new(plain.map(|entry| &entry.key));
    let outcomes = bucket.delete_many(request).await?;
    Ok(outcomes.into_iter().map(|outcome| outcome.map_err(S3Error::from)).collect())
}

/// An object to delete.
struct Entry {
    key: String,
    deletion: Deletion,
}

enum Deletion {
    /// Unconditionally.
    Plain,
    /// If this condition holds.
    If(Conditional),
    /// Not at all: refused with this error.
    Refused(S3Error),
}

impl Entry {
    fn parse(object: &Element) -> Result<Self, S3Error> {
        let text = |name: &str| object.child(name).map(Element::text).filter(|text| !text.is_empty());
        let refused = ["VersionId", "LastModifiedTime", "Size"]
            .into_iter()
            .find(|name| text(name).is_some_and(|value| (*name, value) != ("VersionId", "null")));
        let deletion = match (refused, text("ETag")) {
            (Some(name), _) => {
                Deletion::Refused(S3Error::not_implemented(format!("DeleteObjects {name} not implemented")))
            }
            (None, Some(etag)) => {
                Deletion::If(Conditional::new().etag_matches(EtagList::parse_header(etag)?))
            }
            (None, None) => Deletion::Plain,
        };
        Ok(Self { key: object.required("Key")?.to_owned(), deletion })
    }
}

fn parse(document: &[u8]) -> Result<Vec<Entry>, S3Error> {
    let malformed = || S3Error::from(MALFORMED_XML);
    let root = Element::parse(document)?;
    if root.name() != "Delete" {
        return Err(malformed());
    }
    let entries: Vec<Entry> = root.children("Object").map(Entry::parse).collect::<Result<_, _>>()?;
    if entries.is_empty() || entries.len() > MAX_DELETES || entries.iter().any(|entry| entry.key.is_empty()) {
        return Err(malformed());
    }
    match root.child("Quiet").map(Element::text) {
        None | Some("true" | "false") => Ok(entries),
        Some(_) => Err(malformed()),
    }
}
