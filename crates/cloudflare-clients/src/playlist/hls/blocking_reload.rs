//! Requests for a live playlist that wait for a segment or part that does not exist yet.

use std::time::Duration;

use super::attributes::value_of;
use super::seconds::seconds;
use crate::{Error, Result};

/// A request of a low-latency player for a playlist that contains a segment, or a part of one, that does not
/// exist yet. The route answers once the playlist contains it ([blocking playlist
/// reload](https://datatracker.ietf.org/doc/html/draft-pantos-hls-rfc8216bis#section-6.2.5.2)).
///
/// The route reads the playlist from R2, and reads it again after a moment while [`state`](Self::state)
/// returns [`Wait`](ReloadState::Wait):
///
/// ```
/// use std::time::Duration;
/// use cloudflare_clients::playlist::{BlockingReload, ReloadState};
///
/// let stored = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n\
///     #EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:4,\n7.mp4\n#EXTINF:4,\n8.mp4\n";
///
/// let reload = BlockingReload::from_query("_HLS_msn=9&expires=1800000000")?.expect("it asks for a segment");
/// // Sign and return the stored playlist when it is `Ready`. Return 503 when the time is over.
/// assert_eq!(reload.state(stored), ReloadState::Wait(Duration::from_secs(12)));
/// # Ok::<_, cloudflare_clients::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockingReload {
    segment: u64,
    part: Option<u64>,
}

/// How to answer a request for a live playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReloadState {
    /// Return the playlist as it is now.
    Ready,
    /// Read the playlist again after a moment. Return 503 when this time has passed since the request
    /// arrived.
    Wait(Duration),
    /// Return 400: the requested segment or part is too far ahead.
    TooFarAhead,
}

/// Maximum target duration, in seconds. No playlist makes a request wait for longer than three of them.
const MAX_TARGET: u64 = 60;

impl BlockingReload {
    /// Parses the query of a request. Returns `None` if it does not request a segment. Ignores other
    /// parameters, including `_HLS_skip`, which requests a delta update: the whole playlist is always a valid
    /// answer.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): a parameter is not a number, or a part is requested
    /// without its segment. Answer with 400.
    pub fn from_query(query: &str) -> Result<Option<Self>> {
        let number = |name: &str| {
            let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            value.map(str::parse::<u64>).transpose().map_err(|_| {
                Error::invalid_input(format!("the parameter {name} of the playlist's URL is not a number"))
            })
        };
        match (number("_HLS_msn")?, number("_HLS_part")?) {
            (Some(segment), part) => Ok(Some(Self { segment, part })),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Error::invalid_input(
                "the playlist's URL asks for a part (_HLS_part) without its segment (_HLS_msn)",
            )),
        }
    }

    /// Checks whether the stored playlist contains the requested segment or part. A playlist that has ended,
    /// or does not announce `CAN-BLOCK-RELOAD=YES`, is always [`Ready`](ReloadState::Ready).
    pub fn state(&self, playlist: &str) -> ReloadState {
        let edge = LiveEdge::of(playlist);
        if !edge.can_block || edge.ended || self.is_in(&edge) {
            ReloadState::Ready
        } else if self.is_too_far_from(&edge) {
            ReloadState::TooFarAhead
        } else {
            ReloadState::Wait(Duration::from_secs(edge.target.clamp(1, MAX_TARGET) * 3))
        }
    }

    fn is_in(&self, edge: &LiveEdge) -> bool {
        match self.part {
            Some(part) if self.segment == edge.next => part < edge.parts,
            // A part after a segment's last one is the first part of the next segment.
            Some(part) if self.segment.checked_add(1) == Some(edge.next) => {
                edge.last_parts == 0 || part < edge.last_parts || edge.parts > 0
            }
            None | Some(_) => self.segment < edge.next,
        }
    }

    fn is_too_far_from(&self, edge: &LiveEdge) -> bool {
        let Some(ahead) = self.segment.checked_sub(edge.next) else { return false };
        let listed = if ahead == 0 { edge.parts } else { 0 };
        ahead > 1 || self.part.is_some_and(|part| part >= edge.part_limit.saturating_add(listed))
    }
}

