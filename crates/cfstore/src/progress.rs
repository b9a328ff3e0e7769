//! Progress of a transfer: one line on stderr, only on a terminal and not with JSON.

use std::fmt;
use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use console::{Term, measure_text_width};
use indicatif::{BinaryBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::printer::{Key, Printer};

/// Minimum width of a name, in columns. In less space it is left out.
const MIN_NAME: usize = 8;
/// Maximum width of a name, in columns.
const MAX_NAME: usize = 60;

/// Progress of a transfer of one file or many.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    shared: Arc<Shared>,
}

/// State of the line apart from bytes.
#[derive(Debug, Default)]
struct Shared {
    /// Number of known files, and of finished ones.
    files: Option<(AtomicU64, AtomicU64)>,
    failed: AtomicU64,
    retries: AtomicU64,
    /// The file or object that was started last.
    name: Mutex<String>,
}

impl Progress {
    /// Creates the progress of one file, whose size may be unknown.
    pub(crate) fn new(printer: Printer, name: &str, total: Option<u64>) -> Self {
        let progress = Self::with(printer, total, Shared::default());
        progress.name(name);
        progress
    }

    /// Creates the progress of many files, which are added by [`announce`](Self::announce).
    pub(crate) fn of_many(printer: Printer) -> Self {
        let files = Some((AtomicU64::new(0), AtomicU64::new(0)));
        Self::with(printer, Some(0), Shared { files, ..Shared::default() })
    }

    fn with(printer: Printer, total: Option<u64>, shared: Shared) -> Self {
        let shared = Arc::new(shared);
        if printer.is_json() || !std::io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden(), shared };
        }
        let shown = Arc::clone(&shared);
        let line = move |state: &ProgressState, line: &mut dyn fmt::Write| {
            let (_, width) = Term::stderr().size();
            let _ = line.write_str(&shown.line(state, width.into()));
        };
        let style = ProgressStyle::with_template("{line}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        Self { bar: bar.with_style(style.with_key("line", line)), shared }
    }

    /// Returns a callback for the number of finished bytes and the total.
    pub(crate) fn position(&self) -> impl Fn(u64, u64) + Send + Sync + 'static {
        let bar = self.bar.clone();
        move |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        }
    }

    /// Returns a callback for `Body::on_progress`. Several can report to one line; a retry counts once.
    pub(crate) fn reporter(&self) -> impl Fn(u64, Option<u64>) + Send + Sync + 'static {
        let add = self.adder();
        move |done, _| add(done)
    }

    /// Returns a callback for the `on_progress` of one of many files.
    pub(crate) fn file(&self, name: &str) -> impl Fn(u64, u64) + Send + Sync + 'static {
        self.name(name);
        let add = self.adder();
        move |done, _| add(done)
    }

    fn adder(&self) -> impl Fn(u64) + Send + Sync + 'static {
        let (bar, before) = (self.bar.clone(), AtomicU64::new(0));
        move |done| {
            let before = before.swap(done, Ordering::Relaxed);
            match done.checked_sub(before) {
                Some(more) => bar.inc(more),
                None => bar.dec(before - done),
            }
        }
    }

    /// Changes the number of finished bytes from `before` to `now`.
    pub(crate) fn transferred(&self, before: u64, now: u64) {
        match now.checked_sub(before) {
            Some(0) => {}
            Some(more) => self.bar.inc(more),
            None => self.bar.dec(before - now),
        }
    }

    /// Adds files to transfer, with their total size in bytes.
    pub(crate) fn announce(&self, files: u64, bytes: u64) {
        if let Some((all, _)) = &self.shared.files {
            all.fetch_add(files, Ordering::Relaxed);
        }
        self.bar.inc_length(bytes);
    }

    /// Counts one file as finished.
    pub(crate) fn finished(&self) {
        if let Some((_, done)) = &self.shared.files {
            done.fetch_add(1, Ordering::Relaxed);
        }
        self.bar.tick();
    }

    /// Counts one file as failed.
    pub(crate) fn failed(&self) {
        self.shared.failed.fetch_add(1, Ordering::Relaxed);
        self.finished();
    }

    /// Returns a callback for `R2Service::on_retry`.
    pub(crate) fn retries(&self) -> impl Fn(&cloudflare_clients::Error) + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move |_| {
            shared.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the number of retries.
    pub(crate) fn retried(&self) -> u64 {
        self.shared.retries.load(Ordering::Relaxed)
    }

    /// Hides the line while `print` runs.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Removes the line.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn name(&self, name: &str) {
        *self.shared.name.lock().unwrap_or_else(PoisonError::into_inner) = Key(name).to_string();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Shared {
    fn line(&self, state: &ProgressState, width: usize) -> String {
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let view = View {
            name: &self.name.lock().unwrap_or_else(PoisonError::into_inner),
            files: self.files.as_ref().map(|(all, done)| (number(all), number(done))),
            bytes: state.pos(),
            total: state.len().filter(|total| *total > 0),
            per_second: state.per_sec(),
            left: state.eta(),
            failed: number(&self.failed),
            retries: number(&self.retries),
        };
        view.line(width)
    }
}

/// The values of the line.
#[derive(Debug, Default)]
struct View<'a> {
    name: &'a str,
    /// Number of all files, and of finished ones.
    files: Option<(u64, u64)>,
    bytes: u64,
    total: Option<u64>,
    per_second: f64,
    left: Duration,
    failed: u64,
    retries: u64,
}

