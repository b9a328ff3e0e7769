//! `cfstore backup` and `cfstore restore`.

use std::fs;

use crate::content;
use crate::program::{Folder, Server};

#[test]
fn a_store_that_is_served_is_backed_up_and_restored_with_its_credentials() {
    let folder = Folder::new();
    let none = folder.fails(&["backup", "copy"]);
    assert!(
        none.starts_with("exit 2\nerror: .cfstore/ does not hold a store\n hint: give the folder"),
        "{none}"
    );
    let server = Server::start(&folder);
    let elsewhere = Folder::new();
    elsewhere.write("in", content(300_000, 0));
    server.ok(&elsewhere, &["r2", "put", "in", "a/b.bin"]);
    server.ok(&elsewhere, &["kv", "put", "k", "v"]);
    let done = folder.ok(&["backup", "copy"]);
    assert!(done.starts_with("backed up .cfstore/ as of 20"), "{done}");
    assert!(done.ends_with(": 292.97 KiB in copy/\n"), "{done}");
    server.ok(&elsewhere, &["r2", "rm", "a/b.bin"]);
    server.ok(&elsewhere, &["kv", "put", "k", "later"]);
    let again = folder.fails(&["backup", "copy"]);
    assert!(again.starts_with("exit 2") && again.contains("/copy is not empty: choose"), "{again}");
    let credentials = folder.read(".cfstore/credentials.json");
    drop(server);

    // Over a store nothing is restored.
    let refused = folder.fails(&["restore", "copy"]);
    assert!(refused.starts_with("exit 2") && refused.contains(".cfstore is not empty"), "{refused}");
    let none = folder.fails(&["restore", "nothing"]);
    assert!(none.starts_with("exit 2\nerror: nothing/ does not hold a backup\n"), "{none}");
    fs::remove_dir_all(folder.path().join(".cfstore")).unwrap();
    let restored = folder.json(&["--json", "restore", "copy"]);
    assert_eq!((&restored["damaged"], &restored["bytes"]), (&0.into(), &300_001.into()));
    // The moment is the backup's, and is not known any more.
    assert_eq!(restored.get("taken"), None);
    assert_eq!(folder.read(".cfstore/credentials.json"), credentials);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for folder in [folder.path().join("copy"), folder.path().join(".cfstore")] {
            let mode = fs::metadata(folder.join("credentials.json")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
    folder.ok(&["r2", "get", "a/b.bin", "out"]);
    assert!(folder.read("out") == elsewhere.read("in"));
    assert_eq!(folder.ok(&["kv", "get", "k"]), "v");
}

#[test]
fn what_a_key_encrypts_is_backed_up_without_it() {
    let folder = Folder::new();
    folder.write("key", [7; 32]);
    folder.write("in", content(300_000, 0));
    folder.ok(&["r2", "put", "in", "a.bin", "--sse-c-key-file", "key"]);
    folder.ok(&["r2", "lifecycle", "set", "--id", "logs", "--prefix", "logs/", "--delete-after", "90days"]);
    folder.ok(&["r2", "cors", "set", "--origin", "https://app.example.com", "--method", "GET"]);
    let told = [["r2", "lifecycle", "show"], ["r2", "cors", "show"]].map(|args| folder.ok(&args));
    folder.ok(&["backup", "copy"]);
    fs::remove_dir_all(folder.path().join(".cfstore")).unwrap();
    let restored = folder.json(&["--json", "restore", "copy"]);
    assert_eq!((&restored["damaged"], &restored["bytes"]), (&0.into(), &300_000.into()));
    folder.ok(&["r2", "get", "a.bin", "out", "--sse-c-key-file", "key"]);
    assert!(folder.read("out") == folder.read("in"));
    assert_eq!([["r2", "lifecycle", "show"], ["r2", "cors", "show"]].map(|args| folder.ok(&args)), told);
}

#[test]
fn a_backup_of_what_is_damaged_says_so() {
    let folder = Folder::new();
    folder.write("in", content(300_000, 0));
    folder.ok(&["r2", "put", "in", "a.bin"]);
    let blob = fs::read_dir(folder.path().join(".cfstore/blobs")).unwrap().next().unwrap().unwrap();
    let mut bytes = fs::read(blob.path()).unwrap();
    bytes[0] ^= 1;
    fs::write(blob.path(), bytes).unwrap();
    let output = folder.run(&["backup", "copy"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    let name = blob.file_name().into_string().unwrap();
    assert!(
        said.starts_with(&format!("damaged  bucket media: a.bin  blobs/{name}  its bytes differ")),
        "{said}"
    );
    assert!(said.ends_with(" in copy/, with 1 fault\n"), "{said}");
    // Nothing is left of how it was made.
    let mut names: Vec<_> =
        fs::read_dir(folder.path().join("copy")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains("unfinished")), "{names:?}");
}

#[test]
fn a_store_is_not_backed_up_into_itself() {
    let folder = Folder::new();
    folder.write("in", "x");
    folder.ok(&["r2", "put", "in", "a"]);
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path().join(".cfstore"), folder.path().join("link")).unwrap();
    for inside in [".cfstore/copy", "link/copy"] {
        let refused = folder.fails(&["backup", inside]);
        assert!(
            refused.starts_with("exit 2\nerror: ") && refused.contains("is inside the store"),
            "{refused}"
        );
    }
}
