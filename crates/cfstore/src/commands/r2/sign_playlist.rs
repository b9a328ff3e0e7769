//! `cfstore r2 sign-playlist KEY`

use std::io;
use std::path::{Path, PathBuf};

use cloudflare_clients::playlist::SignedPlaylist;
use serde_json::json;
use tokio::fs::{self, DirBuilder, OpenOptions};
use tokio::io::AsyncWriteExt as _;

use crate::bucket_location::{self, BucketLocation};
use crate::cli::SignPlaylist;
use crate::error::{Error, ExitStatus, Result};
use crate::keys;
use crate::playlists::{Signing, child_extension, extension, file_name};
use crate::printer::{Key, Printer, count};
use crate::rfc3339::{rfc3339, rfc3339_seconds};

/// Maximum length of a file name without its extension, in bytes.
const MAX_STEM: usize = 100;

pub(crate) async fn run(
    args: SignPlaylist,
    location: BucketLocation,
    printer: Printer,
) -> Result<ExitStatus> {
    let SignPlaylist {
        key,
        expires,
        prefix,
        window,
        output,
        representations,
        dvr_window,
        variable,
        max_urls,
    } = args;
    if let Some(folder) = &output {
        refuse_used(folder).await?;
    }
    let signing = Signing {
        expires_in: expires,
        window: window.unwrap_or_default(),
        prefix,
        representations,
        dvr_window,
        variables: variable,
        max_urls,
    };
    let stem = stem(&key);
    keys::warn_of_dots(&key, printer);
    let target = location.target()?;
    let embedded = matches!(location, BucketLocation::Embedded(..));
    let r2 = location.open_with_signing(printer).await?;
    let name = |number: usize, child: &str| Ok(file_name(&stem, number, child_extension(child)));
    let playlists = signing.sign(&r2, &key, output.is_some().then_some(name)).await?;

    let urls: usize = playlists.iter().map(SignedPlaylist::url_count).sum();
    let expires_at = playlists.iter().map(SignedPlaylist::expires_at).min();
    let json = |playlist: &str| {
        let expires_at = expires_at.map(rfc3339);
        json!({ "playlist": playlist, "urls": urls, "expiresAt": expires_at, "target": target })
    };
    match output {
        Some(folder) => {
            let path = write(&folder, &stem, &playlists).await?;
            let path = path.to_string_lossy();
            printer.result(Key(&path), &json(&path))?;
        }
        None => {
            for playlist in &playlists {
                printer.text(playlist.as_str(), &json(playlist.as_str()))?;
            }
        }
    }
    let summary = format_args!(
        "{} in {}, valid until {}",
        count(urls as u64, "URL"),
        count(playlists.len() as u64, "playlist"),
        expires_at.map(rfc3339_seconds).unwrap_or_default()
    );
    printer.summary(summary, &target);
    if urls == 0 {
        printer
            .note(format_args!("nothing was signed: the playlist does not refer to an object of the bucket"));
    }
    if embedded {
        bucket_location::note_serve(printer);
    }
    Ok(ExitStatus::Success)
}

/// Refuses a folder with files, which may be the playlists that were uploaded.
async fn refuse_used(folder: &Path) -> Result<()> {
    let is_empty = match fs::read_dir(folder).await {
        Ok(mut entries) => entries.next_entry().await.map(|entry| entry.is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    };
    if is_empty.map_err(|error| Error::file(folder, "cannot be written to", &error))? {
        return Ok(());
    }
    Err(Error::usage(
        format!("the folder of --output, \"{}\", is not empty", folder.display()),
        "name another folder, which is created if it does not exist",
    ))
}

/// Returns the last part of a key without its extension, with unsafe characters replaced.
fn stem(key: &str) -> String {
    let name = key.rsplit('/').next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let stem: String = stem.trim_start_matches(['.', '-']).chars().map(safe).take(MAX_STEM).collect();
    if stem.is_empty() { "playlist".to_owned() } else { stem }
}

/// Writes the playlists, and returns the path of the first one. It is written last, so that it exists only if
/// the others do. The files are readable only by their owner, since a reader can play them.
async fn write(folder: &Path, stem: &str, playlists: &[SignedPlaylist]) -> Result<PathBuf> {
    let failed = |path: &Path, error| Error::file(path, "cannot be written", &error);
    let (mut builder, mut options) = (DirBuilder::new(), OpenOptions::new());
    builder.recursive(true);
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        builder.mode(0o700);
        options.mode(0o600);
    }
    builder.create(folder).await.map_err(|error| failed(folder, error))?;
    let mut path = folder.to_owned();
    for (number, playlist) in playlists.iter().enumerate().rev() {
        let text = playlist.as_str();
        path = folder.join(file_name(stem, number, extension(text)));
        let written = async {
            let mut file = options.open(&path).await?;
            file.write_all(text.as_bytes()).await?;
            file.flush().await
        };
        written.await.map_err(|error| failed(&path, error))?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_safe_names() {
        for (key, name) in [
            ("a/b/master.m3u8", "master.m3u8"),
            ("v1.2.m3u8", "v1.2.m3u8"),
            ("a/b", "b.m3u8"),
            ("a/", "playlist.m3u8"),
            ("..", "playlist.m3u8"),
            ("a/..\\x y%2F#é.m3u8", "_x_y_2F__.m3u8"),
            ("-rf.m3u8", "rf.m3u8"),
            (".m3u8", "playlist.m3u8"),
        ] {
            assert_eq!(file_name(&stem(key), 0, "m3u8"), name, "{key}");
        }
        assert_eq!(file_name(&stem(&"x".repeat(1024)), 12, "m3u8").len(), MAX_STEM + ".12.m3u8".len());
    }
}
