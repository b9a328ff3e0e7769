//! `cfstore demo`: a tour of R2 on this machine, with each step checked.

mod delays;
mod package;
mod player;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use cloudflare_clients::r2::{CorsPolicy, CorsRule, R2Service, R2SigningClient, SignedUrl};
use cloudflare_clients::{LocalBucket, LocalStore, S3Bucket};
use cloudflare_emulator::{Credentials, Faults, Server};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use http::{Method, StatusCode};
use indicatif::BinaryBytes;
use serde_json::json;
use tokio::sync::oneshot;

use self::delays::RecordDelays;
use self::package::{CONCURRENCY, FILES, MASTER, POSTER, PREVIEW};
use self::player::Player;
use crate::bucket_location::{LOCAL_BUCKET, signing_config};
use crate::cli::Demo as Args;
use crate::content_type;
use crate::error::{Error, ExitStatus, Result};
use crate::playlists::{self, Signing};
use crate::printer::{BOLD, DIM, GREEN, Printer, RED, count};
use crate::shutdown;
use crate::variables::{R2_ACCESS_KEY_ID, R2_BUCKET_MEDIA, R2_ENDPOINT, R2_SECRET_ACCESS_KEY};

/// Prefix of the package.
const PREFIX: &str = "creator-123/hls/media-456/";
/// Origin of a page that plays the film.
const PAGE: &str = "https://app.example.com";
/// Prefix of the signed playlists.
const SIGNED: &str = "creator-123/play/media-456/";
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Result of a step, or why it failed.
type StepResult = Result<String, String>;

struct Demo {
    endpoint: String,
    credentials: Credentials,
    r2: R2Service,
    signing: R2SigningClient,
    player: Player,
    faults: Faults,
    delays: RecordDelays,
}

pub(crate) async fn run(args: &Args, printer: Printer) -> Result<ExitStatus> {
    let started = Instant::now();
    let folder = tempfile::tempdir()
        .map_err(|error| Error::Local(format!("cannot create a temporary folder: {error}")))?;
    let store = LocalStore::open(folder.path()).await?;
    LocalBucket::open_in(&store, LOCAL_BUCKET).await?;
    let credentials = Credentials::load_or_create(folder.path())?;
    let server = Server::bind(store, credentials.clone(), ([127, 0, 0, 1], 0).into()).await?;
    let demo = Demo::new(&server, credentials)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(server.run(stopped.map(drop)));

    let mut report = Report { printer, held: 0 };
    let outcome = shutdown::unless_requested(demo.show(&mut report, started, args.keep)).await;
    // The folder is removed last, when the server has stopped using it.
    drop(stop);
    server.await.map_err(|error| Error::Local(format!("the server failed: {error}")))?;
    match outcome {
        // Ctrl-C is the normal end with --keep.
        Err(Error::Interrupted) if args.keep && report.held == STEPS => Ok(ExitStatus::Success),
        outcome => outcome,
    }
}

/// Number of steps.
const STEPS: usize = 9;

impl Demo {
    fn new(server: &Server, credentials: Credentials) -> Result<Self> {
        let endpoint = server.endpoint();
        let config = signing_config(&endpoint, &credentials, LOCAL_BUCKET);
        let signing = R2SigningClient::new(config.clone())?;
        let delays = RecordDelays::default();
        let bucket = Arc::new(S3Bucket::new(config)?);
        Ok(Self {
            endpoint,
            credentials,
            r2: R2Service::new(bucket).with_runtime(delays.clone()).with_signing(signing.clone()),
            signing,
            player: Player::new(),
            faults: server.faults(),
            delays,
        })
    }

    /// Runs the steps until one fails, and prints their results.
    async fn show(&self, report: &mut Report, started: Instant, keep: bool) -> Result<ExitStatus> {
        let printer = report.printer;
        printer.line(format_args!("\n{BOLD}R2 on this machine, from end to end{BOLD:#}\n"))?;
        let serves = format!("R2's S3 API at {}, over a temporary store", self.endpoint);
        let held = report.step("serve", started, Ok(serves))?
            && report.timed("put", self.put()).await?
            && report.timed("list", self.list()).await?
            && report.timed("fetch", self.fetch()).await?
            && report.timed("play", self.play()).await?
            && report.timed("page", self.page()).await?
            && report.timed("forge", self.forge()).await?
            && report.timed("expire", self.expire()).await?
            && report.timed("retry", self.retry()).await?;
        report.summary(held, started.elapsed())?;
        if !held {
            return Ok(ExitStatus::Failed);
        }
        if keep {
            self.print_urls(printer)?;
            std::future::pending::<()>().await;
        }
        print_next(printer)?;
        Ok(ExitStatus::Success)
    }

