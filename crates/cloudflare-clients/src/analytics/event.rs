//! An event and its line.

use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::millis::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::json;

/// Maximum size of an event as JSON, in bytes: 1 MiB.
pub const MAX_EVENT_SIZE: usize = 1024 * 1024;

/// How many bytes a line has in addition to its event, including the newline.
pub(super) const LINE_OVERHEAD: usize = 94;

/// A recorded event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event<E> {
    /// When the event was recorded, in whole milliseconds, by the clock of the writer's runtime. An event
    /// that waits for room is recorded when there is room.
    pub time: SystemTime,
    /// The unique id of the event. Use it to remove duplicates that arise later, while keeping equal events.
    pub id: String,
    /// The event, as it was passed to the writer.
    pub event: E,
}

/// Serializes an event as JSON on one line.
pub(super) fn to_json<E: Serialize + ?Sized>(event: &E) -> Result<Vec<u8>> {
    let mut json = json::to_vec("the event", event)?;
    if json.len() > MAX_EVENT_SIZE {
        return Err(Error::invalid_input(format!(
            "the event has {} bytes as JSON: the maximum is {MAX_EVENT_SIZE} (1 MiB)",
            json.len()
        )));
    }
    // Only raw JSON (`RawValue`) contains newlines, and only between tokens: strings have them escaped.
    json.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
    Ok(json)
}

/// Returns the line of event number `index` of a batch.
pub(super) fn line(time: Millis, batch: &str, index: u32, json: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(json.len() + LINE_OVERHEAD);
    let begin = format!(r#"{{"time":"{}","id":"{batch}-{index:08x}","event":"#, time.rfc3339());
    line.extend_from_slice(begin.as_bytes());
    line.extend_from_slice(json);
    line.extend_from_slice(b"}\n");
    line
}

#[derive(Deserialize)]
struct Line<E> {
    time: String,
    id: String,
    event: E,
}

/// Parses a line without its newline.
pub(super) fn parse<E: DeserializeOwned>(line: &[u8]) -> Result<(Millis, Event<E>)> {
    let Line { time, id, event } = serde_json::from_slice(line).map_err(|error| {
        let (kind, what) = if error.is_data() {
            (ErrorKind::Serialization, "is not an event of the expected type")
        } else {
            (ErrorKind::Integrity, "is not JSON")
        };
        Error::new(kind, format!("{what}: {error}")).with_source(error)
    })?;
    let time = Millis::parse_rfc3339(&time).ok_or_else(|| {
        Error::new(ErrorKind::Integrity, "has a time that is not of the form 2026-11-25T05:18:20.123Z")
    })?;
    Ok((time, Event { time: time.time(), id, event }))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn lines_have_the_overhead_that_is_counted_and_are_read_back() {
        let time = Millis::of(UNIX_EPOCH + Duration::from_millis(1_795_583_900_123)).unwrap();
        let json = to_json(&("a\nb", 1)).unwrap();
        let line = line(time, &"0123456789abcdef".repeat(2), 258, &json);
        assert_eq!(
            String::from_utf8_lossy(&line),
            "{\"time\":\"2026-11-25T05:18:20.123Z\",\"id\":\"0123456789abcdef0123456789abcdef-00000102\",\
             \"event\":[\"a\\nb\",1]}\n"
        );
        assert_eq!(line.len(), json.len() + LINE_OVERHEAD);
        let (read, event) = parse::<(String, u32)>(line.trim_ascii_end()).unwrap();
        assert_eq!((read, event.time, event.event), (time, time.time(), ("a\nb".to_owned(), 1)));
    }

    #[test]
    fn json_that_is_given_as_it_is_stays_on_its_line() {
        let raw: Box<serde_json::value::RawValue> = serde_json::from_str("{\n \"a\\n\":\n1}").unwrap();
        assert_eq!(to_json(&raw).unwrap(), b"{  \"a\\n\": 1}");
    }

    #[test]
    fn what_cannot_be_an_event_is_refused() {
        let map = std::collections::HashMap::from([((1, 2), 3)]);
        assert_eq!(to_json(&map).unwrap_err().kind(), ErrorKind::Serialization);
        assert!(to_json(&"x".repeat(MAX_EVENT_SIZE - 2)).is_ok());
        let error = to_json(&"x".repeat(MAX_EVENT_SIZE - 1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("1048577 bytes as JSON: the maximum is 1048576"), "{error}");
    }

    #[test]
    fn lines_that_are_damaged_are_told_from_those_of_another_type() {
        let kind = |line: &str| parse::<u32>(line.as_bytes()).unwrap_err().kind();
        assert_eq!(
            kind(r#"{"time":"2026-11-25T05:18:20.123Z","id":"a","event":"x"}"#),
            ErrorKind::Serialization
        );
        assert_eq!(kind(r#"{"time":"2026-11-25T05:18:20.123Z","id":"a"}"#), ErrorKind::Serialization);
        assert_eq!(kind(r#"{"time":"2026-11-25","id":"a","event":1}"#), ErrorKind::Integrity);
        assert_eq!(kind(r#"{"time":"2026-11-25T05:18:20.123Z","id":"a","event":1"#), ErrorKind::Integrity);
        assert_eq!(kind(""), ErrorKind::Integrity);
    }
}