impl View<'_> {
    /// Returns the line, shorter than the width of the terminal.
    fn line(&self, width: usize) -> String {
        let room = width.saturating_sub(1);
        let mut facts = self.facts();
        while facts.len() > 1 && measure_text_width(&facts.join("  ")) > room {
            facts.pop();
        }
        let line = facts.join("  ");
        let left = room.saturating_sub(measure_text_width(&line) + 2);
        if left < MIN_NAME || self.name.is_empty() {
            return line;
        }
        format!("{line}  {}", shortened(self.name, left.min(MAX_NAME)))
    }

    /// Returns the parts of the line, most important first.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes a second, for people")]
    fn facts(&self) -> Vec<String> {
        let mut facts = Vec::new();
        match self.total {
            Some(total) => {
                let percent = u128::from(self.bytes.min(total)) * 100 / u128::from(total);
                facts.push(format!("{percent:3}%"));
                facts.push(format!("{}/{}", BinaryBytes(self.bytes), BinaryBytes(total)));
            }
            None => facts.push(BinaryBytes(self.bytes).to_string()),
        }
        if let Some((all, done)) = self.files {
            facts.push(format!("{}/{} files", HumanCount(done), HumanCount(all)));
        }
        facts.push(format!("{}/s", BinaryBytes(self.per_second as u64)));
        let left = self.left.as_secs();
        if self.total.is_some() && left > 0 {
            // Above an hour, show minutes only.
            let left = if left < 3600 { left } else { left / 60 * 60 };
            facts.push(format!("{} left", humantime::format_duration(Duration::from_secs(left))));
        }
        if self.failed > 0 {
            facts.push(format!("{} failed", HumanCount(self.failed)));
        }
        match self.retries {
            0 => {}
            1 => facts.push("1 retry".to_owned()),
            retries => facts.push(format!("{} retries", HumanCount(retries))),
        }
        facts
    }
}

/// Shortens a name in its middle if it is wider than `width` columns.
fn shortened(name: &str, width: usize) -> String {
    if measure_text_width(name) <= width {
        return name.to_owned();
    }
    let half = width.saturating_sub(1) / 2;
    let fitting = |chars: &mut dyn Iterator<Item = char>| {
        let mut taken = 0;
        let fits = |c: &char| {
            taken += measure_text_width(c.encode_utf8(&mut [0; 4]));
            taken <= half
        };
        chars.take_while(fits).collect::<Vec<_>>()
    };
    let (begin, end) = (fitting(&mut name.chars()), fitting(&mut name.chars().rev()));
    begin.into_iter().chain(['…']).chain(end.into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_do_not_wrap() {
        let many = View {
            name: "creator-123/videos/2026/11/a-film-with-a-long-name.mp4",
            files: Some((20_000, 123)),
            bytes: 1_300_000_000,
            total: Some(4_300_000_000),
            per_second: 35_000_000.0,
            left: Duration::from_secs(86),
            ..View::default()
        };
        let facts = " 30%  1.21 GiB/4.00 GiB  123/20,000 files  33.38 MiB/s  1m 26s left";
        assert_eq!(many.line(80), format!("{facts}  crea….mp4"));
        assert_eq!(many.line(100), format!("{facts}  creator-123/vi…-long-name.mp4"));
        assert_eq!(many.line(72), facts);
        let worst = View {
            files: Some((9_999_999, 9_999_998)),
            bytes: (1 << 40) - 1,
            total: Some((1 << 40) - 1),
            per_second: 1_072_000_000.0,
            left: Duration::from_secs(86_400 * 25 + 3600 * 11 + 60 * 59),
            failed: 1234,
            retries: 99_999,
            name: many.name,
        };
        let wide = View { name: "映画".repeat(40).leak(), ..View::default() };
        for view in [&many, &worst, &wide] {
            for width in [20, 40, 79, 80, 120, 300] {
                let line = view.line(width);
                assert!(measure_text_width(&line) < width, "{width}: {line:?}");
            }
        }
        assert!(worst.line(200).contains("failed  99,999 retries"), "{}", worst.line(200));
    }

    #[test]
    fn names_lose_their_middle() {
        assert_eq!(shortened("film.mp4", 8), "film.mp4");
        assert_eq!(shortened("creator-123/film.mp4", 9), "crea….mp4");
        assert_eq!(shortened("映画映画映画.mp4", 9), "映画….mp4");
    }
}