    /// Stores the package, and checks the metadata of one of its objects.
    async fn put(&self) -> StepResult {
        let puts = FILES.iter().map(|file| {
            let put = self
                .r2
                .put(key(file.path), file.bytes)
                .content_type(content_type_of(file.path))
                .cache_control(cache_control_of(file.path))
                .metadata("uploaded-by", "cfstore demo");
            async move { put.await }
        });
        stream::iter(puts)
            .buffer_unordered(CONCURRENCY)
            .try_collect::<Vec<_>>()
            .await
            .map_err(|error| error.to_string())?;

        let master = self.r2.head(key(MASTER)).await.map_err(|error| error.to_string())?;
        let master = master.ok_or("the master playlist is missing")?;
        let http = master.http_metadata.as_ref();
        check(
            master.content_type() == Some("application/vnd.apple.mpegurl")
                && http.and_then(|http| http.cache_control.as_deref()) == Some(cache_control_of(MASTER))
                && master.metadata("uploaded-by") == Some("cfstore demo"),
            "the master playlist has lost its metadata",
        )?;
        let bytes = FILES.iter().map(|file| file.bytes.len() as u64).sum();
        Ok(format!(
            "{} of an HLS package, {}, with content types, cache control and metadata",
            count(FILES.len() as u64, "file"),
            BinaryBytes(bytes)
        ))
    }

    /// Lists it as a directory.
    async fn list(&self) -> StepResult {
        let page = self.r2.list().prefix(PREFIX).delimiter("/").await;
        let page = page.map_err(|error| error.to_string())?;
        let names = page.objects.iter().map(|object| object.key.as_str());
        let found: BTreeSet<_> = names
            .chain(page.delimited_prefixes.iter().map(String::as_str))
            .filter_map(|name| name.strip_prefix(PREFIX))
            .collect();
        let expected: BTreeSet<_> =
            FILES.iter().filter_map(|file| file.path.split_inclusive('/').next()).collect();
        check(found == expected, &format!("{PREFIX} has {found:?} instead of {expected:?}"))?;
        let names: Vec<_> = found.into_iter().collect();
        Ok(format!("{PREFIX} has {}", names.join("  ")))
    }

    /// Fetches every file through a presigned URL.
    async fn fetch(&self) -> StepResult {
        let signing = Instant::now();
        let urls = FILES
            .iter()
            .map(|file| Ok((file, self.signing.generate_signed_url(&key(file.path), HOUR)?)))
            .collect::<cloudflare_clients::Result<Vec<_>>>()
            .map_err(|error| error.to_string())?;
        let signed = signing.elapsed();
        let fetches = urls.iter().map(|(file, url)| async move {
            let answer = self.player.fetch(url.as_str()).await?;
            check(
                answer.status == StatusCode::OK,
                &format!("the server answered {} with {}", file.path, answer.status),
            )?;
            check(answer.body == file.bytes, &format!("{} has different bytes", file.path))?;
            check(
                answer.content_type() == Some(content_type_of(file.path)),
                &format!("{} has a different content type", file.path),
            )
        });
        stream::iter(fetches).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
        let each = signed / u32::try_from(FILES.len()).unwrap_or(u32::MAX);
        Ok(format!(
            "{}, {} µs each to sign: every byte came back, without credentials",
            count(urls.len() as u64, "presigned URL"),
            each.as_micros(),
        ))
    }

    /// Plays the film like a player: from one URL, through the playlists, to every segment.
    async fn play(&self) -> StepResult {
        let signed = self.sign_film().await.map_err(|error| error.to_string())?;
        let url = self.film(0).map_err(|error| error.to_string())?;
        let played = self.player.play(url.as_str()).await?;
        check(played.playlists == signed, "a playlist was not read")?;
        let folder = format!("{}/{LOCAL_BUCKET}/{PREFIX}", self.endpoint);
        let mut found = BTreeSet::new();
        for (url, body) in &played.media {
            let path = url.split('?').next().and_then(|url| url.strip_prefix(&folder));
            let file = FILES.iter().find(|file| Some(file.path) == path);
            let file = file.ok_or_else(|| format!("{} is not a file of the package", path.unwrap_or(url)))?;
            check(body == file.bytes, &format!("{} has different bytes", file.path))?;
            found.insert(file.path);
        }
        let expected = FILES.iter().map(|file| file.path);
        let expected = expected.filter(|path| !is_playlist(path) && ![POSTER, PREVIEW].contains(path));
        check(found == expected.collect(), &format!("the player fetched {found:?}"))?;
        Ok(format!(
            "one URL leads to {} and {}: every byte came back",
            count(played.playlists as u64, "signed playlist"),
            count(found.len() as u64, "media file"),
        ))
    }

