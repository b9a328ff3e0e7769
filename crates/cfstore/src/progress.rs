//! Progress bars: on stderr, on a terminal, and for people only.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::printer::{Key, Printer};

const KNOWN: &str = "{msg} {bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}";
const UNKNOWN: &str = "{msg} {spinner} {binary_bytes} {binary_bytes_per_sec}";

/// How far a transfer is.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar for these bytes, or a counter where nobody knows how many they are.
    pub(crate) fn new(printer: Printer, name: &str, total: Option<u64>) -> Self {
        if printer.is_json() || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let template = if total.is_some() { KNOWN } else { UNKNOWN };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self(bar.with_style(style).with_message(Key(name).to_string()))
    }

    /// The bytes transferred so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.position()
    }

    /// Something that says how many bytes are done, of how many.
    pub(crate) fn position(&self) -> impl Fn(u64, u64) + Send + Sync + 'static {
        let bar = self.0.clone();
        move |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        }
    }

    /// Something for `Body::on_progress`. Several may report to one bar; what is sent again counts once.
    pub(crate) fn reporter(&self) -> impl Fn(u64, Option<u64>) + Send + Sync + 'static {
        let bar = self.0.clone();
        let before = AtomicU64::new(0);
        move |done, _| {
            let before = before.swap(done, Ordering::Relaxed);
            match done.checked_sub(before) {
                Some(more) => bar.inc(more),
                None => bar.dec(before - done),
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
