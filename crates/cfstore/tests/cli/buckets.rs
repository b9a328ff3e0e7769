//! `cfstore r2 bucket` and `cfstore kv namespace`: in the embedded store, and over S3 and REST.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use cloudflare_clients::r2::{Addressing, R2SigningClient, R2SigningConfig};
use serde_json::{Value, json};

use crate::program::{Folder, Server, failure, stdout};

#[test]
fn buckets_are_created_listed_shown_and_deleted_in_the_embedded_store_and_over_s3() {
    let folder = Folder::new();
    let missing = folder.fails(&["r2", "bucket", "ls"]);
    assert!(missing.starts_with("exit 3\nerror: Cloudflare's variables are not set"), "{missing}");
    let args = ["r2", "bucket", "create", "archive", "--location", "WEUR", "--storage-class", "STANDARD_IA"];
    assert!(folder.ok(&args).starts_with("created archive  ("));
    let server = Server::start(&folder);
    let remote = |args: &[&str]| stdout(&server.command(&folder, args).output().unwrap(), args);
    assert!(
        remote(&["r2", "bucket", "create", "films"])
            .ends_with(&format!("({})\n", server.variable("R2_ENDPOINT")))
    );

    // Over S3, a list says no more than when they were created.
    let listed = folder.ok(&["r2", "bucket", "ls"]);
    let lines: Vec<_> = listed.lines().collect();
    assert!(
        lines[0].starts_with("archive  20") && lines[0].ends_with("Z  weur  InfrequentAccess"),
        "{listed}"
    );
    assert!(lines[1].starts_with("films  20") && lines[1].ends_with("Z  Standard"), "{listed}");
    assert!(lines[2].starts_with("media  20"), "{listed}");
    let listed = remote(&["r2", "bucket", "ls", "f"]);
    assert!(listed.starts_with("films  20") && listed.lines().count() == 1, "{listed}");

    let info = |run: &dyn Fn(&[&str]) -> String| -> Value {
        serde_json::from_str(&run(&["--json", "r2", "bucket", "info", "archive"])).unwrap()
    };
    let (local, over_s3) = (info(&|args| folder.ok(args)), info(&remote));
    assert_eq!(local["storageClass"], "InfrequentAccess");
    for info in [&local, &over_s3] {
        assert_eq!((&info["location"], &info["region"]), (&json!("weur"), &json!("auto")));
        assert_eq!(info["created"], local["created"]);
    }
    let shown = remote(&["r2", "bucket", "info", "archive"]);
    assert!(shown.contains("location             weur\n"), "{shown}");

    // Its class is that of what says none.
    folder.write("a.txt", "a");
    remote(&["r2", "--bucket", "archive", "put", "a.txt", "a.txt"]);
    let head = folder.json(&["--json", "r2", "--bucket", "archive", "head", "a.txt"]);
    assert_eq!(head["storageClass"], "InfrequentAccess");

    let used = failure(&server.command(&folder, &["r2", "bucket", "rm", "archive"]).output().unwrap());
    assert!(
        used.starts_with("exit 1\nerror: delete_bucket \"archive\": ") && used.contains("--all"),
        "{used}"
    );
    remote(&["r2", "--bucket", "archive", "rm", "a.txt"]);
    assert!(remote(&["r2", "bucket", "rm", "archive"]).starts_with("deleted archive  ("));
    for args in [["r2", "bucket", "rm", "archive"], ["r2", "bucket", "info", "archive"]] {
        for gone in [failure(&server.command(&folder, &args).output().unwrap()), folder.fails(&args)] {
            assert!(gone.starts_with("exit 3\nerror: bucket \"archive\" does not exist\n hint: "), "{gone}");
        }
    }
    let taken = failure(&server.command(&folder, &["r2", "bucket", "create", "films"]).output().unwrap());
    assert!(taken.starts_with("exit 1\n") && taken.contains("BucketAlreadyOwnedByYou"), "{taken}");
    for (args, part) in [
        (&["r2", "bucket", "create", "Films"][..], "is not a bucket name"),
        (&["r2", "bucket", "create", "films", "--location", "eu-west-1"], "is not a location hint"),
        (&["r2", "--bucket", "films", "bucket", "info", "films"], "--bucket"),
    ] {
        let refused = folder.fails(args);
        assert!(refused.starts_with("exit 2\n") && refused.contains(part), "{refused}");
    }
}

