//! The name of a batch. Names sort by the time of the first event, and contain the time of the last.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::millis::Millis;

/// Maximum time between the first and the last event of a batch. A reader has to search this far before its
/// range and no further, however late a batch was stored.
pub(super) const MAX_SPAN: Duration = HOUR;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Maximum number of folders that are listed one by one. A longer range lists all names.
const MAX_FOLDERS: u64 = 1000;

/// `2026/11/25/05/20261125T051820123Z-20261125T051851007Z-000000010123456789abcdef01234567.ndjson.gz`: the
/// hour of the first event, the times of the first and the last event, and a unique suffix that starts with
/// the writer's batch number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BatchName {
    pub(super) first: Millis,
    pub(super) last: Millis,
    pub(super) unique: String,
}

impl BatchName {
    /// Parses the exact output of `Display`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let times = name.get(HOUR_FOLDER..)?;
        let mut parts = times.strip_suffix(".ndjson.gz")?.split('-');
        let first = Millis::parse_compact(parts.next()?)?;
        let last = Millis::parse_compact(parts.next()?)?;
        let unique = parts.next()?.to_owned();
        let is_unique =
            unique.len() == 32 && unique.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let is_span = first <= last && first.until(last) <= MAX_SPAN;
        let parsed = Self { first, last, unique };
        (is_unique && is_span && parsed.to_string() == name).then_some(parsed)
    }

    /// Whether the batch may contain events of the range.
    pub(super) fn overlaps(&self, range: &Range<Millis>) -> bool {
        self.first < range.end && self.last >= range.start
    }
}

impl fmt::Display for BatchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (begin, last, unique) = (beginning(self.first), self.last.compact(), &self.unique);
        write!(f, "{begin}-{last}-{unique}.ndjson.gz")
    }
}

/// The length of `2026/11/25/05/`.
const HOUR_FOLDER: usize = 14;

/// The length of `2026/11/25/`.
const DAY_FOLDER: usize = 11;

/// Returns the start of the names of batches whose first event has this time. Names of earlier batches sort
/// before it, names of later ones after it.
pub(super) fn beginning(first: Millis) -> String {
    let compact = first.compact();
    let digits = |range: Range<usize>| compact.get(range).unwrap_or_default();
    format!("{}/{}/{}/{}/{compact}", digits(0..4), digits(4..6), digits(6..8), digits(9..11))
}

/// Returns the folders of all batches whose first event is in the range, for listings that can only start at
/// a folder: days and hours, or the folder above all of them.
pub(super) fn folders(range: &Range<Millis>) -> Vec<String> {
    let days = range.start.until(range.end).as_secs() / DAY.as_secs();
    if days > MAX_FOLDERS {
        return vec![String::new()];
    }
    let mut folders = Vec::new();
    let mut at = range.start.beginning_of(HOUR);
    while at < range.end {
        let is_whole_day = at == at.beginning_of(DAY) && at.until(range.end) >= DAY;
        let (length, period) = if is_whole_day { (DAY_FOLDER, DAY) } else { (HOUR_FOLDER, HOUR) };
        let mut folder = beginning(at);
        folder.truncate(length);
        folders.push(folder);
        at = at.after(period);
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str) -> Millis {
        Millis::parse_rfc3339(text).unwrap()
    }

    fn name(first: &str, last: &str) -> BatchName {
        BatchName { first: millis(first), last: millis(last), unique: "0123456789abcdef".repeat(2) }
    }

    #[test]
    fn names_are_read_back_and_no_others_are_taken() {
        let name = name("2026-11-25T05:18:20.123Z", "2026-11-25T06:18:20.123Z");
        let text = name.to_string();
        assert_eq!(
            text,
            "2026/11/25/05/20261125T051820123Z-20261125T061820123Z-0123456789abcdef0123456789abcdef.ndjson.gz"
        );
        assert_eq!(BatchName::parse(&text), Some(name));
        for other in [
            text.replace("/05/", "/06/"),
            text.replace("T061820123Z", "T061820124Z"),
            text.replace("T061820123Z", "T051820122Z"),
            text.replace("abcdef.", "abcdeF."),
            text.replace("abcdef.", "abcde."),
            text.replace(".ndjson.gz", ".ndjson"),
            text.replace(".ndjson.gz", "-1.ndjson.gz"),
            format!("{text} "),
            "é".repeat(40),
            String::new(),
        ] {
            assert_eq!(BatchName::parse(&other), None, "{other}");
        }
    }

    #[test]
    fn names_sort_by_the_first_event() {
        let times = [
            "2026-11-25T05:18:20.123Z",
            "2026-11-25T05:18:20.124Z",
            "2026-11-25T06:00:00.000Z",
            "2026-12-01T00:00:00.000Z",
            "2027-01-01T00:00:00.000Z",
        ];
        for pair in times.windows(2) {
            let [earlier, later] = [pair[0], pair[1]].map(|time| name(time, time).to_string());
            let between = beginning(millis(pair[1]));
            assert!(earlier < between && between < later, "{earlier} {later}");
        }
    }

    #[test]
    fn folders_are_hours_and_whole_days() {
        let folders = |from, to| folders(&(millis(from)..millis(to))).join(" ");
        assert_eq!(
            folders("2026-11-25T22:59:59.999Z", "2026-11-27T01:00:00.001Z"),
            "2026/11/25/22/ 2026/11/25/23/ 2026/11/26/ 2026/11/27/00/ 2026/11/27/01/"
        );
        assert_eq!(folders("2026-11-25T22:00:00.000Z", "2026-11-25T22:00:00.000Z"), "");
        assert_eq!(folders("2026-12-31T00:00:00.000Z", "2027-01-01T00:00:00.000Z"), "2026/12/31/");
        assert_eq!(folders("1970-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"), "");
        assert_eq!(folders("9999-12-31T23:30:00.000Z", "9999-12-31T23:59:59.999Z"), "9999/12/31/23/");
    }
}
