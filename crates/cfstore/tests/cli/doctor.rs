//! `cfstore r2 doctor`: what it says to people and programs, and with which exit code.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use cloudflare_clients::LocalBucket;
use cloudflare_clients::r2::R2Service;
use futures_util::TryStreamExt as _;
use serde_json::Value;

use crate::program::{Folder, Server};

/// The findings by their checks, and the exit code.
fn findings(output: &Output) -> (BTreeMap<String, Value>, i32) {
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    let findings = stdout.lines().map(|line| {
        let finding: Value = serde_json::from_str(line).unwrap();
        (finding["check"].as_str().unwrap().to_owned(), finding)
    });
    (findings.collect(), output.status.code().unwrap())
}

#[test]
fn a_local_server_is_well_and_refuses_other_origins() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let run = |args: &[&str]| server.command(&folder, args).output().unwrap();
    let (found, code) = findings(&run(&["--json", "r2", "doctor"]));
    assert_eq!(code, 0, "{found:?}");
    for check in ["connection", "write", "presigned PUT", "range", "conditions", "Workers KV", "cleanup"] {
        assert_eq!(found[check]["result"], "ok", "{:?}", found[check]);
    }
    let target = format!("bucket media at {}", server.variable("R2_ENDPOINT"));
    assert_eq!(found["write"]["target"], target.as_str());
    assert_eq!(server.ok(&folder, &["r2", "ls", "-r"]), "");

    let args = ["--json", "r2", "doctor", "--origin", "https://app.example.com"];
    let (found, code) = findings(&run(&args));
    assert_eq!(code, 1, "{found:?}");
    assert_eq!(found["CORS PUT"]["result"], "broken");
    let mend = found["CORS PUT"]["mend"].as_str().unwrap();
    let rule = "--add --origin https://app.example.com --method PUT --header content-type --expose etag";
    assert_eq!(mend, format!("cfstore r2 cors set --bucket media {rule}"));

    let said = String::from_utf8(run(&args[1..]).stdout).unwrap();
    assert!(said.contains("broken        CORS PUT: the preflight for PUT with content-type"), "{said}");
    assert!(said.contains(&format!("\n              $ {mend}\n")), "{said}");
    assert!(!said.contains(server.variable("R2_SECRET_ACCESS_KEY")), "{said}");
}

#[test]
fn the_embedded_store_is_served_and_examined() {
    let folder = Folder::new();
    let none = folder.fails(&["r2", "doctor"]);
    assert!(none.starts_with("exit 3\nerror: Cloudflare's variables are not set"), "{none}");
    folder.write("in", "x");
    folder.ok(&["r2", "put", "in", "a"]);
    let (found, code) = findings(&folder.run(&["--json", "r2", "doctor"]));
    assert_eq!((code, &found["write"]["result"]), (0, &"ok".into()), "{found:?}");
    assert_eq!(found["write"]["target"], folder.target("bucket media").as_str());
    assert!(folder.ok(&["r2", "ls", "-r"]).trim_end().ends_with(" a"));
    let (found, code) = findings(&folder.run(&["--json", "r2", "--bucket", "films", "doctor"]));
    assert_eq!((code, &found["bucket"]["result"]), (1, &"broken".into()), "{found:?}");
}

#[test]
fn variables_that_are_wrong_are_a_finding() {
    let folder = Folder::new();
    let output =
        folder.command(&["--json", "r2", "doctor"]).env("R2_BUCKET_MEDIA", "media").output().unwrap();
    let (found, code) = findings(&output);
    assert_eq!((code, &found["variables"]["result"]), (1, &"broken".into()));
    assert!(found["variables"]["seen"].as_str().unwrap().contains("R2_SECRET_ACCESS_KEY"), "{found:?}");
    for (args, why) in [
        (
            ["--origin", "https://app.example.com/"],
            "an origin has no path: write it as https://app.example.com",
        ),
        (["--public-url", "https://u:hunter2@media.example.com"], "without user, query or fragment"),
    ] {
        let refused = folder.fails(&[&["r2", "doctor"][..], &args].concat());
        assert!(refused.starts_with("exit 2") && refused.contains(why), "{refused}");
    }
}

#[test]
fn a_dead_host_ends_within_half_a_minute() {
    let folder = Folder::new();
    let mut command = folder.command(&["--json", "r2", "doctor", "--origin", "http://127.0.0.1:1"]);
    for name in ["R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_BUCKET_MEDIA"] {
        command.env(name, "something");
    }
    let begin = Instant::now();
    let (found, code) = findings(&command.env("R2_ENDPOINT", "http://127.0.0.1:1").output().unwrap());
    assert!(begin.elapsed() < Duration::from_secs(30));
    assert_eq!((code, &found["connection"]["result"]), (1, &"broken".into()), "{found:?}");
    assert_eq!(found["CORS PUT"]["result"], "not possible");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_removed_after_ctrl_c() {
    let folder = Folder::new();
    // Slow, so that it is interrupted between its first write and its own clean-up.
    let server = Server::start_with(&folder, &["--fault", "slow=200ms"]);
    let bucket = LocalBucket::open(folder.path().join(".cfstore"), "media").await.unwrap();
    let r2 = R2Service::new(bucket);
    let written =
        async || r2.list().stream().map_ok(|object| object.key).try_collect::<Vec<_>>().await.unwrap();

    let mut command = server.command(&folder, &["--json", "r2", "doctor"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id().to_string();
    let begun = Instant::now();
    while written().await.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing is written");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("\"error\":\"interrupted\""), "{stderr}");
    assert_eq!(written().await, [""; 0]);
}
