//! What becomes of the store on the disk.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::content;
use crate::program::{Folder, program};

#[test]
fn what_only_reads_makes_no_store() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.fails(&["r2", "ls"]), @r#"
    exit 3
    error: Cloudflare's variables are not set, and .cfstore/ does not hold a store yet
     hint: `cfstore r2 put FILE KEY` and `cfstore kv put KEY VALUE` create one; to use Cloudflare, set its variables: `cfstore --help` lists them
    "#);
    for args in [
        &["r2", "get", "a"][..],
        &["r2", "head", "a"],
        &["r2", "rm", "a"],
        &["r2", "cp", "a", "b"],
        &["r2", "du"],
        &["r2", "cat", "a"],
        &["r2", "uploads", "ls"],
        &["r2", "ls", "r2://other"],
        &["r2", "mv", "r2://media/a", "r2://other/"],
    ] {
        assert!(folder.fails(args).starts_with("exit 3"), "{args:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// The only file in `blobs/`.
fn only_blob(folder: &Folder) -> std::path::PathBuf {
    let mut blobs = fs::read_dir(folder.path().join(".cfstore/blobs")).unwrap();
    blobs.next().unwrap().unwrap().path()
}

#[test]
fn scrub_names_what_is_damaged() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.fails(&["scrub"]), @r#"
    exit 2
    error: .cfstore/ does not hold a store
     hint: give the folder with store.sqlite3: --data DIR
    "#);
    folder.write("in", content(300_000, 0));
    folder.ok(&["r2", "put", "in", "a/b.bin"]);
    folder.ok(&["kv", "put", "k", "v"]);
    insta::assert_snapshot!(folder.ok(&["scrub"]), @"read 292.97 KiB of .cfstore/: nothing is damaged");
    let blob = only_blob(&folder);
    let mut bytes = fs::read(&blob).unwrap();
    bytes[299_999] ^= 1;
    fs::write(&blob, bytes).unwrap();

    let output = folder.run(&["--json", "scrub", "--data", ".cfstore"]);
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let [damage, summary] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&damage["bucket"], &damage["key"]), (&"media".into(), &"a/b.bin".into()));
    assert_eq!(Path::new(damage["file"].as_str().unwrap()).file_name(), blob.file_name());
    assert!(damage["problem"].as_str().unwrap().contains("differ from those that were stored"));
    assert_eq!((&summary["damaged"], &summary["checked"]), (&1.into(), &2.into()));

    let output = folder.run(&["scrub"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    let name = blob.file_name().unwrap().to_str().unwrap();
    assert!(said.starts_with(&format!("damaged  bucket media: a/b.bin  blobs/{name}  ")), "{said}");
    assert!(said.ends_with(": 1 fault\n"), "{said}");
    let failed = folder.fails(&["r2", "get", "a/b.bin", "out"]);
    assert!(failed.contains("is damaged") && failed.contains(name), "{failed}");
    assert!(!folder.path().join("out").exists());
}

#[cfg(unix)]
#[test]
fn a_limit_of_file_sizes_is_an_error_and_not_the_end() {
    let folder = Folder::new();
    folder.write("small", "1");
    folder.write("in", content(20 * 1024 * 1024, 0));
    folder.ok(&["r2", "put", "small", "small"]);
    // 4 MiB, in units of 512 bytes.
    let script = "ulimit -f 8192 && exec \"$0\" r2 put in large";
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script]).arg(program()).env_clear().current_dir(folder.path());
    let output = shell.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said.contains("File too large") && said.contains(".cfstore"), "{said}");
    assert_eq!(folder.ok(&["r2", "get", "small", "-"]), "1");
}
