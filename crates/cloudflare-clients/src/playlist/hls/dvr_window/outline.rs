//! The segments of a playlist, and whether it is still growing.

use std::ops::Range;
use std::time::Duration;

use super::super::seconds::seconds;
use super::super::tags::{self, Kind};
use crate::Error;
use crate::playlist::at_line;

#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Whether it is a complete media playlist to which segments are still added.
    pub(super) grows: bool,
    /// Where the first line ends.
    pub(super) head: usize,
    pub(super) segments: Vec<Segment>,
    pub(super) media_sequence: Option<Sequence>,
    pub(super) discontinuity_sequence: Option<Sequence>,
    /// The lines with `EXT-X-PLAYLIST-TYPE:EVENT`.
    pub(super) events: Vec<Range<usize>>,
    /// Why the sequence numbers cannot be raised.
    pub(super) error: Option<Error>,
    target: Duration,
}

#[derive(Debug)]
pub(super) struct Segment {
    /// Where the line of its URI ends.
    pub(super) end: usize,
    pub(super) duration: Duration,
}

/// A sequence number and its position.
#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) at: Range<usize>,
    pub(super) number: u64,
}

/// Minimum number of segments, and of target durations, that remain.
const LEAST: u32 = 3;

impl Outline {
    pub(super) fn of(text: &str) -> Self {
        let mut outline = Self { grows: true, ..Self::default() };
        let mut duration = Duration::ZERO;
        for (number, (at, line)) in (1..).zip(lines(text)) {
            let end = at + line.len();
            if number == 1 {
                outline.head = end;
            }
            let content = line.trim_ascii();
            let Some(tag) = content.strip_prefix('#') else {
                if !content.is_empty() {
                    outline.segments.push(Segment { end, duration: std::mem::take(&mut duration) });
                }
                continue;
            };
            let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
            match name {
                "EXTINF" => {
                    let text = value.split(',').next().unwrap_or_default();
                    duration = seconds(text.trim()).unwrap_or_default();
                }
                "EXT-X-TARGETDURATION" => outline.target = seconds(value.trim()).unwrap_or_default(),
                "EXT-X-MEDIA-SEQUENCE" | "EXT-X-DISCONTINUITY-SEQUENCE" => {
                    let start = at + line.trim_ascii_end().len() - value.trim_ascii().len();
                    let found = match name {
                        "EXT-X-MEDIA-SEQUENCE" => &mut outline.media_sequence,
                        _ => &mut outline.discontinuity_sequence,
                    };
                    let value = value.trim_ascii();
                    if let Some(parsed) = value.parse().ok().filter(|_| found.is_none()) {
                        *found = Some(Sequence { at: start..start + value.len(), number: parsed });
                    } else {
                        let why = format!(
                            "{name} is not a number, or appears twice: it cannot be raised for the DVR window"
                        );
                        outline.error = Some(at_line(number, &Error::invalid_input(why)));
                    }
                }
                "EXT-X-PLAYLIST-TYPE" if value.trim() == "EVENT" => outline.events.push(at..end),
                "EXT-X-PLAYLIST-TYPE" if value.trim() == "VOD" => outline.grows = false,
                "EXT-X-ENDLIST" | "EXT-X-SKIP" => outline.grows = false,
                _ => outline.grows &= tags::find(name).is_none_or(|tag| tag.kind != Some(Kind::Multivariant)),
            }
        }
        outline
    }

    /// Returns the index of the first of the last segments that fill the window.
    pub(super) fn first_kept(&self, window: Duration) -> usize {
        let (least, mut filled) = (window.max(self.target.saturating_mul(LEAST)), Duration::ZERO);
        let mut kept = 0;
        for segment in self.segments.iter().rev() {
            if filled >= least && kept >= LEAST as usize {
                break;
            }
            filled = filled.saturating_add(segment.duration);
            kept += 1;
        }
        self.segments.len() - kept
    }
}

/// Returns lines with their ends and positions. Skips a byte order mark before the first line.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let content = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut end = text.len() - content.len();
    content.split_inclusive('\n').map(move |line| {
        let at = end;
        end += line.len();
        (at, line)
    })
}
