//! Delivery of events about the objects of a store, one after the other, like a queue.

mod command;
mod file;
mod webhook;

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::str::FromStr;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use cloudflare_clients::R2Events;
use cloudflare_clients::http::Uri;
use cloudflare_clients::r2::R2Event;
use futures_util::StreamExt as _;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::time::sleep;

use self::command::Command;
use self::file::File;
use self::webhook::Webhook;
use crate::error::{Error, Result};
use crate::http_url::has_wrong_port;
use crate::printer::{Key, Printer};

/// Maximum number of attempts to deliver an event: one and three retries, as in Cloudflare Queues.
const ATTEMPTS: u32 = 4;

/// Delay after the first attempt. It grows by the same amount with each further one.
const PAUSE: Duration = Duration::from_millis(500);

/// Interval at which the counts are updated during a delivery.
const READ_EVERY: Duration = Duration::from_secs(1);

/// Destination of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EventTarget {
    File(PathBuf),
    /// A command line for the shell.
    Command(String),
    Webhook(String),
}

impl FromStr for EventTarget {
    type Err = Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Infallible> {
        Ok(match text.strip_prefix("command:") {
            Some(command) => Self::Command(command.trim().to_owned()),
            None if text.starts_with("http://") || text.starts_with("https://") => {
                Self::Webhook(text.to_owned())
            }
            None => Self::File(text.into()),
        })
    }
}

impl fmt::Display for EventTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file {}", path.display()),
            // Arguments may be secrets.
            Self::Command(command) => {
                write!(f, "the command {}", Key(command.split_whitespace().next().unwrap_or_default()))
            }
            // The query and the user info may be secrets.
            Self::Webhook(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or_default();
                let shown = rest.split('?').next().unwrap_or_default();
                let (host, path) = shown.split_at(shown.find('/').unwrap_or(shown.len()));
                let host = host.rsplit('@').next().unwrap_or_default();
                write!(f, "{}", Key(&format!("{scheme}://{host}{path}")))
            }
        }
    }
}

impl EventTarget {
    /// Refuses an invalid target before the store in the folder `data` is created.
    pub(crate) fn check(&self, data: &Path) -> Result<()> {
        match self {
            Self::File(path) if path.as_os_str().is_empty() || path.to_string_lossy().contains("://") => Err(
                usage(format!("--events {:?} is neither a file nor an HTTP URL", path.display().to_string())),
            ),
            Self::File(path) => match path.parent() {
                Some(folder)
                    if !folder.as_os_str().is_empty() && !folder.is_dir() && !folder.starts_with(data) =>
                {
                    Err(usage(format!(
                        "cannot write --events \"{}\": the folder \"{}\" does not exist",
                        path.display(),
                        folder.display()
                    )))
                }
                _ => Ok(()),
            },
            Self::Command(command) if command.is_empty() => {
                Err(usage("--events command: has no command line".to_owned()))
            }
            Self::Command(_) => Ok(()),
            Self::Webhook(url) => http_url(url).map(drop),
        }
    }
}

/// Parses the URL of a server. Errors do not repeat it: it may hold a secret.
fn http_url(url: &str) -> Result<Uri> {
    let url: Uri = url.parse().map_err(|error| usage(format!("--events is not a valid URL: {error}")))?;
    match url.host() {
        None | Some("") => Err(usage("--events has a URL without a host".to_owned())),
        _ if has_wrong_port(&url) => {
            Err(usage("the port of the URL in --events is not 1 to 65535".to_owned()))
        }
        Some(_) => Ok(url),
    }
}

fn usage(message: String) -> Error {
    Error::usage(message, "give --events a file, an http:// or https:// URL, or command: and a command line")
}

/// Counts of events. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventCounts {
    delivered: Counter,
    failed: Counter,
    dropped: Counter,
    waiting: Gauge<u64, AtomicU64>,
}

impl EventCounts {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let events = registry.sub_registry_with_prefix("events");
        events.register("delivered", "Delivered events", self.delivered.clone());
        events.register("failed", "Events that were lost after all attempts", self.failed.clone());
        let help = "Events that were dropped because too many waited";
        events.register("dropped", help, self.dropped.clone());
        events.register("waiting", "Events that are not delivered yet", self.waiting.clone());
    }

    /// Keeps the counts current while an event is delivered.
    async fn read_during<T>(&self, events: &R2Events, delivery: impl Future<Output = T>) -> T {
        let mut delivery = pin!(delivery);
        loop {
            self.read(events, 1);
            tokio::select! {
                delivered = &mut delivery => return delivered,
                () = sleep(READ_EVERY) => {}
            }
        }
    }

    /// Number of events that are not delivered yet.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.get()
    }

    fn read(&self, events: &R2Events, in_delivery: u64) {
        self.waiting.set(events.waiting() as u64 + in_delivery);
        self.dropped.inc_by(events.dropped().saturating_sub(self.dropped.get()));
    }
}

/// Open destination of events.
pub(crate) enum Delivery {
    File(File),
    Command(Command),
    Webhook(Webhook),
}

impl Delivery {
    /// Opens a [checked](EventTarget::check) target. Creates the file if needed.
    pub(crate) async fn open(target: &EventTarget) -> Result<Self> {
        Ok(match target {
            EventTarget::File(path) => Self::File(File::open(path).await?),
            EventTarget::Command(command) => Self::Command(Command::new(command)),
            EventTarget::Webhook(url) => Self::Webhook(Webhook::new(http_url(url)?)?),
        })
    }

    /// Delivers all events until the store is closed.
    pub(crate) async fn run(mut self, mut events: R2Events, printer: Printer, counts: EventCounts) {
        while let Some(event) = events.next().await {
            let mut pause = PAUSE;
            for attempt in 1..=ATTEMPTS {
                let Err(problem) = counts.read_during(&events, self.deliver(&event)).await else {
                    counts.delivered.inc();
                    break;
                };
                if attempt < ATTEMPTS {
                    tracing::info!(attempt, "retrying an event: {problem}");
                    sleep(pause).await;
                    pause += PAUSE;
                    continue;
                }
                counts.failed.inc();
                printer.warning(format_args!(
                    "lost the event {} of {} after {ATTEMPTS} attempts: {problem}",
                    event.action.as_str(),
                    Key(&event.object.key)
                ));
            }
            counts.read(&events, 0);
        }
    }

    async fn deliver(&mut self, event: &R2Event) -> std::result::Result<(), String> {
        let json = serde_json::to_string(event).map_err(|error| error.to_string())?;
        match self {
            Self::File(file) => file.append(&json).await,
            Self::Command(command) => command.run(&json).await,
            Self::Webhook(webhook) => webhook.post(json).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_file_a_command_or_a_url() {
        for (text, expected, shown) in [
            ("a.jsonl", EventTarget::File("a.jsonl".into()), "the file a.jsonl"),
            ("command: jq .", EventTarget::Command("jq .".into()), "the command jq"),
            ("http://a/b?key=1", EventTarget::Webhook("http://a/b?key=1".into()), "http://a/b"),
            (
                "https://user:word@a:1/b@c",
                EventTarget::Webhook("https://user:word@a:1/b@c".into()),
                "https://a:1/b@c",
            ),
        ] {
            let target: EventTarget = text.parse().unwrap();
            assert_eq!((target.to_string().as_str(), &target), (shown, &expected));
        }
    }
}
