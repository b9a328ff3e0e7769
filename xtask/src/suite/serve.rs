//! The packaged files for `cfstore serve` as a service, in the programs that they are for: Prometheus and
//! systemd.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::{read, run};
use crate::context::Context;
use crate::install;
use crate::local_server::LocalServer;
use crate::report::{Stop, Tally};
use crate::server::Server;

const DASHBOARD: &str = "packaging/grafana/cfstore.json";
const SCRAPED: &str = "packaging/prometheus/prometheus.yml";
/// The values that Grafana gives to its variables.
const VARIABLES: [(&str, &str); 2] = [("$__rate_interval", "20s"), ("$instance", ".*")];
/// Time until Prometheus has seen enough traffic to answer each query.
const TRAFFIC: Duration = Duration::from_secs(40);
/// Maximum exposure level that systemd may report for the unit, from 0 to 100.
const EXPOSURE: &str = "--threshold=20";

/// Lets Debian's Prometheus scrape a server with some traffic, and evaluates the queries of each panel of the
/// dashboard.
pub(crate) fn metrics(context: &Context<'_>) -> Result<Tally, Stop> {
    install::system(context, "prometheus", "prometheus")?;
    install::system(context, "promtool", "prometheus")?;
    let workspace = context.workspace;
    run(workspace.command("promtool").args(["check", "config", SCRAPED]))?;

    let admin = free_address()?;
    let events = workspace.installed("scratch").join("metrics-events.jsonl").display().to_string();
    let faults = "503=10%,reset=5%,slow=2ms@20%";
    let server = LocalServer::start_with(
        context,
        "metrics",
        &["--admin-listen", &admin, "--events", &events, "--fault", faults],
    )?;
    let (_prometheus, address) = start_prometheus(context, &server.scratch, &admin)?;
    // A rate needs two scrapes, and requests in between.
    let mut unanswered = queries(&workspace.root.join(DASHBOARD))?;
    let queries = unanswered.len();
    let begun = Instant::now();
    let problems = loop {
        traffic(context, &server);
        let mut problems = Vec::new();
        for (panel, query) in std::mem::take(&mut unanswered) {
            if let Some(problem) = evaluate(context, &address, &query)? {
                problems.push(format!("{panel}: {query}: {problem}"));
                unanswered.push((panel, query));
            }
        }
        if problems.is_empty() || begun.elapsed() > TRAFFIC {
            break problems;
        }
    };
    let found = lint(context, &fetch(&admin, "/metrics")?)?;
    let problems: Vec<_> = problems.into_iter().chain(found).collect();
    for problem in &problems {
        println!("{problem}");
    }
    Ok(Tally { passed: queries + 1 - problems.len(), failed: problems.len(), ..Tally::default() })
}

/// Lets systemd verify the units, with the program that was built instead of the installed one.
pub(crate) fn systemd(context: &Context<'_>) -> Result<Tally, Stop> {
    install::system(context, "systemd-analyze", "systemd")?;
    let workspace = context.workspace;
    run(&mut workspace.cargo(["build", "--package", "cfstore"]))?;
    let (units, folder) =
        (workspace.root.join("packaging/systemd"), workspace.installed("scratch").join("systemd"));
    let failed = |error: std::io::Error| Stop::failed(&folder.display().to_string(), &error);
    fs::create_dir_all(&folder).map_err(failed)?;
    let (service, socket) = (folder.join("cfstore.service"), folder.join("cfstore.socket"));
    let unit = fs::read_to_string(units.join("cfstore.service")).map_err(failed)?;
    let program = workspace.target.join("debug/cfstore").display().to_string();
    fs::write(&service, unit.replace("/usr/bin/cfstore", &program)).map_err(failed)?;
    fs::copy(units.join("cfstore.socket"), &socket).map_err(failed)?;
    run(workspace.command("systemd-analyze").args(["verify", "--man=no"]).arg(&service).arg(&socket))?;
    let mut security = workspace.command("systemd-analyze");
    run(security.args(["security", "--no-pager", "--offline=true", EXPOSURE]).arg(&service))?;
    Ok(Tally { passed: 2, ..Tally::default() })
}

fn free_address() -> Result<String, Stop> {
    let failed = |error: std::io::Error| Stop::failed("a free port", &error);
    Ok(TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).map_err(failed)?.to_string())
}

