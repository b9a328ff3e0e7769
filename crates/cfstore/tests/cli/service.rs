//! `cfstore serve` as a service: health, metrics, the log, and restarts.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::content;
use crate::program::{Folder, Server, failure, http_get};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ends the server when a test fails.
struct Process(Child);

impl Process {
    fn terminate(&self) {
        let killed = Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(killed.success());
    }

    fn succeeds(&mut self) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where health and metrics are, from what the server says, and the rest of that.
fn admin_of(stderr: ChildStderr) -> (String, BufReader<ChildStderr>) {
    let mut said = BufReader::new(stderr);
    let mut line = String::new();
    loop {
        line.clear();
        assert!(
            said.read_line(&mut line).unwrap() > 0,
            "the server does not say where health and metrics are"
        );
        if let Some((_, urls)) = line.split_once("health and metrics: ") {
            let url = urls.split_once("/healthz").unwrap().0.to_owned();
            return (url, said);
        }
    }
}

/// The value of a metric, with its labels as they are written.
fn metric(admin: &str, name: &str) -> f64 {
    let (head, body) = http_get(&format!("{admin}/metrics"));
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/plain; version=0.0.4"), "{head}");
    let text = String::from_utf8(body).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    assert!(value.is_some(), "{name} is missing in {text}");
    value.unwrap().parse().unwrap()
}

/// Waits until a metric has grown to a value.
fn until_metric(admin: &str, name: &str, value: f64) {
    let begun = Instant::now();
    while metric(admin, name) < value {
        assert!(begun.elapsed() < PATIENCE, "{name} stays below {value}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn events_that_nobody_takes_are_counted() {
    let folder = Folder::new();
    let args = ["--admin-listen", "127.0.0.1:0", "--events", "command:exit 1"];
    let mut server = Server::start_with(&folder, &args);
    let (admin, said) = admin_of(server.child.stderr.take().unwrap());
    // What is said is read, so that the server can say more.
    thread::spawn(move || said.lines().for_each(drop));
    folder.write("in", "hello");
    server.ok(&folder, &["r2", "put", "in", "a"]);
    until_metric(&admin, "cfstore_events_waiting", 1.0);
    until_metric(&admin, "cfstore_events_failed_total", 1.0);
    assert!(metric(&admin, "cfstore_events_delivered_total") < 1.0);
}

#[test]
fn health_and_metrics_have_a_listener_of_their_own() {
    let folder = Folder::new();
    folder.write("in", "hello");
    folder.ok(&["r2", "put", "in", "before"]);
    let events = folder.path().join("events.jsonl").display().to_string();
    let mut server = Server::start_with(&folder, &["--admin-listen", "127.0.0.1:0", "--events", &events]);
    let (admin, _said) = admin_of(server.child.stderr.take().unwrap());
    let health = format!("{admin}/healthz");
    assert_eq!(folder.ok(&["health", "--url", &health]), "healthy\n");
    assert_eq!(folder.json(&["--json", "health", "--url", &health])["healthy"], true);
    let certificates =
        folder.command(&["health", "--url", &health]).env("SSL_CERT_FILE", "none.pem").output();
    assert!(certificates.unwrap().status.success());

    server.ok(&folder, &["r2", "put", "in", "a"]);
    server.ok(&folder, &["kv", "put", "k", "v"]);
    assert!(
        metric(&admin, r#"cfstore_requests_total{protocol="r2",operation="PutObject",status="200"}"#) >= 1.0
    );
    assert!(metric(&admin, r#"cfstore_received_bytes_total{protocol="r2"}"#) >= 5.0);
    assert!(
        metric(&admin, r#"cfstore_requests_total{protocol="kv",operation="PutValue",status="200"}"#) >= 1.0
    );
    assert!(metric(&admin, "process_start_time_seconds") > 1.7e9);
    until_metric(&admin, "cfstore_store_measured_timestamp_seconds", 1.7e9);
    assert!(metric(&admin, "cfstore_store_objects") >= 1.0);
    assert!(metric(&admin, "cfstore_store_object_bytes") >= 5.0);
    assert!(metric(&admin, "cfstore_store_free_bytes") > 0.0);
    for empty in ["store_uploads", "store_read_only", "events_failed_total", "events_dropped_total"] {
        assert_eq!((empty, metric(&admin, &format!("cfstore_{empty}"))), (empty, 0.0));
    }
    until_metric(&admin, "cfstore_events_delivered_total", 1.0);
    assert!(http_get(&format!("{admin}/media/a")).0.starts_with("HTTP/1.1 404"));
    // On the other listener these are a bucket's name and no more.
    let main = server.variable("R2_ENDPOINT").to_owned();
    assert!(!http_get(&format!("{main}/metrics")).0.starts_with("HTTP/1.1 200"));

    let refused = failure(&folder.run(&["health", "--url", &format!("{admin}/health")]));
    assert!(refused.starts_with("exit 1") && refused.contains("answered 404"), "{refused}");
    drop(server);
    let refused = folder.fails(&["health", "--url", &health]);
    assert!(refused.starts_with("exit 1") && refused.contains("--admin-listen"), "{refused}");
    let wrong = folder.fails(&["health", "--url", "127.0.0.1"]);
    assert!(wrong.starts_with("exit 2") && wrong.contains("http://127.0.0.1:9711/healthz"), "{wrong}");
    let wrong = folder.fails(&["health", "--url", "http://127.0.0.1:99999/healthz"]);
    assert!(wrong.starts_with("exit 2") && wrong.contains("port"), "{wrong}");
}

#[test]
fn health_notices_that_the_store_is_gone() {
    let folder = Folder::new();
    let mut server = Server::start_with(&folder, &["--admin-listen", "127.0.0.1:0"]);
    let (admin, _said) = admin_of(server.child.stderr.take().unwrap());
    let health = format!("{admin}/healthz");
    folder.ok(&["health", "--url", &health]);
    std::fs::rename(folder.path().join(".cfstore"), folder.path().join("moved")).unwrap();
    let refused = folder.fails(&["health", "--url", &health]);
    assert!(refused.starts_with("exit 1") && refused.contains("answered 503: cannot find"), "{refused}");
}

#[test]
fn silent_connections_make_room_at_the_listener_of_health() {
    let folder = Folder::new();
    let mut server = Server::start_with(&folder, &["--admin-listen", "127.0.0.1:0"]);
    let (admin, _said) = admin_of(server.child.stderr.take().unwrap());
    let address = admin.strip_prefix("http://").unwrap();
    let _silent: Vec<_> = (0..100).map(|_| TcpStream::connect(address).unwrap()).collect();
    folder.ok(&["health", "--url", &format!("{admin}/healthz"), "--timeout", "5s"]);
}

#[cfg(target_os = "linux")]
#[test]
fn requests_are_answered_when_the_log_cannot_be_written() {
    let folder = Folder::new();
    let mut command = folder.command(&["serve", "--listen", "127.0.0.1:0", "-v"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut server = Process(command.stdout(Stdio::piped()).stderr(full).spawn().unwrap());
    let mut said = BufReader::new(server.0.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let endpoint = line.trim_end().split_once('=').unwrap().1;
    let (head, _) = http_get(&format!("{endpoint}/media/a"));
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
    server.terminate();
    server.succeeds();
}

#[test]
fn health_has_a_time_limit() {
    let folder = Folder::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/healthz", silent.local_addr().unwrap());
    let refused = folder.fails(&["health", "--url", &url, "--timeout", "100ms"]);
    assert!(refused.starts_with("exit 1") && refused.contains("did not answer within 100ms"), "{refused}");
}

#[test]
fn the_log_is_json_without_secrets() {
    let folder = Folder::new();
    folder.write("in", "hello");
    folder.ok(&["r2", "put", "in", "a key"]);
    // A port that nobody has, for the URL that is made first.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let variables = Server::start(&folder).variables.clone();
    let endpoint = format!("http://{address}");
    let mut presign = folder.command(&["r2", "presign", "a key"]);
    presign.envs(variables.iter().map(|(name, value)| (name, value))).env("R2_ENDPOINT", &endpoint);
    let url = String::from_utf8(presign.output().unwrap().stdout).unwrap();
    let args = ["serve", "--listen", &address, "--admin-listen", "127.0.0.1:0", "--log-format", "json", "-v"];
    let mut command = folder.command(&args);
    let mut server = Process(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let (_, said) = admin_of(server.0.stderr.take().unwrap());
    let (head, body) = http_get(url.trim_end());
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(body, b"hello");
    server.terminate();
    server.succeeds();

    let mut printed = String::new();
    server.0.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!(printed, "", "stdout may be a log, too");
    let lines: Vec<String> = said.lines().map(Result::unwrap).collect();
    let objects: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let request = objects.iter().find(|object| object["message"] == "request").unwrap();
    assert_eq!(request["method"], "GET");
    assert_eq!(request["protocol"], "r2");
    assert_eq!(request["operation"], "GetObject");
    assert_eq!(request["bucket"], "media");
    assert_eq!(request["path"], "/media/a%20key");
    assert_eq!(
        (&request["status"], &request["received"], &request["sent"]),
        (&200.into(), &0.into(), &5.into())
    );
    assert!(request["ms"].is_number() && request["id"].is_string(), "{request}");
    assert!(objects.iter().all(|object| object["level"].is_string()));
    assert!(objects.iter().all(|object| object["timestamp"].as_str().unwrap().ends_with('Z')));
    assert!(objects.iter().any(|object| object["message"] == "stopped"));
    let all = lines.concat();
    let secrets = ["R2_SECRET_ACCESS_KEY", "CLOUDFLARE_API_TOKEN"];
    for (name, value) in variables.iter().filter(|(name, _)| secrets.contains(&name.as_str())) {
        assert!(!all.contains(value), "{name} is in the log");
    }
    assert!(!all.contains("X-Amz-Signature"), "{all}");
}

/// A server at this socket, as systemd starts one, with its variables.
fn at_socket(folder: &Folder, socket: &TcpListener) -> (Process, Vec<(String, String)>) {
    // The shell has its process id, which becomes the server's.
    let script = r#"export LISTEN_PID=$$; exec "$@" 3<&0 0</dev/null"#;
    let mut child = Command::new("/bin/sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_cfstore"), "serve"])
        .env_clear()
        .env("LISTEN_FDS", "1")
        .current_dir(folder.path())
        .stdin(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().take(9);
    let variables = lines.map(|line| {
        let line = line.unwrap();
        let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    });
    let variables = variables.collect();
    (Process(child), variables)
}

#[test]
fn a_restart_at_a_socket_that_stays_refuses_and_fails_no_request() {
    let folder = Folder::new();
    folder.write("in", content(100_000, 0));
    folder.ok(&["r2", "put", "in", "a"]);
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let (mut server, variables) = at_socket(&folder, &socket);
    assert_eq!(variables[0].1, format!("http://{address}"));
    let mut presign = folder.command(&["r2", "presign", "a"]);
    presign.envs(variables.iter().map(|(name, value)| (name, value)));
    let url = String::from_utf8(presign.output().unwrap().stdout).unwrap();
    let target = url.trim_end().strip_prefix(&format!("http://{address}")).unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");

    // Nobody tries anything again.
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            let (address, request) = (address.clone(), request.clone());
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let mut stream =
                        TcpStream::connect(&address).map_err(|error| format!("refused: {error}"))?;
                    stream.set_read_timeout(Some(PATIENCE)).unwrap();
                    let mut answer = Vec::new();
                    stream
                        .write_all(request.as_bytes())
                        .and_then(|()| stream.read_to_end(&mut answer))
                        .map_err(|error| format!("failed: {error}"))?;
                    if !answer.starts_with(b"HTTP/1.1 200") || answer.len() < 100_000 {
                        return Err(format!("{} bytes: {}", answer.len(), String::from_utf8_lossy(&answer)));
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })
        })
        .collect();
    let more = |than: usize| {
        let begun = Instant::now();
        while answered.load(Ordering::Relaxed) < than + 20 && begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(5));
        }
    };
    for restart in 0..4 {
        more(answered.load(Ordering::Relaxed));
        let next = if restart % 2 == 0 {
            // As systemd restarts: the next begins when this one has ended.
            server.terminate();
            server.succeeds();
            at_socket(&folder, &socket).0
        } else {
            let next = at_socket(&folder, &socket).0;
            server.terminate();
            server.succeeds();
            next
        };
        server = next;
        more(answered.load(Ordering::Relaxed));
    }
    stop.store(true, Ordering::Relaxed);
    let failed: Vec<String> = clients.into_iter().filter_map(|client| client.join().unwrap().err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(answered.load(Ordering::Relaxed) >= 160);
    server.terminate();
    server.succeeds();
}

/// Asks for a large object, and takes the beginning of the answer.
fn slow_reader(server: &Server, folder: &Folder) -> TcpStream {
    let url = server.ok(folder, &["r2", "presign", "large"]);
    let (host, target) = url.trim_end().strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 1000]).unwrap();
    stream
}

#[test]
fn requests_under_way_are_finished_and_health_says_that_it_stops() {
    let folder = Folder::new();
    let size = 32 * 1024 * 1024;
    folder.write("in", content(size, 0));
    folder.ok(&["r2", "put", "in", "large"]);
    let mut server =
        Server::start_with(&folder, &["--admin-listen", "127.0.0.1:0", "--grace-period", "1min"]);
    let (admin, _said) = admin_of(server.child.stderr.take().unwrap());
    let mut stream = slow_reader(&server, &folder);
    assert!(metric(&admin, "cfstore_requests_in_flight") >= 1.0);
    let main = server.variable("R2_ENDPOINT").strip_prefix("http://").unwrap().to_owned();
    assert!(Command::new("kill").arg(server.child.id().to_string()).status().unwrap().success());
    let begun = Instant::now();
    loop {
        let health = failure(&folder.run(&["health", "--url", &format!("{admin}/healthz")]));
        if health.contains("answered 503: the server is stopping") {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{health}");
    }
    let begun = Instant::now();
    while TcpStream::connect(&main).is_ok() {
        assert!(begun.elapsed() < PATIENCE, "it takes connections");
    }
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.len() + 1000 > size, "{}", rest.len());
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn a_request_that_does_not_end_is_given_the_grace_period() {
    let folder = Folder::new();
    folder.write("in", content(32 * 1024 * 1024, 0));
    folder.ok(&["r2", "put", "in", "large"]);
    let mut server = Server::start_with(&folder, &["--grace-period", "300ms"]);
    let _stream = slow_reader(&server, &folder);
    let begun = Instant::now();
    assert!(Command::new("kill").arg(server.child.id().to_string()).status().unwrap().success());
    assert!(server.child.wait().unwrap().success());
    let lasted = begun.elapsed();
    assert!((Duration::from_millis(300)..Duration::from_secs(8)).contains(&lasted), "{lasted:?}");
}

#[test]
fn a_service_manager_is_told_when_it_is_ready_and_when_it_stops() {
    let folder = Folder::new();
    let socket = folder.path().join("notify");
    let told = UnixDatagram::bind(&socket).unwrap();
    told.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = folder.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", &socket).stdout(Stdio::null()).stderr(Stdio::null());
    let mut server = Process(command.spawn().unwrap());
    let hear = || {
        let mut message = [0; 100];
        let length = told.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    assert_eq!(hear(), "READY=1\n");
    server.terminate();
    assert_eq!(hear(), "STOPPING=1\n");
    server.succeeds();
}

#[test]
fn what_is_no_socket_is_refused_before_a_store_is_made() {
    let folder = Folder::new();
    for (count, why) in [("3", "LISTEN_FDS passes 3 sockets"), ("1", "cannot use socket 0 of LISTEN_FDS")] {
        let script = r#"export LISTEN_PID=$$; exec "$@" 3</dev/null"#;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_cfstore"), "serve"]).env_clear();
        let refused = command.env("LISTEN_FDS", count).current_dir(folder.path()).output().unwrap();
        let refused = failure(&refused);
        assert!(refused.starts_with("exit 2") && refused.contains(why), "{refused}");
    }
    assert!(!folder.path().join(".cfstore").exists());
}

#[test]
fn secrets_of_addresses_are_not_shown() {
    let folder = Folder::new();
    let refused = folder.fails(&["health", "--url", "http://me:hunter2@127.0.0.1:1/healthz"]);
    assert!(refused.starts_with("exit 2") && !refused.contains("hunter2"), "{refused}");
    let unhealthy = folder.fails(&["health", "--url", "http://127.0.0.1:1/healthz?token=hunter3"]);
    assert!(unhealthy.starts_with("exit 1") && !unhealthy.contains("hunter3"), "{unhealthy}");
}
