//! `cfstore r2 presign KEY`

use std::collections::BTreeMap;

use cloudflare_clients::http::Method;
use serde_json::json;

use crate::bucket_location::{self, BucketLocation};
use crate::cli::{Presign, PresignMethod};
use crate::error::{Error, ExitStatus, Result};
use crate::keys;
use crate::printer::{Key, Printer};
use crate::rfc3339::rfc3339;

pub(crate) fn run(args: Presign, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    if args.content_type.is_some() && !matches!(args.method, PresignMethod::Put) {
        return Err(Error::usage(
            "--content-type is only for uploads",
            "add --method put, or leave --content-type out",
        ));
    }
    let (method, key) = (Method::from(args.method), args.key);
    let embedded = matches!(location, BucketLocation::Embedded(..));
    keys::warn_of_dots(&key, printer);
    let target = location.target()?;
    let mut presign = location.signing(printer)?.presign(method.clone(), &key).expires_in(args.expires);
    if let Some(content_type) = args.content_type {
        presign = presign.content_type(content_type);
    }
    let url = presign.sign()?;
    if embedded {
        bucket_location::note_serve(printer);
    }
    let headers: BTreeMap<_, _> = url
        .signed_headers()
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    for (name, value) in &headers {
        printer.note(format_args!("send this header with the request: {name}: {value}"));
    }
    printer.summary(format_args!("a URL for {method} of {}", Key(&key)), &target);
    printer.result(
        url.as_str(),
        &json!({
            "url": url.as_str(),
            "method": method.as_str(),
            "headers": headers,
            "expiresAt": rfc3339(url.expires_at()),
            "target": target,
        }),
    )?;
    Ok(ExitStatus::Success)
}