/// The end of a live playlist.
#[derive(Debug, Default)]
struct LiveEdge {
    can_block: bool,
    ended: bool,
    /// The target duration, in seconds.
    target: u64,
    /// The number of the next segment.
    next: u64,
    /// Number of listed parts of the next segment.
    parts: u64,
    /// Number of listed parts of the last segment.
    last_parts: u64,
    /// How many parts after the last one a player may request.
    part_limit: u64,
}

impl LiveEdge {
    fn of(playlist: &str) -> Self {
        let mut edge = Self { part_limit: 3, ..Self::default() };
        let (mut first, mut segments) = (0_u64, 0_u64);
        for line in playlist.trim_start_matches('\u{feff}').lines() {
            let line = line.trim_ascii();
            let Some(tag) = line.strip_prefix('#') else {
                if !line.is_empty() {
                    segments += 1;
                    (edge.last_parts, edge.parts) = (edge.parts, 0);
                }
                continue;
            };
            let Some((name, value)) = tag.split_once(':') else {
                edge.ended |= tag == "EXT-X-ENDLIST";
                continue;
            };
            match name {
                "EXT-X-PART" => edge.parts += 1,
                "EXT-X-TARGETDURATION" => {
                    edge.target = seconds(value.trim()).map_or(0, |target| target.as_secs());
                }
                "EXT-X-MEDIA-SEQUENCE" => first = value.trim().parse().unwrap_or(0),
                "EXT-X-SKIP" => segments += number(value, "SKIPPED-SEGMENTS").unwrap_or(0),
                "EXT-X-SERVER-CONTROL" => edge.can_block = value_of(value, "CAN-BLOCK-RELOAD") == Some("YES"),
                "EXT-X-PART-INF" => edge.part_limit = part_limit(value),
                _ => {}
            }
        }
        edge.next = first.saturating_add(segments);
        edge
    }
}

/// The [Advance Part
/// Limit](https://datatracker.ietf.org/doc/html/draft-pantos-hls-rfc8216bis#section-6.2.5.2).
fn part_limit(list: &str) -> u64 {
    let target = value_of(list, "PART-TARGET").and_then(seconds).map_or(0, |target| target.as_nanos());
    match u64::try_from(target) {
        Ok(nanos @ 1..1_000_000_000) => 3_000_000_000_u64.div_ceil(nanos),
        _ => 3,
    }
}