    /// Signs and stores the film's playlists, and returns their number.
    async fn sign_film(&self) -> Result<usize> {
        let signing = Signing::new(DAY, "creator-123/");
        let master = key(MASTER);
        let url_of = |number, _: &str| Ok(self.film(number)?.into_string());
        let playlists = signing.sign(&self.r2, &master, Some(url_of)).await?;
        for (number, playlist) in playlists.iter().enumerate() {
            let put = self.r2.put(signed_key(number), playlist.as_str().to_owned());
            put.content_type(content_type_of(MASTER)).cache_control("no-store").await?;
        }
        Ok(playlists.len())
    }

    /// Returns the URL of one of the film's signed playlists. Players start at the first.
    fn film(&self, number: usize) -> cloudflare_clients::Result<SignedUrl> {
        self.signing.generate_signed_url(&signed_key(number), DAY)
    }

    /// Changes one character of a signature.
    async fn forge(&self) -> StepResult {
        let url = self.signing.generate_signed_url(&key(MASTER), HOUR);
        let mut url = url.map_err(|error| error.to_string())?.into_string();
        let changed = if url.ends_with('0') { '1' } else { '0' };
        url.pop();
        url.push(changed);
        let refused = self.refused(&url, "SignatureDoesNotMatch").await?;
        Ok(format!("a URL with one changed character is refused: {refused}"))
    }

    /// Sends the preflight of a page that plays the film, first without a CORS rule, then with one.
    async fn page(&self) -> StepResult {
        let url = self.film(0).map_err(|error| error.to_string())?;
        let refused = self.player.preflight(url.as_str(), PAGE).await?;
        check(
            refused.status == StatusCode::FORBIDDEN,
            &format!("a page was allowed without a rule: {}", refused.status),
        )?;
        let rule =
            CorsRule::new(["*"], [Method::GET, Method::HEAD]).allow_headers(["range"]).max_age_seconds(3600);
        self.r2.set_cors(CorsPolicy::new([rule])).await.map_err(|error| error.to_string())?;
        let allowed = self.player.preflight(url.as_str(), PAGE).await?;
        check(
            allowed.status == StatusCode::NO_CONTENT && allowed.allowed_origin() == Some("*"),
            &format!("a page was refused despite a rule: {}", allowed.status),
        )?;
        Ok(format!("a page of {PAGE} is refused, and allowed once the bucket has a CORS rule"))
    }

    /// Uses an expired URL.
    async fn expire(&self) -> StepResult {
        let yesterday = SystemTime::now() - DAY;
        let url = self
            .signing
            .at(yesterday)
            .generate_signed_url(&key(MASTER), HOUR)
            .map_err(|error| error.to_string())?;
        let refused = self.refused(url.as_str(), "ExpiredRequest").await?;
        Ok(format!("a URL that expired yesterday is refused: {refused}"))
    }

    async fn refused(&self, url: &str, code: &str) -> StepResult {
        let answer = self.player.fetch(url).await?;
        let found = answer.error_code().unwrap_or("no code");
        let refused = format!("{} {found}", answer.status.as_u16());
        check(
            answer.status == StatusCode::FORBIDDEN && found == code,
            &format!("the server answered {refused} instead of 403 {code}"),
        )?;
        Ok(refused)
    }

    /// Reads an object while the server fails twice.
    async fn retry(&self) -> StepResult {
        self.delays.take();
        self.faults.fail_next(2, StatusCode::SERVICE_UNAVAILABLE);
        let read = async {
            match self.r2.get(key(MASTER)).await? {
                Some(object) => object.bytes().await.map(Some),
                None => Ok(None),
            }
        };
        let read = read.await.map_err(|error: cloudflare_clients::Error| error.to_string())?;
        let expected = FILES.iter().find(|file| file.path == MASTER).map(|file| file.bytes);
        check(read.as_deref() == expected, "the playlist has different bytes")?;
        let delays = self.delays.take();
        let [first, second] = delays[..] else {
            return Err(format!("there were {} retries instead of 2", delays.len()));
        };
        Ok(format!("503, after {} 503 again, after {} 200", milliseconds(first), milliseconds(second)))
    }

