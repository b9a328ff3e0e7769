//! Keeps the last segments of a growing playlist.
//!
//! Lines of removed segments that still apply stay where they are: keys, the map and the bit rate. Nothing
//! signed is written again, and lines keep their numbers.

mod outline;
mod program_date_time;

use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;

use self::outline::{Outline, Segment, Sequence, lines};
use self::program_date_time::ProgramDateTime;
use super::attributes::value_of;
use crate::playlist::at_line;
use crate::{Error, Result};

/// A change: a piece of the text, in whole lines or within one, and its replacement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) at: Range<usize>,
    pub(super) text: Cow<'static, str>,
}

/// Maximum number of keys that apply to a segment. A playlist has one per key system.
const MAX_KEYS: usize = 64;

/// Returns the changes, in order, that reduce a playlist to the segments that fill `window`. A playlist that
/// has ended stays unchanged. So does a delta update, because it does not contain the durations of the
/// segments that it skips.
///
/// # Errors
/// The sequence numbers are malformed, or too many keys apply to a segment.
pub(super) fn edits(text: &str, window: Duration) -> Result<Vec<Edit>> {
    let mut outline = Outline::of(text);
    if !outline.grows {
        return Ok(Vec::new());
    }
    let mut edits = Vec::new();
    let first = outline.first_kept(window);
    let mut from = 0;
    if first > 0 {
        if let Some(error) = outline.error.take() {
            return Err(error);
        }
        from = outline.segments[first - 1].end;
        let dropped = Dropped::of(&text[..from], &outline.segments)?;
        let head = outline.head;
        sequence(&mut edits, "EXT-X-MEDIA-SEQUENCE", outline.media_sequence, head, first as u64);
        sequence(
            &mut edits,
            "EXT-X-DISCONTINUITY-SEQUENCE",
            outline.discontinuity_sequence,
            head,
            dropped.discontinuities,
        );
        dropped.carry_into(from, &text[from..outline.segments[first].end], &mut edits);
        dropped.remove(from, &mut edits);
    }
    // These lines forbid removing segments. Those in the dropped part are already removed.
    let events = outline.events.into_iter().filter(|event| event.start >= from);
    edits.extend(events.map(|at| Edit { at, text: "".into() }));
    edits.sort_by_key(|edit| (edit.at.start, edit.at.end));
    Ok(edits)
}

/// Raises a sequence number, or adds one after the first line.
fn sequence(edits: &mut Vec<Edit>, tag: &str, found: Option<Sequence>, head: usize, by: u64) {
    match found {
        _ if by == 0 => {}
        Some(Sequence { at, number }) => {
            edits.push(Edit { at, text: number.saturating_add(by).to_string().into() });
        }
        None => edits.push(Edit { at: head..head, text: format!("#{tag}:{by}\n").into() }),
    }
}

/// The parts of dropped segments that still apply.
#[derive(Debug, Default)]
struct Dropped<'a> {
    /// The lines that stay.
    kept: Vec<Range<usize>>,
    keys: Vec<Key<'a>>,
    map: Option<Range<usize>>,
    /// The keys that applied to the map, which may be encrypted.
    map_keys: Vec<Key<'a>>,
    bit_rate: Option<Range<usize>>,
    discontinuities: u64,
    /// The last wall-clock time, and how much later the next segment starts.
    time: Option<(&'a str, Duration)>,
    /// Where the byte range of the last segment ends.
    byte_end: u64,
}

#[derive(Debug, Clone)]
struct Key<'a> {
    line: Range<usize>,
    /// `None` for a line that ends all keys.
    format: Option<&'a str>,
}

