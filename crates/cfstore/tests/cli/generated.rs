//! Completions and manual pages.

use std::fs;

use crate::program::Folder;

#[test]
fn completions_of_each_shell() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = folder.ok(&["completions", shell]);
        for word in ["sign-playlist", "uploads", "bulk"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert!(folder.fails(&["completions", "csh"]).starts_with("exit 2"));
}

#[test]
fn manual_pages_of_all_commands() {
    let folder = Folder::new();
    let page = folder.ok(&["man"]);
    assert!(page.contains(".TH cfstore 1") && page.contains("R2_ACCOUNT_ID"), "{page}");
    folder.ok(&["man", "a/man1"]);
    for (name, word) in [
        ("cfstore", "demo"),
        ("cfstore-r2-mv", "dry"),
        ("cfstore-r2-uploads-clean", "older"),
        ("cfstore-kv-bulk-get", "all"),
    ] {
        let page = fs::read_to_string(folder.path().join(format!("a/man1/{name}.1"))).unwrap();
        assert!(page.contains(word), "{name}: {page}");
    }
    let names = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 1, "no store is made");
}
