//! `cfstore r2 head KEY`

use std::fmt::Display;

use cloudflare_clients::r2::{CustomMetadata, StorageClass};
use indicatif::{BinaryBytes, HumanCount};

use crate::bucket_location::BucketLocation;
use crate::cli::Head;
use crate::error::{Error, ExitStatus, Result};
use crate::printer::{BOLD, Key, Printer};
use crate::rfc3339::rfc3339_seconds;

pub(crate) async fn run(args: Head, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let target = location.target()?;
    let service = args.sse_c.applied(location.open(printer).await?)?;
    let Some(object) = service.head(&args.key).await? else {
        return Err(Error::NotFound(args.key));
    };
    printer.json_at(&object, &target)?;
    let field = |name: &str, value: &dyn Display| {
        let value = value.to_string();
        printer.line(format_args!("{BOLD}{name:<20}{BOLD:#} {}", Key(&value)))
    };
    let optional = |name: &str, value: Option<&str>| value.map_or(Ok(()), |value| field(name, &value));
    field("key", &object.key)?;
    field("where", &target)?;
    let size = format!("{} ({} bytes)", BinaryBytes(object.size), HumanCount(object.size));
    field("size", &size)?;
    field("etag", &object.etag)?;
    optional("version", object.version.as_deref())?;
    field("uploaded", &rfc3339_seconds(object.uploaded))?;
    if let Some(http) = &object.http_metadata {
        optional("content-type", http.content_type.as_deref())?;
        optional("content-language", http.content_language.as_deref())?;
        optional("content-disposition", http.content_disposition.as_deref())?;
        optional("content-encoding", http.content_encoding.as_deref())?;
        optional("cache-control", http.cache_control.as_deref())?;
        optional("expires", http.cache_expiry.map(rfc3339_seconds).as_deref())?;
    }
    optional("storage class", object.storage_class.map(StorageClass::as_str))?;
    if let Some(kept) = object.checksums.kept() {
        field("checksum", &format_args!("{kept} ({})", kept.checksum_type()))?;
    }
    optional("MD5 of SSE-C key", object.ssec_key_md5.as_deref())?;
    for (name, value) in object.custom_metadata.iter().flat_map(CustomMetadata::iter) {
        field(&format!("metadata {name}"), &value)?;
    }
    Ok(ExitStatus::Success)
}
