//! Delivering what happens to the objects of a store, one event after the other, as a queue would.

mod command;
mod file;
mod webhook;

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use cloudflare_clients::R2Events;
use cloudflare_clients::http::Uri;
use cloudflare_clients::r2::R2Event;
use futures_util::StreamExt as _;
use tokio::time::sleep;

use self::command::Command;
use self::file::File;
use self::webhook::Webhook;
use crate::error::{Error, Result};
use crate::printer::{Key, Printer};

/// How often an event is tried that is not taken: once, and three times again, as Queues do.
const ATTEMPTS: u32 = 4;

/// How long the first attempt is waited after, and each further one as much longer.
const PAUSE: Duration = Duration::from_millis(500);

/// Where events go.
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
            Self::Command(command) => write!(f, "the command {}", Key(command)),
            // What is behind a question mark, or before an @, may be a secret.
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

/// What takes events.
pub(crate) enum Delivery {
    File(File),
    Command(Command),
    Webhook(Webhook),
}

impl Delivery {
    /// Checks the target, and makes the file.
    pub(crate) async fn open(target: &EventTarget) -> Result<Self> {
        let usage = |message: String| {
            Error::usage(
                message,
                "--events takes a file, an http:// or https:// URL, or command: and a command line",
            )
        };
        Ok(match target {
            EventTarget::File(path)
                if path.as_os_str().is_empty() || path.to_string_lossy().contains("://") =>
            {
                return Err(usage(format!(
                    "--events {:?} is neither a file nor an HTTP URL",
                    path.display().to_string()
                )));
            }
            EventTarget::File(path) => Self::File(File::open(path).await?),
            EventTarget::Command(command) if command.is_empty() => {
                return Err(usage("--events names no command".to_owned()));
            }
            EventTarget::Command(command) => Self::Command(Command::new(command)),
            EventTarget::Webhook(url) => {
                let uri: Uri =
                    url.parse().map_err(|error| usage(format!("--events names no URL: {error}")))?;
                Self::Webhook(Webhook::new(uri)?)
            }
        })
    }

    /// Delivers all events until the store is closed.
    pub(crate) async fn run(mut self, mut events: R2Events, printer: Printer) {
        while let Some(event) = events.next().await {
            let mut pause = PAUSE;
            for attempt in 1..=ATTEMPTS {
                let Err(problem) = self.deliver(&event).await else { break };
                if attempt < ATTEMPTS {
                    tracing::info!(attempt, "an event is tried again: {problem}");
                    sleep(pause).await;
                    pause += PAUSE;
                    continue;
                }
                printer.warning(format_args!(
                    "the event {} of {} is lost: {problem}",
                    event.action.as_str(),
                    Key(&event.object.key)
                ));
            }
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
            ("command: jq .", EventTarget::Command("jq .".into()), "the command jq ."),
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