/// Starts Prometheus with the packaged configuration, but a shorter interval, and the address of this server.
fn start_prometheus(context: &Context<'_>, scratch: &Path, admin: &str) -> Result<(Server, String), Stop> {
    let packaged = context.workspace.root.join(SCRAPED);
    let failed = |error: std::io::Error| Stop::failed(SCRAPED, &error);
    let config = fs::read_to_string(&packaged).map_err(failed)?;
    let rules = packaged.with_file_name("cfstore.rules.yml").display().to_string();
    let config = config
        .replace("scrape_interval: 15s", "scrape_interval: 500ms")
        .replace("127.0.0.1:9711", admin)
        .replace("cfstore.rules.yml", &rules);
    fs::write(scratch.join("prometheus.yml"), config).map_err(failed)?;
    let address = free_address()?;
    // It reports on stderr that it is ready.
    let mut prometheus = context.workspace.command("sh");
    prometheus.args(["-c", r#"exec prometheus "$@" 2>&1"#, "sh"]).current_dir(scratch).args([
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=prometheus",
        &format!("--web.listen-address={address}"),
    ]);
    let (server, ()) = Server::start(&mut prometheus, &scratch.join("prometheus.log"), |line| {
        line.contains("Server is ready to receive web requests").then_some(())
    })?;
    Ok((server, format!("http://{address}")))
}

/// Some requests to R2 and KV, some of which fail.
fn traffic(context: &Context<'_>, server: &LocalServer) {
    let dashboard = context.workspace.root.join(DASHBOARD).display().to_string();
    for arguments in [
        &["r2", "put", &dashboard, "a.json"][..],
        &["r2", "get", "a.json", "-"],
        &["r2", "ls"],
        &["r2", "head", "missing"],
        &["kv", "put", "k", "v"],
        &["kv", "get", "k"],
    ] {
        let mut command = context.workspace.command(&server.cfstore);
        command.args(arguments).envs(server.environment.iter().map(|(name, value)| (name, value)));
        // The server injects faults, so failures are expected.
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
    }
}

/// Returns the answer of the server.
fn fetch(address: &str, path: &str) -> Result<String, Stop> {
    let failed = |error: std::io::Error| Stop::failed(&format!("http://{address}{path}"), &error);
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer)).map_err(failed)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        _ => Err(Stop::Failed(format!(
            "http://{address}{path}: {}",
            answer.lines().next().unwrap_or_default()
        ))),
    }
}

/// Returns promtool's complaints about the metrics, if any.
fn lint(context: &Context<'_>, metrics: &str) -> Result<Option<String>, Stop> {
    let failed = |error: std::io::Error| Stop::failed("promtool check metrics", &error);
    let mut promtool = context.workspace.command("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = promtool.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(metrics.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    Ok((!output.status.success() || !said.trim().is_empty()).then(|| said.into_owned()))
}

/// The queries of each panel of the dashboard, with its title.
fn queries(dashboard: &Path) -> Result<Vec<(String, String)>, Stop> {
    let text = fs::read_to_string(dashboard).map_err(|error| Stop::failed(DASHBOARD, &error))?;
    let dashboard: Value =
        serde_json::from_str(&text).map_err(|error| Stop::Failed(format!("{DASHBOARD}: {error}")))?;
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().into_iter().flatten() {
        let title = panel["title"].as_str().unwrap_or_default();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().unwrap_or_default().to_owned();
            let query = VARIABLES.iter().fold(query, |query, (name, value)| query.replace(name, value));
            queries.push((title.to_owned(), query));
        }
    }
    if queries.is_empty() {
        return Err(Stop::Failed(format!("{DASHBOARD} has no queries")));
    }
    Ok(queries)
}

/// What is wrong with the answer to a query: an error, an empty result, or no number.
fn evaluate(context: &Context<'_>, address: &str, query: &str) -> Result<Option<String>, Stop> {
    let mut promtool = context.workspace.command("promtool");
    promtool.args(["query", "instant", "--format=json", address, query]);
    let answer = match read(&mut promtool) {
        Ok(answer) => answer,
        Err(Stop::Failed(problem)) => return Ok(Some(problem)),
        Err(skipped) => return Err(skipped),
    };
    let series: Vec<Value> = match serde_json::from_str(&answer) {
        Ok(series) => series,
        Err(error) => return Ok(Some(format!("{error}: {answer}"))),
    };
    let is_number = |series: &Value| {
        series["value"][1].as_str().is_some_and(|value| value.parse().is_ok_and(f64::is_finite))
    };
    if series.is_empty() {
        return Ok(Some("the result is empty".to_owned()));
    }
    Ok((!series.iter().any(is_number)).then(|| format!("no result is a number: {answer}")))
}
