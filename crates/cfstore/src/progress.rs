//! How far a transfer is: one line on stderr, on a terminal, and for people only.

use std::fmt;
use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use console::{Term, measure_text_width};
use indicatif::{BinaryBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::printer::{Key, Printer};

/// The least room that a name is shown in.
const MIN_NAME: usize = 8;
/// The most that it takes of a wide terminal.
const MAX_NAME: usize = 60;

/// How far a transfer is, of one file or of many.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    shared: Arc<Shared>,
}

/// What the line says besides bytes.
#[derive(Debug, Default)]
struct Shared {
    /// How many files there are, as far as is known, and how many of them are done.
    files: Option<(AtomicU64, AtomicU64)>,
    failed: AtomicU64,
    retries: AtomicU64,
    /// The file or object that was begun last.
    name: Mutex<String>,
}

impl Progress {
    /// Of one file, whose size may be unknown.
    pub(crate) fn new(printer: Printer, name: &str, total: Option<u64>) -> Self {
        let progress = Self::with(printer, total, Shared::default());
        progress.name(name);
        progress
    }

    /// Of the files that [`announce`](Self::announce) tells of.
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

    /// Something that says how many bytes are done, of how many.
    pub(crate) fn position(&self) -> impl Fn(u64, u64) + Send + Sync + 'static {
        let bar = self.bar.clone();
        move |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        }
    }

    /// Something for `Body::on_progress`. Several may report to one line; what is sent again counts once.
    pub(crate) fn reporter(&self) -> impl Fn(u64, Option<u64>) + Send + Sync + 'static {
        let add = self.adder();
        move |done, _| add(done)
    }

    /// Something for the `on_progress` of one of many files.
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

    /// The bytes that are done went from `before` to `now`.
    pub(crate) fn transferred(&self, before: u64, now: u64) {
        match now.checked_sub(before) {
            Some(0) => {}
            Some(more) => self.bar.inc(more),
            None => self.bar.dec(before - now),
        }
    }

    /// More files are to be transferred, with these bytes together.
    pub(crate) fn announce(&self, files: u64, bytes: u64) {
        if let Some((all, _)) = &self.shared.files {
            all.fetch_add(files, Ordering::Relaxed);
        }
        self.bar.inc_length(bytes);
    }

    /// One of the files is done.
    pub(crate) fn finished(&self) {
        if let Some((_, done)) = &self.shared.files {
            done.fetch_add(1, Ordering::Relaxed);
        }
        self.bar.tick();
    }

    /// One of the files failed.
    pub(crate) fn failed(&self) {
        self.shared.failed.fetch_add(1, Ordering::Relaxed);
        self.finished();
    }

    /// Something for `R2Service::on_retry`.
    pub(crate) fn retries(&self) -> impl Fn(&cloudflare_clients::Error) + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move |_| {
            shared.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many attempts were made again.
    pub(crate) fn retried(&self) -> u64 {
        self.shared.retries.load(Ordering::Relaxed)
    }

    /// Does something that prints, without the line in its way.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Nothing more is shown.
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

/// All that is shown.
#[derive(Debug, Default)]
struct View<'a> {
    name: &'a str,
    /// All, and those that are done.
    files: Option<(u64, u64)>,
    bytes: u64,
    total: Option<u64>,
    per_second: f64,
    left: Duration,
    failed: u64,
    retries: u64,
}

impl View<'_> {
    /// A line that is shorter than the terminal is wide.
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

    /// The more important ones first.
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
            // Nobody needs the seconds of hours.
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

/// The name without its middle, where it is wider than that.
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
