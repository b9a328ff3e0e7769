//! The segments that a signed DASH manifest lists.
//!
//! This reads what signed manifests contain: a `SegmentList` for each representation that is not a single
//! object.

use std::fmt::Write as _;

use cloudflare_clients::r2::R2SigningClient;

use super::element::Element;
use super::expectation::Expectation;
use super::url_of;

/// Where the signed manifest differs from the expected lists.
pub(super) fn problems(signed: &str, expected: &Expectation, client: &R2SigningClient) -> Vec<String> {
    let (texts, lines): (Vec<_>, Vec<_>) =
        expected.lines.iter().partition(|line| line.starts_with("keeps ") || line.starts_with("without "));
    let expected: Vec<_> = lines.into_iter().map(|line| with_url(line, client)).collect();
    let mut listed = Vec::new();
    list(&Element::parse(signed), &mut listed);
    let held = |line: &&&String| {
        let (what, text) = line.split_once(' ').unwrap();
        signed.contains(text) == (what == "keeps")
    };
    let mut problems: Vec<_> =
        texts.iter().filter(|line| !held(line)).map(|line| format!("not so: {line}")).collect();
    let mut place = String::new();
    for at in 0..expected.len().max(listed.len()) {
        let [expected, listed] =
            [&expected, &listed].map(|lines| lines.get(at).map_or("nothing", String::as_str));
        if expected.starts_with("representation ") {
            expected.clone_into(&mut place);
        }
        if expected != listed {
            problems.push(format!(
                "{place}: {} was expected, and {} is listed",
                short(expected),
                short(listed)
            ));
            // The following lines are likely to be shifted.
            break;
        }
    }
    problems
}

/// The segments of each representation that has any, as lines.
pub(super) fn segments(signed: &str) -> Vec<Vec<String>> {
    let mut listed = Vec::new();
    list(&Element::parse(signed), &mut listed);
    let representations = listed.split(|line| line.starts_with("representation "));
    let segments = representations
        .map(|lines| lines.iter().filter(|line| line.starts_with("segment ")).cloned().collect::<Vec<_>>());
    segments.filter(|segments| !segments.is_empty()).collect()
}

/// Checks that each list contains the earlier one unchanged, except for its first segments.
pub(super) fn check_refresh(before: &[Vec<String>], after: &[Vec<String>]) -> Result<(), String> {
    let mut kept = 0;
    for new in after {
        let Some(old) = before.iter().find(|old| old.iter().any(|segment| new.contains(segment))) else {
            continue;
        };
        let first = old.iter().position(|segment| *segment == new[0]);
        let rest = first.map(|first| &old[first..]).filter(|rest| new.starts_with(rest));
        kept += rest.ok_or_else(|| format!("the list that began with {} changed", short(&old[0])))?.len();
    }
    if kept > 0 { Ok(()) } else { Err("nothing is kept".to_owned()) }
}

/// An expected line, with the URL of its key.
fn with_url(line: &str, client: &R2SigningClient) -> String {
    let words = match line.split(' ').next().unwrap() {
        "segment" => 3,
        "init" | "index" | "object" | "switching" => 1,
        _ => return line.to_owned(),
    };
    let at = line.match_indices(' ').nth(words - 1).unwrap().0 + 1;
    let (target, range) = match line.rfind(" range ") {
        Some(range) => (&line[at..range], &line[range..]),
        None => (&line[at..], ""),
    };
    format!("{}{}{range}", &line[..at], url_of(client, target))
}

/// A line without the signature of its URL.
fn short(line: &str) -> &str {
    &line[..line.find("?X-Amz-").unwrap_or(line.len())]
}

/// The content of the manifest, in the words of the expectations.
fn list(mpd: &Element, out: &mut Vec<String>) {
    for period in mpd.all("Period") {
        out.push("period".to_owned());
        for set in period.all("AdaptationSet") {
            for representation in set.all("Representation") {
                list_representation([representation, set, period], out);
            }
        }
    }
}

/// The levels are the representation, its adaptation set and its period.
fn list_representation(levels: [&Element; 3], out: &mut Vec<String>) {
    let id = levels[0].attribute("id").unwrap_or_default();
    if levels.iter().any(|level| level.child("SegmentTemplate").is_some()) {
        out.push(format!("representation {id} has a SegmentTemplate"));
        return;
    }
    let lists: Vec<_> = levels.iter().filter_map(|level| level.child("SegmentList")).collect();
    if lists.is_empty() {
        out.push(format!("representation {id}"));
        list_object(levels, out);
        return;
    }
    let number = |name: &str| lists.iter().find_map(|list| list.number(name));
    out.push(format!("representation {id} timescale {}", number("timescale").unwrap_or(1)));
    for (word, name) in [("switching", "BitstreamSwitching"), ("init", "Initialization")] {
        if let Some(source) = find(&lists, name) {
            out.push(line_of(word, source.attribute("sourceURL"), source.attribute("range")));
        }
    }
    let urls: Vec<_> = lists.iter().map(|list| list.all("SegmentURL").collect::<Vec<_>>()).collect();
    let urls = urls.into_iter().find(|urls| !urls.is_empty()).unwrap_or_default();
    let offset = number("presentationTimeOffset").unwrap_or(0);
    let times: Vec<(i128, u64)> = match (find(&lists, "SegmentTimeline"), number("duration")) {
        (Some(timeline), _) => times(timeline, offset),
        (None, Some(duration)) => {
            (0..).map(|at| (at * i128::from(duration), duration)).take(urls.len()).collect()
        }
        (None, None) => vec![(0, 0); urls.len()],
    };
    if times.len() != urls.len() {
        out.push(format!("{} segments with {} times", urls.len(), times.len()));
    }
    for ((time, duration), url) in times.into_iter().zip(urls) {
        let word = format!("segment {time} {duration}");
        out.push(line_of(&word, url.attribute("media"), url.attribute("mediaRange")));
    }
}

/// The element of the lowest level that has it.
fn find<'a>(lists: &[&'a Element], name: &str) -> Option<&'a Element> {
    lists.iter().find_map(|list| list.child(name))
}

fn times(timeline: &Element, offset: u64) -> Vec<(i128, u64)> {
    let mut times = Vec::new();
    let mut next = 0;
    for s in timeline.all("S") {
        let duration = s.number("d").unwrap();
        let mut start = s.number("t").unwrap_or(next);
        for _ in 0..=s.number("r").unwrap_or(0) {
            times.push((i128::from(start) - i128::from(offset), duration));
            start += duration;
        }
        next = start;
    }
    times
}

/// A representation that is a single object.
fn list_object(levels: [&Element; 3], out: &mut Vec<String>) {
    let url = levels[0].child("BaseURL").map_or("nothing", |base_url| base_url.text.trim());
    out.push(format!("object {url}"));
    for base in levels.iter().filter_map(|level| level.child("SegmentBase")) {
        for (word, name) in [("init", "Initialization"), ("index", "RepresentationIndex")] {
            if let Some(source) = base.child(name) {
                out.push(line_of(
                    word,
                    source.attribute("sourceURL").or(Some(url)),
                    source.attribute("range"),
                ));
            }
        }
    }
}

fn line_of(word: &str, url: Option<&str>, range: Option<&str>) -> String {
    let mut line = format!("{word} {}", url.unwrap_or("nothing"));
    if let Some(range) = range {
        let _ = write!(line, " range {range}");
    }
    line
}