    /// Prints what to try with the running server.
    fn print_urls(&self, printer: Printer) -> Result<()> {
        let film = self.film(0)?;
        let preview = self.signing.generate_signed_url(&key(PREVIEW), DAY)?;
        printer.json(&json!({ "endpoint": self.endpoint, "film": film, "preview": preview }))?;
        printer.line(format_args!(
            "{BOLD}Play the film (mpv, VLC, Chrome and Safari take the URL too):{BOLD:#}\n\n  \
             ffplay '{}'\n\n\
             {BOLD}Open it as one file in any browser:{BOLD:#}\n\n  {}\n\n\
             {BOLD}Work with the same objects in another terminal:{BOLD:#}\n\n  \
             export {R2_ENDPOINT}={} {R2_BUCKET_MEDIA}={LOCAL_BUCKET}\n  \
             export {R2_ACCESS_KEY_ID}={} {R2_SECRET_ACCESS_KEY}={}\n  \
             {} r2 ls --tree\n\nPress Ctrl-C to stop.",
            film.as_str(),
            preview.as_str(),
            self.endpoint,
            self.credentials.access_key_id(),
            self.credentials.secret_access_key(),
            program(),
        ))
    }
}

struct Report {
    printer: Printer,
    held: usize,
}

impl Report {
    async fn timed(&mut self, name: &str, step: impl Future<Output = StepResult>) -> Result<bool> {
        let started = Instant::now();
        let outcome = step.await;
        self.step(name, started, outcome)
    }

    /// Prints a step, and returns whether it succeeded.
    fn step(&mut self, name: &str, started: Instant, outcome: StepResult) -> Result<bool> {
        let took = started.elapsed();
        let held = outcome.is_ok();
        self.held += usize::from(held);
        let (mark, style) = if held { ("✓", GREEN) } else { ("✗", RED) };
        let detail = outcome.unwrap_or_else(|why| why);
        self.printer.result(
            format_args!(
                "  {style}{mark}{style:#} {BOLD}{name:<7}{BOLD:#} {DIM}{:>7}{DIM:#}  {detail}",
                milliseconds(took)
            ),
            &json!({ "step": name, "ok": held, "milliseconds": took.as_secs_f64() * 1e3, "detail": detail }),
        )?;
        Ok(held)
    }

    fn summary(&self, held: bool, took: Duration) -> Result<()> {
        let seconds = took.as_secs_f64();
        let line = if held {
            format!("\n{GREEN}All {STEPS} steps succeeded{GREEN:#} in {seconds:.2} s.\n")
        } else {
            format!("\n{RED}Step {} of {STEPS} failed{RED:#} after {seconds:.2} s.\n", self.held + 1)
        };
        self.printer
            .result(line, &json!({ "ok": held, "steps": STEPS, "held": self.held, "seconds": seconds }))
    }
}

fn print_next(printer: Printer) -> Result<()> {
    let program = program();
    let width = program.len() + 38;
    printer.line(format_args!("{BOLD}Next:{BOLD:#}\n"))?;
    for (input, command, why) in [
        ("", "demo --keep", "serve URLs for a player or browser until Ctrl-C"),
        ("echo hello | ", "r2 put - notes/hello.txt", "store an object in .cfstore/"),
        ("", "r2 ls --tree", "list the objects"),
        ("", "serve", "serve them through R2's S3 API, for any S3 client"),
        ("", "--help", "the variables that make all of this work on R2"),
    ] {
        let command = format!("{input}{program} {command}");
        printer.line(format_args!("  {command:<width$}  {DIM}{why}{DIM:#}"))?;
    }
    printer.line("")
}

/// Returns the name by which the program was called.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "cfstore".to_owned())
}

fn key(path: &str) -> String {
    format!("{PREFIX}{path}")
}

fn signed_key(number: usize) -> String {
    format!("{SIGNED}{}", playlists::file_name("master", number, "m3u8"))
}

fn content_type_of(path: &str) -> &'static str {
    content_type::guess(&[Path::new(path)])
}

/// Segments never change; playlists may.
fn cache_control_of(path: &str) -> &'static str {
    if is_playlist(path) { "public, max-age=60" } else { "public, max-age=31536000, immutable" }
}

fn is_playlist(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "m3u8")
}

fn milliseconds(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}

fn check(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}
