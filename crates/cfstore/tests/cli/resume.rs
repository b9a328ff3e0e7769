//! `cfstore r2 put` and `get` that were killed, and what continues them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cloudflare_clients::LocalBucket;
use cloudflare_clients::r2::R2Service;
use serde_json::Value;

use crate::content;
use crate::program::{Folder, Server, failure, stdout};

const MIB: usize = 1024 * 1024;
/// Parts, and ranges.
const PART: u64 = 16 * 1024 * 1024;

/// A folder with a file `in` and a server that serves it.
struct Fixture {
    folder: Folder,
    server: Server,
}

impl Fixture {
    fn new(size: usize) -> Self {
        let folder = Folder::new();
        folder.write("in", content(size, 0));
        let server = Server::start(&folder);
        Self { folder, server }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.server.command(&self.folder, args);
        command.env("XDG_STATE_HOME", self.folder.path().join("state"));
        command
    }

    fn begin(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.command(args).output().unwrap();
        serde_json::from_str(&stdout(&output, args)).unwrap()
    }

    /// The journals of uploads.
    fn journals(&self) -> Vec<PathBuf> {
        let transfers = self.folder.path().join("state/cfstore/transfers");
        let Ok(buckets) = fs::read_dir(transfers) else { return Vec::new() };
        let files = buckets.flat_map(|bucket| fs::read_dir(bucket.unwrap().path()).unwrap());
        files.map(|file| file.unwrap().path()).collect()
    }

    fn uploads(&self) -> usize {
        let store = self.folder.path().join(".cfstore");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bucket = LocalBucket::open(store, "media").await.unwrap();
            R2Service::new(bucket).list_multipart_uploads().await.unwrap().uploads.len()
        })
    }
}

/// Waits until a journal says that something has arrived.
fn wait_for_arrival(journal: impl Fn() -> Option<PathBuf>) {
    let begin = Instant::now();
    let lines = |path: &Path| fs::read_to_string(path).map_or(0, |text| text.lines().count());
    while journal().is_none_or(|path| lines(&path) < 2) {
        assert!(begin.elapsed() < Duration::from_secs(20), "nothing arrives");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_was_killed_is_continued() {
    let fixture = Fixture::new(100 * MIB);
    let put = ["--json", "r2", "put", "in", "film.mp4", "--concurrency", "1"];
    let mut child = fixture.begin(&put);
    wait_for_arrival(|| fixture.journals().pop());
    child.kill().unwrap();
    assert!(child.wait().unwrap().code().is_none(), "it was killed before it was done");
    assert_eq!(fixture.uploads(), 1);
    let stored = fixture.json(&put);
    assert_eq!((&stored["verified"], &stored["size"]), (&"crc64".into(), &(100 * MIB).into()));
    assert!(stored["resumedBytes"].as_u64().is_some_and(|bytes| bytes >= PART), "{stored}");
    assert_eq!((fixture.uploads(), fixture.journals()), (0, vec![]));

    let get = ["--json", "r2", "get", "film.mp4", "out", "--concurrency", "1"];
    let mut child = fixture.begin(&get);
    wait_for_arrival(|| Some(fixture.folder.path().join(".out.partial.download")));
    child.kill().unwrap();
    assert!(child.wait().unwrap().code().is_none(), "it was killed before it was done");
    assert!(!fixture.folder.path().join("out").exists());
    let got = fixture.json(&get);
    assert_eq!((&got["verified"], &got["size"]), (&"crc64".into(), &(100 * MIB).into()));
    assert!(got["resumedBytes"].as_u64().is_some_and(|bytes| bytes >= PART), "{got}");
    assert!(fixture.folder.read("out") == fixture.folder.read("in"));
    let mut names: Vec<_> =
        fs::read_dir(fixture.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".cfstore", "in", "out", "state"]);
}

/// Ctrl-C keeps what has arrived, unless nothing is to be continued.
#[cfg(unix)]
#[test]
fn what_was_interrupted_is_kept_or_not() {
    let fixture = Fixture::new(100 * MIB);
    for (resume, left) in [(true, 1), (false, 0)] {
        let mut put = vec!["r2", "put", "in", "film.mp4", "--concurrency", "1"];
        if !resume {
            put.push("--no-resume");
        }
        let child = fixture.begin(&put);
        if resume {
            wait_for_arrival(|| fixture.journals().pop());
        } else {
            let begin = Instant::now();
            while fixture.uploads() == 0 {
                assert!(begin.elapsed() < Duration::from_secs(20), "nothing begins");
            }
        }
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let interrupted = failure(&child.wait_with_output().unwrap());
        assert_eq!(interrupted.lines().next(), Some("exit 1"), "{interrupted}");
        assert!(interrupted.contains("error: interrupted"), "{interrupted}");
        assert_eq!((fixture.uploads(), fixture.journals().len()), (left, left));
        if resume {
            fixture.json(&["--json", "r2", "put", "in", "film.mp4"]);
        }
    }
}
