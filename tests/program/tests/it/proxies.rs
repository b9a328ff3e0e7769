//! Proxies and certificate authorities from the environment.

use std::fs;
use std::net::SocketAddr;

use testkit::HttpProxy;

use crate::program::{Folder, Server, failure, stdout};

/// `me:hunter2`
const AUTHORIZATION: &str = "Basic bWU6aHVudGVyMg==";

fn address(server: &Server) -> SocketAddr {
    server.variable("R2_ENDPOINT").split_once("://").unwrap().1.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_go_through_the_proxy_that_the_environment_names() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let proxy = HttpProxy::guarded_to(address(&server), AUTHORIZATION).await;
    let elsewhere = Folder::new();
    elsewhere.write("in", "hello");
    let run = |args: &[&str], vars: &[(&str, &str)]| {
        let mut command = server.command(&elsewhere, args);
        command.env("R2_ENDPOINT", "http://r2.test:9000");
        command.envs(vars.iter().copied()).output().unwrap()
    };
    let by_way_of = |user: &str| format!("http://{user}@{}", proxy.address());
    let good = by_way_of("me:hunter2");
    for args in [&["r2", "put", "in", "a"][..], &["r2", "cat", "a"]] {
        stdout(&run(args, &[("HTTP_PROXY", &good)]), args);
        stdout(&run(args, &[("all_proxy", &good), ("HTTPS_PROXY", "http://127.0.0.1:1")]), args);
    }
    let asked = proxy.asked();
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(asked[0].starts_with("PUT http://r2.test:9000/media/a"), "{asked:?}");

    // The doctor reports the proxy that it finds, or why it cannot be used, but never a password.
    let doctor = run(&["r2", "doctor"], &[("HTTP_PROXY", &good)]);
    let found = String::from_utf8(doctor.stdout).unwrap();
    assert!(
        found.contains(&format!("through the proxy {} (HTTP_PROXY) without TLS", proxy.address())),
        "{found}"
    );
    assert!(!found.contains("hunter"), "{found}");
    for (vars, says) in [
        (
            &[("HTTP_PROXY", &*by_way_of("me:hunter3"))][..],
            &*format!("the proxy {} rejects the user and password of its URL", proxy.address()),
        ),
        (&[("HTTP_PROXY", &good), ("NO_PROXY", "test")], "could not resolve the address of r2.test:9000"),
        (
            &[("HTTP_PROXY", "socks5://me:hunter2@127.0.0.1:1080")],
            "HTTP_PROXY cannot be used: SOCKS is not supported",
        ),
        (&[("ALL_PROXY", "http://me:hunter2@127.0.0.1:1")], "could not connect to the proxy 127.0.0.1:1"),
    ] {
        let failed = run(&["-vv", "r2", "head", "a"], vars);
        let failed = failure(&failed);
        assert!(failed.contains(says) && !failed.contains("hunter"), "{failed}");
        assert!(failed.contains("NO_PROXY") || vars.len() == 2, "{failed}");
        let doctor = run(&["r2", "doctor"], vars);
        let found = String::from_utf8(doctor.stdout).unwrap();
        assert!(found.contains("_PROXY") || vars.len() == 2, "{found}");
        assert!(!found.contains("hunter") && doctor.status.code() == Some(1), "{found}");
    }

    // A server on this machine is reached without the proxy.
    let direct =
        server.command(&elsewhere, &["r2", "cat", "a"]).env("ALL_PROXY", "http://127.0.0.1:1").output();
    assert_eq!(stdout(&direct.unwrap(), &[]), "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authorities_of_the_system_are_trusted_where_that_is_asked_for() {
    let folder = Folder::new();
    let own = rcgen::generate_simple_self_signed(["r2.test".to_owned()]).unwrap();
    folder.write("certificate.pem", own.cert.pem());
    folder.write("key.pem", own.signing_key.serialize_pem());
    let server = Server::start_with(&folder, &["--tls-cert", "certificate.pem", "--tls-key", "key.pem"]);
    let proxy = HttpProxy::to(address(&server)).await;
    let elsewhere = Folder::new();
    elsewhere.write("in", "hello");
    for name in ["system", "empty"] {
        fs::create_dir(elsewhere.path().join(name)).unwrap();
    }
    elsewhere.write("system/own.pem", own.cert.pem());
    let api =
        server.variable("CLOUDFLARE_API_BASE_URL").replace(&address(&server).to_string(), "r2.test:9000");
    let run = |args: &[&str], vars: &[(&str, &str)]| {
        let mut command = server.command(&elsewhere, args);
        command.env("R2_ENDPOINT", "https://r2.test:9000").env_remove("SSL_CERT_FILE");
        command.env("CLOUDFLARE_API_BASE_URL", &api);
        command.env("https_proxy", proxy.address().to_string());
        command.envs(vars.iter().copied()).output().unwrap()
    };
    let put = |vars: &[(&str, &str)]| run(&["r2", "put", "in", "a"], vars);
    let certificate = folder.path().join("certificate.pem");
    stdout(&put(&[("SSL_CERT_FILE", certificate.to_str().unwrap())]), &["SSL_CERT_FILE"]);
    stdout(&put(&[("SSL_CERT_DIR", "system"), ("CFSTORE_SYSTEM_ROOTS", "1")]), &["system"]);
    let kv = ["kv", "put", "k", "v"];
    stdout(&run(&kv, &[("SSL_CERT_DIR", "system"), ("CFSTORE_SYSTEM_ROOTS", "1")]), &kv);
    assert_eq!(proxy.asked(), ["CONNECT r2.test:9000"; 3]);

    for (vars, says) in [
        (
            &[("SSL_CERT_DIR", "system")][..],
            "CFSTORE_SYSTEM_ROOTS=1 to trust the certificates of this system",
        ),
        (&[("SSL_CERT_DIR", "empty"), ("CFSTORE_SYSTEM_ROOTS", "1")], "the system has no certificate"),
        (&[("CFSTORE_SYSTEM_ROOTS", "mine")], "exit 2\nerror: CFSTORE_SYSTEM_ROOTS is \"mine\""),
    ] {
        let failed = failure(&put(vars));
        assert!(failed.contains(says), "{failed}");
    }
}
