//! The HLS package that the demo uploads, made by `demo/make-hls.sh`.

/// A file of the package.
#[derive(Debug)]
pub(super) struct File {
    /// Its path in the package.
    pub(super) path: &'static str,
    pub(super) bytes: &'static [u8],
}

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(File {
            path: $path,
            bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/demo/hls/", $path)),
        }),*]
    };
}

/// Maximum number of concurrent requests for its files.
pub(super) const CONCURRENCY: usize = 4;

pub(super) const FILES: &[File] = files![
    "180p/init_2.mp4",
    "180p/playlist.m3u8",
    "180p/segment-0.m4s",
    "180p/segment-1.m4s",
    "180p/segment-2.m4s",
    "360p/init_1.mp4",
    "360p/playlist.m3u8",
    "360p/segment-0.m4s",
    "360p/segment-1.m4s",
    "360p/segment-2.m4s",
    "audio/init_0.mp4",
    "audio/playlist.m3u8",
    "audio/segment-0.m4s",
    "audio/segment-1.m4s",
    "audio/segment-2.m4s",
    "audio/segment-3.m4s",
    "master.m3u8",
    "poster.jpg",
    "preview.mp4",
];

/// The playlist that players start with.
pub(super) const MASTER: &str = "master.m3u8";
/// Image of the first frame.
pub(super) const POSTER: &str = "poster.jpg";
/// The whole film in one file, which browsers play.
pub(super) const PREVIEW: &str = "preview.mp4";

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn files_below(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
    }

    #[test]
    fn the_list_is_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/hls");
        let mut found = files_below(&folder);
        found.sort();
        let listed: Vec<_> = FILES.iter().map(|file| folder.join(file.path)).collect();
        assert_eq!(found, listed);
        assert!(FILES.iter().map(|file| file.bytes.len()).sum::<usize>() <= 300 * 1000);
    }
}
