//! `cfstore r2 get KEY [FILE|-]`

use std::path::{Component, Path, PathBuf};

use cloudflare_clients::r2::ObjectBody;
use futures_util::TryStreamExt as _;
use indicatif::BinaryBytes;
use serde_json::json;
use tokio::fs;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::bucket_location::BucketLocation;
use crate::cli::Get;
use crate::error::{Error, ExitStatus, Result};
use crate::printer::{Key, Printer};
use crate::progress::Progress;
use crate::shutdown;

/// Where the bytes go.
enum Destination {
    Stdout,
    /// A file that appears when it is whole.
    File(PathBuf),
    /// A pipe or a device, which cannot be replaced.
    Special(PathBuf),
}

pub(crate) async fn run(args: Get, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let Get { key, file, range } = args;
    let destination = Destination::new(file, &key).await?;
    if printer.is_json() && matches!(destination, Destination::Stdout) {
        return Err(Error::usage(
            "stdout cannot have both the object and JSON about it",
            "name a file, or leave --json out",
        ));
    }
    let service = location.open(printer).await?;
    let mut get = service.get(&key);
    if let Some(range) = range {
        get = get.range(range);
    }
    let Some(object) = get.await? else {
        return Err(Error::NotFound(key));
    };
    let etag = object.etag.clone();
    let progress = Progress::new(printer, &key, object.body.content_length());
    let object = object.on_progress(progress.reporter());
    let (path, written) = match destination {
        Destination::Stdout => {
            copy(object, tokio::io::stdout(), Error::Output).await?;
            return Ok(ExitStatus::Success);
        }
        Destination::Special(path) => {
            let failed = |error| Error::file(&path, "cannot be written", &error);
            let file = fs::OpenOptions::new().write(true).open(&path).await.map_err(failed)?;
            let written = copy(object, file, failed).await?;
            (path, written)
        }
        Destination::File(path) => {
            let write = async { Ok(object.write_to_file(&path).await?) };
            let written = shutdown::unless_requested(write).await?;
            (path, written)
        }
    };
    drop(progress);
    printer.result(
        format_args!("{}  {}", Key(&path.to_string_lossy()), BinaryBytes(written)),
        &json!({ "key": key, "file": path.to_string_lossy(), "size": written, "etag": etag }),
    )?;
    Ok(ExitStatus::Success)
}

async fn copy(
    object: ObjectBody,
    mut writer: impl AsyncWrite + Unpin,
    failed: impl Fn(std::io::Error) -> Error,
) -> Result<u64> {
    let mut stream = object.into_stream();
    let mut written = 0;
    while let Some(bytes) = stream.try_next().await? {
        writer.write_all(&bytes).await.map_err(&failed)?;
        written += bytes.len() as u64;
    }
    writer.flush().await.map_err(&failed)?;
    Ok(written)
}

impl Destination {
    async fn new(file: Option<PathBuf>, key: &str) -> Result<Self> {
        let path = match file {
            Some(file) if file == Path::new("-") => return Ok(Self::Stdout),
            Some(file) => file,
            None => PathBuf::from(file_name(key)?),
        };
        // Links are followed: it is the file behind them that is replaced.
        match fs::metadata(&path).await {
            Ok(found) if found.is_dir() => Ok(Self::File(path.join(file_name(key)?))),
            Ok(found) if found.is_file() => Ok(Self::File(fs::canonicalize(&path).await.unwrap_or(path))),
            Ok(_) => Ok(Self::Special(path)),
            Err(_) => {
                let names_folder = path.to_string_lossy().ends_with(std::path::is_separator);
                let folder = if names_folder { &path } else { path.parent().unwrap_or(Path::new("")) };
                if folder == Path::new("") || folder.is_dir() {
                    return Ok(Self::File(path));
                }
                Err(Error::usage(
                    format!("there is no folder \"{}\" to write to", folder.display()),
                    "make it first, or name another file",
                ))
            }
        }
    }
}

/// The last part of a key, if it names a file of this folder and no other.
fn file_name(key: &str) -> Result<&str> {
    let name = key.rsplit('/').next().unwrap_or_default();
    let mut components = Path::new(name).components();
    let is_name = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
    if is_name && !name.contains(['\\', '\0']) {
        return Ok(name);
    }
    Err(Error::usage(
        format!("the key {key:?} does not end in the name of a file"),
        "name the file to write to, or - for stdout",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_never_name_files_elsewhere() {
        assert_eq!(file_name("a/b/film.mp4").unwrap(), "film.mp4");
        assert_eq!(file_name("..a").unwrap(), "..a");
        for key in ["a/", "a/..", "..", ".", "a/.", "a/b\\..\\c", "a\0"] {
            let error = file_name(key).unwrap_err();
            assert_eq!(error.exit_status(), crate::error::ExitStatus::Usage, "{key:?}");
            assert!(error.to_string().contains("does not end in the name of a file"), "{error}");
        }
    }
}
