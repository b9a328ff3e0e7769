//! `cfstore r2 put` and `get` where a disk is full, or a file may not be larger.
#![cfg(unix)]

use std::fs;
use std::process::{Command, Output, Stdio};

use cloudflare_clients::LocalBucket;
use cloudflare_clients::r2::R2Service;
use serde_json::Value;

use crate::content;
use crate::program::{Folder, Server, program};

/// Of an object in ranges and of an upload in parts.
const SIZE: usize = 70 * 1024 * 1024;

/// Runs a script of the shell, in which `$0` is the program, with the server's variables.
fn shell(server: &Server, folder: &Folder, shell: &[&str], script: &str) -> Output {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).args(["-c", script]).arg(program()).env_clear();
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin").current_dir(folder.path());
    command.env("XDG_STATE_HOME", folder.path().join("disk/state"));
    command.envs(server.variables.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).output().unwrap()
}

/// A shell that may mount: root in a namespace of its own, where the system lets users have one.
const MOUNTING: [&str; 5] = ["unshare", "--user", "--map-root-user", "--mount", "/bin/sh"];

fn may_mount() -> bool {
    let mut probe = Command::new(MOUNTING[0]);
    probe.args(&MOUNTING[1..]).args(["-c", "mount -t tmpfs tmpfs /mnt"]).stderr(Stdio::null());
    let may = probe.status().is_ok_and(|status| status.success());
    if !may {
        eprintln!("not tried: this system lets nobody mount a file system in a namespace of its own");
    }
    may
}

fn stored(folder: &Folder, server: &Server) {
    folder.write("in", content(SIZE, 0));
    server.ok(folder, &["r2", "put", "in", "film.mp4", "--no-resume"]);
    fs::create_dir(folder.path().join("disk")).unwrap();
}

#[test]
fn a_download_beyond_the_limit_of_file_sizes_is_an_error() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    stored(&folder, &server);
    let get = "exec \"$0\" --json r2 get film.mp4 disk/out";
    // 20 MiB, in units of 512 bytes.
    let output = shell(&server, &folder, &["/bin/sh"], &format!("ulimit -f 40960 && {get}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said.contains("cannot be written: File too large"), "{said}");
    assert!(!folder.path().join("disk/out").exists());

    let output = shell(&server, &folder, &["/bin/sh"], get);
    assert!(output.status.success(), "{output:?}");
    assert!(folder.read("disk/out") == folder.read("in"));
    assert_eq!(fs::read_dir(folder.path().join("disk")).unwrap().count(), 1);
}

#[test]
fn a_download_onto_a_full_disk_is_continued_once_it_has_room() {
    if !may_mount() {
        return;
    }
    let folder = Folder::new();
    let server = Server::start(&folder);
    stored(&folder, &server);
    let script = "
        mount -t tmpfs -o size=40m tmpfs disk
        get='--json r2 get film.mp4 disk/out --concurrency 1'
        \"$0\" $get && exit 10
        test -e disk/out && exit 11
        mount -o remount,size=100m disk
        \"$0\" $get || exit 12
        cmp in disk/out || exit 13
        test \"$(ls -A disk)\" = out || exit 14
    ";
    let output = shell(&server, &folder, &MOUNTING, script);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{output:?}");
    assert!(said.contains("cannot be written: No space left on device"), "{said}");
    let got: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(got["resumedBytes"], 32 * 1024 * 1024, "two ranges of 16 MiB fit");
}

/// There is no room for its journal: nothing is begun that could not be continued.
#[test]
fn an_upload_without_room_for_its_journal_is_not_begun() {
    if !may_mount() {
        return;
    }
    let folder = Folder::new();
    let server = Server::start(&folder);
    stored(&folder, &server);
    let script = "
        mount -t tmpfs -o size=64k tmpfs disk
        dd if=/dev/zero of=disk/filler bs=4k 2>/dev/null
        put='--json r2 put in other.mp4'
        \"$0\" $put && exit 10
        \"$0\" r2 uploads ls | grep -q . && exit 11
        rm disk/filler
        \"$0\" $put || exit 12
        test -z \"$(find disk -type f)\" || exit 13
    ";
    let output = shell(&server, &folder, &MOUNTING, script);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{output:?}");
    assert!(said.contains("cannot be written: No space left on device"), "{said}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bucket = LocalBucket::open(folder.path().join(".cfstore"), "media").await.unwrap();
        let r2 = R2Service::new(bucket);
        assert!(r2.list_multipart_uploads().await.unwrap().uploads.is_empty());
        assert!(r2.get("other.mp4").bytes().await.unwrap().unwrap() == folder.read("in"));
    });
}
