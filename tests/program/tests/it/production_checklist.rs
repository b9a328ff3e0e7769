//! The commands of `docs/production-checklist.md`, in order, against a local server with closed CORS.

use std::env;
use std::path::Path;
use std::process::Command;

use crate::program::{Folder, Server, program, stdout};

const PAGE: &str = include_str!("../../../../crates/cloudflare-clients/docs/production-checklist.md");

/// The code blocks marked `sh`: the others need a Cloudflare account, or are for reading.
fn commands() -> impl Iterator<Item = &'static str> {
    let mut inside = false;
    PAGE.lines().filter(move |line| {
        let was_inside = inside;
        inside = if was_inside { *line != "```" } else { *line == "```sh" };
        was_inside && inside
    })
}

#[cfg(unix)]
#[test]
fn every_command_of_the_page_works() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut variables = String::new();
    for (name, value) in &server.variables {
        variables.extend([name, "=", value, "\n"]);
    }
    variables.push_str("R2_BUCKET_MEDIA=films\n");
    folder.write("admin.env", &variables);
    let args = ["keys", "add", "--scope", "object-read-write", "--bucket", "films"];
    folder.write("app.env", variables + &stdout(&folder.run(&args), &args));
    let program = program();
    let path =
        env::join_paths([program.parent().unwrap(), Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    let mut ran = 0;
    for command in commands() {
        let shell = Command::new("sh")
            .args(["-c", command])
            .env_clear()
            .env("PATH", &path)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&shell.stderr);
        assert!(shell.status.success(), "{command}\n{}{said}", String::from_utf8_lossy(&shell.stdout));
        ran += 1;
    }
    assert!(ran > 15, "{ran}");
}