#[test]
fn namespaces_are_created_listed_renamed_and_deleted_in_the_embedded_store_and_over_rest() {
    let folder = Folder::new();
    let created = folder.json(&["--json", "kv", "namespace", "create", "sessions"]);
    let id = created["id"].as_str().unwrap();
    let server = Server::start(&folder);
    let remote = |args: &[&str]| {
        // The token alone decides.
        let mut command = server.command(&folder, args);
        stdout(&command.env_remove("KV_NAMESPACE_ID").output().unwrap(), args)
    };
    let other = remote(&["kv", "namespace", "create", "a title"]);
    assert!(other.contains("  a title  (account "), "{other}");
    for listed in [folder.ok(&["kv", "namespace", "ls"]), remote(&["kv", "namespace", "ls"])] {
        let titles: Vec<_> = listed.lines().map(|line| line.split_once("  ").unwrap().1).collect();
        assert_eq!(titles, ["a title", "local", "sessions"]);
        assert!(listed.contains(&format!("{id}  sessions\n")));
    }
    assert!(remote(&["kv", "namespace", "rename", "sessions", "old"]).starts_with(&format!("{id}  old  (")));
    folder.ok(&["kv", "namespace", "rename", id, "older"]);
    let taken = folder.fails(&["kv", "namespace", "rename", id, "local"]);
    assert!(taken.starts_with("exit 1\n") && taken.contains("already"), "{taken}");
    let asks = folder.fails(&["kv", "namespace", "rm", "older"]);
    assert!(asks.starts_with("exit 2\n") && asks.contains("--yes"), "{asks}");
    assert!(
        remote(&["kv", "namespace", "rm", "older", "--yes"]).starts_with(&format!("deleted {id}  older"))
    );
    let gone = folder.fails(&["kv", "namespace", "rm", id, "--yes"]);
    assert!(
        gone.starts_with(&format!("exit 3\nerror: namespace \"{id}\" does not exist\n hint: ")),
        "{gone}"
    );
    folder.ok(&["kv", "namespace", "rm", "a title", "-y"]);
    assert_eq!(folder.ok(&["kv", "namespace", "ls"]).lines().count(), 1);
}

#[test]
fn buckets_are_below_a_host_that_the_server_is_told_of() {
    let folder = Folder::new();
    folder.write("a.txt", "hello");
    folder.ok(&["r2", "put", "a.txt", "a.txt"]);
    let server = Server::start_with(&folder, &["--host", "store.test"]);
    let address = server.variable("R2_ENDPOINT").strip_prefix("http://").unwrap();
    let (_, port) = address.rsplit_once(':').unwrap();
    for (host, status) in [("store.test", "200"), ("localhost", "200"), ("other.test", "400")] {
        let config = R2SigningConfig::for_endpoint(
            format!("http://{host}:{port}"),
            server.variable("R2_ACCESS_KEY_ID"),
            server.variable("R2_SECRET_ACCESS_KEY"),
            "media",
        );
        let client = R2SigningClient::new(config.addressing(Addressing::VirtualHost)).unwrap();
        let url = client.generate_signed_url("a.txt", Duration::from_secs(60)).unwrap();
        let (host, target) = url.as_str().strip_prefix("http://").unwrap().split_once('/').unwrap();
        // No system needs to know the name.
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
        assert_eq!(answer.ends_with("\r\n\r\nhello"), status == "200", "{host}: {answer}");
    }
}