fn number(list: &str, name: &str) -> Option<u64> {
    // Limited to 32 bits, so that a hostile playlist cannot overflow the sum.
    value_of(list, name)?.parse::<u32>().ok().map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use ReloadState::{Ready, TooFarAhead};

    const WAIT: ReloadState = ReloadState::Wait(Duration::from_secs(12));

    /// Segments 7 and 8, and two parts of segment 9.
    const LIVE: &str = "#EXTM3U\r\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n\
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3.0,\n#EXT-X-PART-INF:PART-TARGET=0.5\n\
        #EXTINF:4,\n7.mp4\n#EXT-X-PART:DURATION=2,URI=\"8.0\"\n#EXT-X-PART:DURATION=2,URI=\"8.1\"\n#EXTINF:4,\n8.mp4\n\
        #EXT-X-PART:DURATION=0.5,URI=\"9.0\"\n#EXT-X-PART:DURATION=0.5,URI=\"9.1\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"9.2\"\n";

    fn state(query: &str, playlist: &str) -> ReloadState {
        BlockingReload::from_query(query).unwrap().unwrap().state(playlist)
    }

    #[test]
    fn a_request_waits_for_what_it_asks_for() {
        for (query, expected) in [
            // Whole segments, of which the last is the eighth.
            ("_HLS_msn=0", Ready),
            ("_HLS_msn=8", Ready),
            ("_HLS_msn=9", WAIT),
            ("_HLS_msn=10&_HLS_skip=v2", WAIT),
            ("_HLS_msn=11", TooFarAhead),
            ("_HLS_msn=18446744073709551615", TooFarAhead),
            // Parts of the segment in progress. A preload hint does not count as a part.
            ("_HLS_msn=9&_HLS_part=1", Ready),
            ("_HLS_msn=9&_HLS_part=2", WAIT),
            ("_HLS_part=7&_HLS_msn=9", WAIT),
            ("_HLS_msn=9&_HLS_part=8", TooFarAhead),
            ("_HLS_msn=10&_HLS_part=0", WAIT),
            ("_HLS_msn=10&_HLS_part=6", TooFarAhead),
            ("_HLS_msn=11&_HLS_part=0", TooFarAhead),
            // Parts of complete segments, and parts after their last one.
            ("_HLS_msn=8&_HLS_part=1", Ready),
            ("_HLS_msn=8&_HLS_part=2", Ready),
            ("_HLS_msn=7&_HLS_part=99", Ready),
            ("_HLS_msn=1&_HLS_part=0", Ready),
        ] {
            assert_eq!(state(query, LIVE), expected, "{query}");
        }
        let marked = format!("\u{feff}{LIVE}").replace("DURATION:4", "DURATION:4.000");
        assert_eq!(state("_HLS_msn=9", &marked), WAIT);
        let without_parts = &LIVE[..LIVE.find("#EXT-X-PART:DURATION=0.5").unwrap()];
        assert_eq!(state("_HLS_msn=8&_HLS_part=2", without_parts), WAIT);
        assert_eq!(state("_HLS_msn=8&_HLS_part=1", without_parts), Ready);
        assert_eq!(state("_HLS_msn=9&_HLS_part=5", without_parts), WAIT);
        assert_eq!(state("_HLS_msn=9&_HLS_part=6", without_parts), TooFarAhead);
    }

    #[test]
    fn what_does_not_block_is_answered() {
        for playlist in [
            LIVE.replace("CAN-BLOCK-RELOAD=YES", "CAN-BLOCK-RELOAD=NO"),
            LIVE.replace("CAN-BLOCK-RELOAD=YES,", ""),
            LIVE.replace("#EXT-X-SERVER-CONTROL", "#EXT-X-OTHER"),
            format!("{LIVE}#EXT-X-ENDLIST"),
            String::new(),
        ] {
            assert_eq!(state("_HLS_msn=1000", &playlist), Ready, "{playlist}");
        }
    }

    #[test]
    fn numbers_and_times_are_bounded() {
        let head = "#EXTM3U\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n";
        assert_eq!(state("_HLS_msn=0", head), ReloadState::Wait(Duration::from_secs(3)));
        let hostile = format!("{head}#EXT-X-TARGETDURATION:18446744073709551615\n");
        assert_eq!(state("_HLS_msn=0", &hostile), ReloadState::Wait(Duration::from_secs(180)));
        let last = format!("{head}#EXT-X-MEDIA-SEQUENCE:18446744073709551615\n1.ts\n2.ts\n");
        assert_eq!(state("_HLS_msn=1", &last), Ready);
        let delta = format!("{head}#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-SKIP:SKIPPED-SEGMENTS=10\n15.ts\n");
        assert_eq!(state("_HLS_msn=15", &delta), Ready);
        assert_eq!(state("_HLS_msn=17", &delta), ReloadState::Wait(Duration::from_secs(3)));
        for (target, limit) in
            [("2", 3), ("1", 3), ("0.5", 6), ("0.33334", 9), ("0.3", 10), ("0", 3), ("x", 3), ("-1", 3)]
        {
            assert_eq!(part_limit(&format!("PART-TARGET={target}")), limit, "{target}");
        }
    }

    #[test]
    fn queries_that_ask_wrongly_are_refused() {
        for query in ["", "expires=1&token=a", "_HLS_skip=YES", "_HLS_msnx=1", "x_HLS_msn=1"] {
            assert_eq!(BlockingReload::from_query(query).unwrap(), None, "{query}");
        }
        for (query, why) in [
            ("_HLS_msn=", "the parameter _HLS_msn of the playlist's URL is not a number"),
            ("_HLS_msn=-1", "the parameter _HLS_msn of the playlist's URL is not a number"),
            ("_HLS_msn=1&_HLS_part=a", "the parameter _HLS_part of the playlist's URL is not a number"),
            ("_HLS_part=0", "the playlist's URL asks for a part (_HLS_part) without its segment (_HLS_msn)"),
        ] {
            let error = BlockingReload::from_query(query).unwrap_err();
            assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidInput, why));
        }
    }
}