impl<'a> Dropped<'a> {
    fn of(text: &'a str, segments: &[Segment]) -> Result<Self> {
        let mut dropped = Self::default();
        let (mut segments, mut byte_range) = (segments.iter(), None);
        for (number, (at, line)) in (1..).zip(lines(text)) {
            let content = line.trim_ascii();
            // The line includes the byte order mark of the first line.
            let whole = if number == 1 { 0 } else { at }..at + line.len();
            let Some(tag) = content.strip_prefix('#') else {
                if !content.is_empty()
                    && let Some(segment) = segments.next()
                {
                    dropped.byte_end = byte_range.take().unwrap_or(0);
                    if let Some((_, later)) = &mut dropped.time {
                        *later = later.saturating_add(segment.duration);
                    }
                }
                continue;
            };
            let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
            match name {
                "EXT-X-KEY" => {
                    dropped.key(whole, value).map_err(|error| at_line(number, &error))?;
                }
                "EXT-X-MAP" => {
                    dropped.map = Some(whole);
                    dropped.map_keys.clone_from(&dropped.keys);
                }
                "EXT-X-BITRATE" => dropped.bit_rate = Some(whole),
                "EXT-X-DISCONTINUITY" => dropped.discontinuities += 1,
                "EXT-X-PROGRAM-DATE-TIME" => dropped.time = Some((value.trim(), Duration::ZERO)),
                "EXT-X-BYTERANGE" => byte_range = Some(byte_end(value, dropped.byte_end)),
                "EXT-X-PLAYLIST-TYPE" if value.trim() == "EVENT" => {}
                _ if number == 1 || OF_THE_PLAYLIST.contains(&name) => dropped.kept.push(whole),
                _ => {}
            }
        }
        Ok(dropped)
    }

    fn key(&mut self, line: Range<usize>, list: &'a str) -> Result<()> {
        if value_of(list, "METHOD") == Some("NONE") {
            self.keys = vec![Key { line, format: None }];
            return Ok(());
        }
        let format = Some(value_of(list, "KEYFORMAT").unwrap_or("identity"));
        self.keys.retain(|key| key.format != format);
        if self.keys.len() == MAX_KEYS {
            return Err(Error::invalid_input(format!("more than {MAX_KEYS} keys apply to one segment")));
        }
        self.keys.push(Key { line, format });
        Ok(())
    }

    /// Adds to the first segment what it inherited from the previous one.
    fn carry_into(&self, from: usize, segment: &str, edits: &mut Vec<Edit>) {
        let mut time = self.time.and_then(|(time, later)| ProgramDateTime::parse(time)?.later(later));
        for (at, line) in lines(segment) {
            let content = line.trim_ascii();
            if content.starts_with("#EXT-X-PROGRAM-DATE-TIME:") {
                time = None;
            } else if let Some(length) = content.strip_prefix("#EXT-X-BYTERANGE:")
                && length.trim().parse::<u64>().is_ok()
            {
                let end = from + at + line.trim_ascii_end().len();
                edits.push(Edit { at: end..end, text: format!("@{}", self.byte_end).into() });
            }
        }
        if let Some(time) = time {
            edits.push(Edit { at: from..from, text: format!("#EXT-X-PROGRAM-DATE-TIME:{time}\n").into() });
        }
    }

    /// Removes everything before `from`, except the lines that stay.
    fn remove(self, from: usize, edits: &mut Vec<Edit>) {
        let mut kept = self.kept;
        kept.extend(self.keys.into_iter().chain(self.map_keys).map(|key| key.line));
        kept.extend(self.map.into_iter().chain(self.bit_rate));
        kept.sort_by_key(|line| line.start);
        let mut removed_to = 0;
        for line in kept.into_iter().chain(std::iter::once(from..from)) {
            if line.start > removed_to {
                edits.push(Edit { at: removed_to..line.start, text: "".into() });
            }
            removed_to = removed_to.max(line.end);
        }
    }
}

/// Returns where a byte range ends. Without an offset it starts at `before`.
fn byte_end(value: &str, before: u64) -> u64 {
    let (length, offset) = value.split_once('@').unwrap_or((value, ""));
    let offset = offset.trim().parse().unwrap_or(before);
    offset.saturating_add(length.trim().parse().unwrap_or(0))
}

/// The tags that belong to the playlist or to times, wherever they are. All other tags belong to the next
/// segment.
const OF_THE_PLAYLIST: &[&str] = &[
    "EXTM3U",
    "EXT-X-VERSION",
    "EXT-X-INDEPENDENT-SEGMENTS",
    "EXT-X-DEFINE",
    "EXT-X-TARGETDURATION",
    "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-DISCONTINUITY-SEQUENCE",
    "EXT-X-PLAYLIST-TYPE",
    "EXT-X-I-FRAMES-ONLY",
    "EXT-X-IMAGES-ONLY",
    "EXT-X-ALLOW-CACHE",
    "EXT-X-PART-INF",
    "EXT-X-SERVER-CONTROL",
    "EXT-X-START",
    "EXT-X-DATERANGE",
    "EXT-X-PRELOAD-HINT",
    "EXT-X-RENDITION-REPORT",
    "EXT-X-PREFETCH",
    "EXT-X-TWITCH-PREFETCH",
    "EXT-X-SESSION-DATA",
];

#[cfg(test)]
mod tests;
