//! Live manifests: what is listed at a given time, and what a refresh changes.

use std::collections::BTreeMap;

use super::*;

/// How long the presentation has been live at [`NOW`], in seconds.
const ON: u64 = 1000;

/// A manifest that has been live for [`ON`] seconds, with these attributes.
fn live(attributes: &str, content: &str) -> String {
    let start = humantime::format_rfc3339(*NOW - Duration::from_secs(ON));
    format!(
        r#"<MPD type="dynamic" availabilityStartTime="{start}" {attributes} suggestedPresentationDelay="PT4S">{content}</MPD>"#
    )
}

fn numbered(template: &str) -> String {
    format!(
        r#"<Period id="1" start="PT0S"><AdaptationSet><SegmentTemplate media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/i.mp4" {template}/><Representation id="v"/></AdaptationSet></Period>"#
    )
}

fn sign_after(text: &str, after: Duration, options: &PlaylistOptions<'_>) -> Result<SignedPlaylist> {
    client().at(*NOW + after).sign_dash_manifest(text, KEY, options)
}

/// The segments of one list by their start times, with the query of each.
fn segments(signed: &str) -> Vec<(u64, String)> {
    let (mut times, mut urls, mut end) = (Vec::new(), Vec::new(), 0);
    for tag in signed.split('<') {
        let value = |name: &str| {
            let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
            Some(&tag[start..start + tag[start..].find('"')?])
        };
        if tag.starts_with("S ") {
            let start = value("t").map_or(end, |t| t.parse().unwrap());
            end = start + value("d").unwrap().parse::<u64>().unwrap();
            times.push(start);
        } else if tag.starts_with("SegmentURL") {
            urls.push(value("media").unwrap().to_owned());
        }
    }
    // With several representations, each has the timeline of all.
    assert_eq!(urls.len() % times.len(), 0);
    times.iter().copied().cycle().zip(urls).collect()
}

fn keys(signed: &str) -> Vec<(u64, String)> {
    segments(signed)
        .into_iter()
        .map(|(time, url)| (time, url[BUCKET.len()..url.find('?').unwrap()].to_owned()))
        .collect()
}

#[test]
fn numbers_become_a_list_of_what_is_available() {
    let text = live(
        r#"timeShiftBufferDepth="PT10S" minimumUpdatePeriod="P100Y""#,
        &numbered(r#"timescale="10" duration="40" startNumber="5" presentationTimeOffset="7""#),
    );
    assert_snapshot!(signed(&text), @r#"
    <MPD type="dynamic" availabilityStartTime="2027-01-15T07:43:20Z" timeShiftBufferDepth="PT10S" minimumUpdatePeriod="PT4S" suggestedPresentationDelay="PT4S">
    <BaseURL><room></BaseURL><Period id="1" start="PT0S"><AdaptationSet>
    <SegmentList timescale="10">
    <SegmentTimeline>
    <S t="9847" d="40"/>
    <S d="40"/>
    <S d="40"/>
    <S d="40"/>
    </SegmentTimeline></SegmentList><Representation id="v">
    <SegmentList timescale="10" presentationTimeOffset="7">
    <Initialization sourceURL="<creator-1/dash/v/v/i.mp4>"/>
    <SegmentURL media="<creator-1/dash/v/v/251.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/v/252.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/v/253.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/v/254.m4s>"/>
    </SegmentList>
    </Representation></AdaptationSet></Period></MPD>
    "#);
}

#[test]
fn what_says_nothing_of_updates_is_read_again_for_each_segment() {
    let text = live("", &numbered(r#"duration="4""#));
    let signed = sign(&text).unwrap();
    assert!(
        signed.as_str().starts_with(r#"<MPD minimumUpdatePeriod="PT4S" type="dynamic""#),
        "{}",
        signed.as_str()
    );
    assert_eq!(signed.url_count(), 251);
    // An update period that is short enough stays.
    let text = live(r#"minimumUpdatePeriod="PT2S""#, &numbered(r#"duration="4""#));
    assert!(sign(&text).unwrap().as_str().contains(r#"minimumUpdatePeriod="PT2S""#));
    // A presentation that has ended is not read again.
    let text = live(r#"mediaPresentationDuration="PT900S""#, &numbered(r#"duration="4""#));
    let signed = sign(&text).unwrap();
    assert!(!signed.as_str().contains("minimumUpdatePeriod"));
    assert_eq!(signed.url_count(), 226);
}

#[test]
fn a_window_may_be_shorter() {
    let text = live(r#"timeShiftBufferDepth="PT2H""#, &numbered(r#"duration="4""#));
    let options = PlaylistOptions::new().dvr_window(Duration::from_secs(60));
    let signed = sign_with(&text, &options).unwrap();
    assert!(signed.as_str().contains(r#"timeShiftBufferDepth="PT60S""#));
    assert_eq!(keys(signed.as_str()).first().unwrap(), &(932, "creator-1/dash/v/v/234.m4s".to_owned()));
    assert_eq!(keys(signed.as_str()).len(), 17);
    // The suggested delay plus three segments.
    let shortest = sign_with(&text, &PlaylistOptions::new().dvr_window(Duration::from_secs(1))).unwrap();
    assert!(shortest.as_str().contains(r#"timeShiftBufferDepth="PT16S""#));
    let longer = sign_with(&text, &PlaylistOptions::new().dvr_window(Duration::from_secs(9 * 3600))).unwrap();
    assert!(longer.as_str().contains(r#"timeShiftBufferDepth="PT2H""#));
    let none = text.replace(r#" timeShiftBufferDepth="PT2H""#, "");
    assert!(
        sign_with(&none, &options)
            .unwrap()
            .as_str()
            .starts_with(r#"<MPD timeShiftBufferDepth="PT60S" minimum"#)
    );
}

const TIMELINE: &str = r#"<SegmentTimeline><S t="100" d="40" r="9"/><S d="20" r="3"/></SegmentTimeline>"#;

fn timed(timeline: &str) -> String {
    format!(
        r#"<Period start="PT950S"><AdaptationSet><SegmentTemplate timescale="10" startNumber="3" presentationTimeOffset="100" media="$RepresentationID$/$Number$-$Time$.m4s">{timeline}</SegmentTemplate><Representation id="v"/><Representation id="w"/></AdaptationSet></Period>"#
    )
}

#[test]
fn timelines_are_listed_as_they_are_unless_the_window_is_shorter() {
    let text = live(r#"timeShiftBufferDepth="PT10S" minimumUpdatePeriod="PT2S""#, &timed(TIMELINE));
    assert_eq!(sign(&text).unwrap().url_count(), 28);
    let options = PlaylistOptions::new().dvr_window(Duration::from_secs(16));
    assert_snapshot!(signed_with(&text, &options), @r#"
    <MPD type="dynamic" availabilityStartTime="2027-01-15T07:43:20Z" timeShiftBufferDepth="PT10S" minimumUpdatePeriod="PT2S" suggestedPresentationDelay="PT4S">
    <BaseURL><room></BaseURL><Period start="PT950S"><AdaptationSet>
    <SegmentList timescale="10">
    <SegmentTimeline>
    <S t="380" d="40"/>
    <S d="40"/>
    <S d="40"/>
    <S d="20"/>
    <S d="20"/>
    <S d="20"/>
    <S d="20"/>
    </SegmentTimeline></SegmentList><Representation id="v">
    <SegmentList timescale="10" presentationTimeOffset="100">
    <SegmentURL media="<creator-1/dash/v/v/10-380.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/v/11-420.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/v/12-460.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/v/13-500.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/v/14-520.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/v/15-540.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/v/16-560.m4s>"/>
    </SegmentList>
    </Representation><Representation id="w">
    <SegmentList timescale="10" presentationTimeOffset="100">
    <SegmentURL media="<creator-1/dash/v/w/10-380.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/w/11-420.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/w/12-460.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/w/13-500.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/w/14-520.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/w/15-540.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/w/16-560.m4s>"/>
    </SegmentList>
    </Representation></AdaptationSet></Period></MPD>
    "#);
}

#[test]
fn an_open_timeline_ends_with_what_is_available() {
    let open = r#"<SegmentTimeline><S t="100" d="30" r="-1"/></SegmentTimeline>"#;
    let signed = sign(&live("", &timed(open))).unwrap();
    assert_eq!(keys(signed.as_str()).last().unwrap(), &(550, "creator-1/dash/v/w/18-550.m4s".to_owned()));
    assert!(signed.as_str().contains(r#"minimumUpdatePeriod="PT3S""#));
}

#[test]
fn segments_that_are_early_are_listed_early() {
    let content = r#"<BaseURL availabilityTimeOffset="1">x/</BaseURL><Period start="PT0S"><AdaptationSet><SegmentTemplate duration="4" availabilityTimeOffset="2.5" availabilityTimeComplete="false" media="$Number$.m4s" startNumber="0"/><Representation id="v"/></AdaptationSet></Period>"#;
    let text = live(r#"timeShiftBufferDepth="PT4S""#, content);
    let list = |after| signed_after(&text, after);
    assert_snapshot!(list(Duration::ZERO), @r#"
    <MPD minimumUpdatePeriod="PT4S" type="dynamic" availabilityStartTime="2027-01-15T07:43:20Z" timeShiftBufferDepth="PT4S" suggestedPresentationDelay="PT4S">
    <BaseURL><?-----------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------</BaseURL><Period start="PT0S"><AdaptationSet>
    <SegmentList>
    <SegmentTimeline>
    <S t="988" d="4"/>
    <S d="4"/>
    <S d="4"/>
    </SegmentTimeline></SegmentList><Representation id="v">
    <SegmentList availabilityTimeOffset="3.5" availabilityTimeComplete="false">
    <SegmentURL media="<creator-1/dash/v/x/247.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/x/248.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/x/249.m4s>"/>
    </SegmentList>
    </Representation></AdaptationSet></Period></MPD>
    "#);
    assert!(!list(Duration::from_millis(499)).contains("/250.m4s"));
    assert!(list(Duration::from_millis(500)).contains("/250.m4s"));
    let endless = text.replace("2.5", "INF");
    assert!(!signed_after(&endless, Duration::ZERO).contains("/250.m4s"), "not all of what has no end");
    let ending = endless.replace(r#"start="PT0S""#, r#"start="PT0S" duration="PT1200S""#);
    assert!(signed_after(&ending, Duration::ZERO).contains("/299.m4s"));
}

fn signed_after(text: &str, after: Duration) -> String {
    let options = PlaylistOptions::new().signing_window(Duration::from_secs(30 * 60));
    let signed = sign_after(text, after, &options).unwrap().into_string();
    signed
        .replace(BUCKET, "<")
        .split("?X-Amz-")
        .enumerate()
        .map(|(at, part)| if at == 0 { part } else { part.split_once('"').map_or("", |(_, rest)| rest) })
        .collect::<Vec<_>>()
        .join(">\"")
}

#[test]
fn periods_come_when_they_have_segments() {
    let period =
        |id: u64, start: u64, set: &str| format!(r#"<Period id="{id}" start="PT{start}S">{set}</Period>"#);
    let set = |duration| {
        format!(
            r#"<AdaptationSet><SegmentTemplate duration="{duration}" media="$Number$.m4s"/><Representation id="v"/></AdaptationSet>"#
        )
    };
    let two = [set(4), set(6)].concat();
    let text = live(
        r#"timeShiftBufferDepth="PT10S" minimumUpdatePeriod="PT1H""#,
        &[period(1, 0, &two), period(2, 1000, &two), period(3, 1100, &two), "<Period id=\"4\"/>".to_owned()]
            .concat(),
    );
    let periods = |after| {
        let signed = sign_after(
            &text,
            Duration::from_secs(after),
            &PlaylistOptions::new().expires_in(Duration::from_secs(9 * 3600)),
        )
        .unwrap();
        let of = |period: &str| (period[1..2].to_owned(), period.matches("<SegmentURL").count());
        signed.as_str().split("<Period id=").skip(1).map(of).collect::<Vec<_>>()
    };
    let all =
        |all: &[(&str, usize)]| all.iter().map(|(id, count)| ((*id).to_owned(), *count)).collect::<Vec<_>>();
    assert_eq!(periods(0), all(&[("1", 8)]));
    assert_eq!(periods(5), all(&[("1", 6)]), "the second set has no segment yet");
    assert_eq!(periods(6), all(&[("1", 6), ("2", 2)]));
    assert_eq!(
        periods(50),
        all(&[("1", 2), ("2", 7)]),
        "its last segments stay for as long as the Period does"
    );
    assert_eq!(periods(106), all(&[("1", 2), ("2", 6), ("3", 2)]));
    assert!(sign(&text).unwrap().as_str().contains(r#"minimumUpdatePeriod="PT4S""#));

    let early = live("", &period(1, 1000, &two));
    let options = PlaylistOptions::new();
    assert_eq!(
        sign_after(&early, Duration::from_secs(1), &options).unwrap().url_count(),
        2,
        "rather than none"
    );
    let early = live("", &period(1, 1001, &two));
    assert_snapshot!(refused(&early), @r#"line 1: no Period has started: the first one starts at 2027-01-15T08:00:01.000Z, and the manifest can be signed from then on"#);
    let empty = live(
        "",
        r#"<Period start="PT0S"><AdaptationSet><SegmentTemplate media="$Time$"><SegmentTimeline/></SegmentTemplate><Representation/></AdaptationSet></Period>"#,
    );
    assert_snapshot!(refused(&empty), @r#"line 1: no Period that has started has a segment"#);
}

#[test]
fn periods_keep_their_times_when_others_are_left_out() {
    let set = |content: &str| {
        format!(
            "<AdaptationSet><SegmentTemplate media='$Time$'>{content}</SegmentTemplate><Representation/></AdaptationSet>"
        )
    };
    let (empty, some) =
        (set("<SegmentTimeline/>"), set("<SegmentTimeline><S d='4' r='1'/></SegmentTimeline>"));
    let text = live(
        "",
        &format!(
            "<Period start='PT10S' duration='PT900.5S'>{empty}</Period><Period  duration='PT8S' id='2'>{some}</Period><Period>{some}</Period><Period start='PT1H'/>"
        ),
    );
    let signed = signed(&text);
    let periods: Vec<_> = signed
        .lines()
        .flat_map(|line| line.match_indices("<Period").map(move |(at, _)| &line[at..]))
        .collect();
    assert_snapshot!(periods.join("\n"), @r#"
    <Period start="PT910.5S"  duration='PT8S' id='2'><AdaptationSet>
    <Period><AdaptationSet>
    "#);
    let later = text.replace("PT900.5S", "PT985S");
    let alone = sign(&later).unwrap().into_string();
    assert!(alone.contains(r#"<Period start="PT995S"   id='2'>"#), "its end would be that of all: {alone}");
}

#[test]
fn subtitles_are_not_waited_for() {
    let text = live(
        "",
        r#"<Period start="PT0S"><AdaptationSet/></Period><Period start="PT995S"><AdaptationSet><SegmentTemplate duration="4" media="$Number$.m4s"/><Representation id="v"/></AdaptationSet>
<AdaptationSet contentType="text"><SegmentTemplate duration="60" media="$Number$.vtt" initialization="i.mp4"/><Representation id="s"/></AdaptationSet></Period>"#,
    );
    assert_snapshot!(signed(&text), @r#"
    <MPD minimumUpdatePeriod="PT4S" type="dynamic" availabilityStartTime="2027-01-15T07:43:20Z"  suggestedPresentationDelay="PT4S">
    <BaseURL><room></BaseURL><Period start="PT995S"><AdaptationSet>
    <SegmentList>
    <SegmentTimeline>
    <S t="0" d="4"/>
    </SegmentTimeline></SegmentList><Representation id="v">
    <SegmentList>
    <SegmentURL media="<creator-1/dash/v/1.m4s>"/>
    </SegmentList>
    </Representation></AdaptationSet>
    <AdaptationSet contentType="text"><Representation id="s">
    <SegmentTemplate initialization="<creator-1/dash/v/i.mp4>"><SegmentTimeline/></SegmentTemplate>
    </Representation></AdaptationSet></Period></MPD>
    "#);
}

#[test]
fn a_set_without_segments_yet_stays() {
    let sets = r#"<Period start="PT0S"><AdaptationSet><SegmentTemplate timescale="10" media="$Time$" initialization="i-$RepresentationID$"><SegmentTimeline/></SegmentTemplate><Representation id="s"/></AdaptationSet>
<AdaptationSet><SegmentTemplate media="$Time$"><SegmentTimeline><S d="4"/></SegmentTimeline></SegmentTemplate><Representation id="v"/></AdaptationSet></Period>"#;
    assert_snapshot!(signed(&live("", sets)), @r#"
    <MPD type="dynamic" availabilityStartTime="2027-01-15T07:43:20Z"  suggestedPresentationDelay="PT4S">
    <BaseURL><room></BaseURL><Period start="PT0S"><AdaptationSet><Representation id="s">
    <SegmentTemplate timescale="10" initialization="<creator-1/dash/v/i-s>"><SegmentTimeline/></SegmentTemplate>
    </Representation></AdaptationSet>
    <AdaptationSet>
    <SegmentList>
    <SegmentTimeline>
    <S t="0" d="4"/>
    </SegmentTimeline></SegmentList><Representation id="v">
    <SegmentList>
    <SegmentURL media="<creator-1/dash/v/0>"/>
    </SegmentList>
    </Representation></AdaptationSet></Period></MPD>
    "#);
}

#[test]
fn lists_are_told_by_their_times() {
    let content = r#"<Period start="PT980S"><AdaptationSet><SegmentList duration="4" timescale="1" startNumber="3" presentationTimeOffset="100"><SegmentURL media="3.m4s"/><SegmentURL media="4.m4s"/><SegmentURL media="5.m4s"/><SegmentURL media="6.m4s"/></SegmentList><Representation id="v"/></AdaptationSet></Period>"#;
    let options = PlaylistOptions::new().dvr_window(Duration::from_secs(1));
    assert_snapshot!(signed_with(&live("", content), &options), @r#"
    <MPD timeShiftBufferDepth="PT16S" type="dynamic" availabilityStartTime="2027-01-15T07:43:20Z"  suggestedPresentationDelay="PT4S">
    <BaseURL><room></BaseURL><Period start="PT980S"><AdaptationSet>
    <SegmentList timescale="1">
    <SegmentTimeline>
    <S t="108" d="4"/>
    <S d="4"/>
    <S d="4"/>
    <S d="4"/>
    </SegmentTimeline></SegmentList><Representation id="v">
    <SegmentList timescale="1" presentationTimeOffset="100">
    <SegmentURL media="<creator-1/dash/v/3.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/4.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/5.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/6.m4s>"/>
    </SegmentList>
    </Representation></AdaptationSet></Period></MPD>
    "#);
}

#[test]
fn what_begins_after_all_dates_is_refused() {
    let period = numbered(r#"duration="4""#);
    for (start, period) in
        [("9999-12-31T23:59:59Z", period.replace("PT0S", "P1D")), ("9999-12-31T23:59:59-14:00", period)]
    {
        let text = format!(r#"<MPD type="dynamic" availabilityStartTime="{start}">{period}</MPD>"#);
        assert_eq!(refused(&text), "line 1: no Period has started: the first one starts after the year 9999");
    }
}

#[test]
fn presentations_may_begin_before_1970() {
    let text =
        r#"<MPD type="dynamic" timeShiftBufferDepth="PT8S" availabilityStartTime="1969-12-31T23:59:44Z">"#
            .to_owned()
            + &numbered(r#"duration="4" startNumber="0""#)
            + "</MPD>";
    // 2027-01-15T08:00:00Z is 1,800,000,000.
    let expected = (1_800_000_012, "creator-1/dash/v/v/450000003.m4s".to_owned());
    assert_eq!(keys(sign(&text).unwrap().as_str()).last(), Some(&expected));
    let default = text.replace("1969-12-31T23:59:44Z", "0001-01-01T00:00:00Z");
    assert_eq!(sign(&default).unwrap().url_count(), sign(&text).unwrap().url_count());
}

#[test]
fn the_longest_subtitles_are_not_waited_for() {
    let sets = |duration: &str| {
        live(
            "",
            &format!(
                r#"<Period start="PT0S"><AdaptationSet><SegmentTemplate duration="4" media="$Number$.m4s"/><Representation id="v"/></AdaptationSet>
<AdaptationSet contentType="text"><SegmentTemplate duration="{duration}" media="$Number$.vtt"/><Representation id="s"/></AdaptationSet></Period>"#
            ),
        )
    };
    assert!(sign(&sets("86400")).is_ok());
    let window = PlaylistOptions::new().dvr_window(Duration::from_secs(1));
    let signed = sign_with(&sets("60"), &window).unwrap();
    assert!(signed.as_str().contains(r#"timeShiftBufferDepth="PT16S""#), "{}", signed.as_str());
}

#[test]
fn what_is_over_is_not_updated() {
    let text = live(
        r#"mediaPresentationDuration="PT900S""#,
        &("<Period start='PT0S' duration='PT0S'/>".to_owned() + &numbered(r#"duration="4""#)),
    );
    assert!(!sign(&text).unwrap().as_str().contains("minimumUpdatePeriod"));
}

#[test]
fn attributes_need_no_space_between_them() {
    let set = r#"<AdaptationSet><SegmentTemplate duration="4" media="$Number$.m4s"/><Representation id="v"/></AdaptationSet></Period>"#;
    for first in [r#"id="1"duration="PT1000S" start="PT0S""#, r#"duration="PT1000S"start="PT0S""#] {
        let text = live("", &format!(r#"<Period {first}>{set}<Period id="2" start="PT1000S">{set}"#));
        let signed = sign(&text).unwrap().into_string();
        assert!(
            signed.contains(&format!("<Period {}>", first.replace(r#"duration="PT1000S""#, ""))),
            "{signed}"
        );
        assert!(sign(&signed).is_ok());
    }
}

#[test]
fn many_representations_of_a_long_timeline_are_refused() {
    let text = |representations: usize| {
        let timeline = "<S d='1'/>".repeat(10_000);
        live(
            "",
            &format!(
                r#"<Period start="PT0S"><AdaptationSet><SegmentTemplate timescale="10" media="$Number$.m4s"><SegmentTimeline>{timeline}</SegmentTimeline></SegmentTemplate>{}</AdaptationSet></Period>"#,
                "<Representation/>".repeat(representations)
            ),
        )
    };
    let window = || PlaylistOptions::new().dvr_window(Duration::from_secs(1));
    assert_eq!(sign_with(&text(2), &window()).unwrap().url_count(), 2 * 45);
    let error = sign_with(&text(201), &window()).unwrap_err();
    assert!(error.message().contains("have more than 2000000 S together"), "{error}");
}

#[test]
fn what_cannot_be_listed_is_refused() {
    let endless = live("", &numbered(r#"duration="1" timescale="1000""#));
    let ancient = r#"<MPD type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z">"#.to_owned()
        + &numbered(r#"duration="1" timescale="1000""#)
        + "</MPD>";
    assert_snapshot!(refused(&endless), @r#"line 1: there are 1000000 segments, but only 19999 more URLs are allowed: `PlaylistOptions::max_urls` sets the limit; the manifest has no timeShiftBufferDepth, so all segments since its start are listed: set `PlaylistOptions::dvr_window` to list fewer"#);
    assert_snapshot!(refused(&ancient), @r#"line 1: there are 1800000000000 segments, but only 19999 more URLs are allowed: `PlaylistOptions::max_urls` sets the limit; the manifest has no timeShiftBufferDepth, so all segments since its start are listed: set `PlaylistOptions::dvr_window` to list fewer"#);
    assert_snapshot!(refused(&ancient.replace("1000", "4294967295")), @r#"line 1: there are 7730941131000000000 segments, but only 19999 more URLs are allowed: `PlaylistOptions::max_urls` sets the limit; the manifest has no timeShiftBufferDepth, so all segments since its start are listed: set `PlaylistOptions::dvr_window` to list fewer"#);
    assert_snapshot!(refused(&ancient.replace("startNumber", "x").replace("duration=\"1\"", "duration=\"1\" startNumber=\"18446744073709551615\"")), @r#"line 1: the startNumber 18446744073709551615 is too large"#);
    assert_snapshot!(refused("<MPD type='dynamic'><Period/></MPD>"), @r#"line 1: the manifest is dynamic but has no availabilityStartTime, so its available segments are unknown"#);
    let window = PlaylistOptions::new().dvr_window(Duration::from_secs(2));
    assert_eq!(sign_with(&ancient, &window).unwrap().url_count(), 2003, "of 1,800,000,000,000");

    let seldom = live(r#"minimumUpdatePeriod="PT1M""#, &timed(TIMELINE));
    let life = |life| sign_with(&seldom, &PlaylistOptions::new().expires_in(Duration::from_secs(life)));
    assert_snapshot!(life(67).unwrap_err().message(), @r#"line 1: the URLs are valid for 67s, but players need them for 68s, until the next update plus their delay: set a longer `PlaylistOptions::expires_in` or a shorter `PlaylistOptions::signing_window`"#);
    assert!(life(68).is_ok());
    let window =
        PlaylistOptions::new().expires_in(Duration::from_secs(100)).signing_window(Duration::from_secs(50));
    assert!(sign_with(&seldom, &window).is_err());
    let at = PlaylistOptions::new().expires_at(*NOW + Duration::from_secs(67));
    assert!(sign_with(&seldom, &at).is_err());
}

fn any_live() -> impl Strategy<Value = String> {
    let timeline = (prop::collection::vec((1..9_u64, 0..5_i64), 0..3), any::<bool>(), 0..900_u64).prop_map(
        |(all, open, start)| {
            let s = |(d, r): (u64, i64)| format!("<S d='{d}' r='{r}'/>");
            let open = if open { "<S d='3' r='-1'/>" } else { "" };
            let all = all.into_iter().map(s).collect::<String>() + open;
            format!(
                "<SegmentTimeline>{}</SegmentTimeline>",
                all.replacen("<S", &format!("<S t='{start}'"), 1)
            )
        },
    );
    let template = (1..20_u64, 1..9_u64, 0..50_u64, prop::option::of(timeline), prop::option::of(0..9_u8)).prop_map(
        |(duration, timescale, offset, timeline, early)| {
            let early = early.map(|early| format!("availabilityTimeOffset='{early}'")).unwrap_or_default();
            let duration = if timeline.is_some() { String::new() } else { format!("duration='{duration}'") };
            format!(
                "<SegmentTemplate timescale='{timescale}' {duration} {early} presentationTimeOffset='{offset}' media='$RepresentationID$/$Number$.m4s'>{}</SegmentTemplate>",
                timeline.unwrap_or_default()
            )
        },
    );
    let period =
        (prop::option::of(0..400_u64), prop::option::of(0..300_u64), prop::collection::vec(template, 1..3))
            .prop_map(|(later, duration, templates)| {
                let duration =
                    duration.map(|duration| format!(" duration='PT{duration}S'")).unwrap_or_default();
                let set = |template: &String| {
                    ["<AdaptationSet>", template, "<Representation id='r'/></AdaptationSet>"].concat()
                };
                let sets: String = templates.iter().map(set).collect();
                (later, format!("{duration}>{sets}</Period>"))
            });
    (prop::option::of(0..500_u64), prop::collection::vec(period, 1..4)).prop_map(|(depth, periods)| {
        let depth = depth.map(|depth| format!("timeShiftBufferDepth='PT{depth}S'")).unwrap_or_default();
        let mut start = 0;
        let period = |(later, period): (Option<u64>, String)| {
            start += later.unwrap_or(0);
            let start = later.map(|_| format!(" start='PT{start}S'")).unwrap_or_default();
            format!("<Period{start}{period}")
        };
        live(&depth, &periods.into_iter().map(period).collect::<String>())
    })
}

/// The URLs of each set of each period, by time.
fn by_time(signed: &str) -> BTreeMap<(String, usize), BTreeMap<u64, String>> {
    let mut all = BTreeMap::new();
    for period in signed.split("<Period").skip(1) {
        // The last period has no duration until another one follows.
        let name = period.split('>').next().unwrap().split(" duration").next().unwrap().trim().to_owned();
        for (number, set) in period.split("<AdaptationSet").skip(1).enumerate() {
            if set.contains("<SegmentURL") {
                all.insert((name.clone(), number), segments(set).into_iter().collect());
            }
        }
    }
    all
}

proptest! {
    /// Segments in both the old and the new list are the same, and segments disappear only at the front.
    #[test]
    fn a_refresh_only_moves_the_window(text in any_live(), first in 0..200_u64, second in 0..60_u64, dvr in prop::option::of(0..300_u64)) {
        let options = || {
            let options = PlaylistOptions::new().signing_window(Duration::from_secs(30 * 60));
            match dvr {
                Some(dvr) => options.dvr_window(Duration::from_secs(dvr)),
                None => options,
            }
        };
        let at = |after| sign_after(&text, Duration::from_secs(after), &options());
        if let Ok(before) = at(first) {
            let after = at(first + second).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let (before, after) = (by_time(before.as_str()), by_time(after.as_str()));
            for (place, old) in before {
                let new = after.get(&place).ok_or_else(|| TestCaseError::fail(format!("{place:?} is gone")))?;
                let (Some((first, _)), Some((last, _))) = (new.first_key_value(), old.last_key_value()) else { continue };
                prop_assert!(new.last_key_value().unwrap().0 >= last);
                for (time, url) in old.range(first..) {
                    prop_assert_eq!(new.get(time), Some(url), "{} of {:?}", time, place);
                }
            }
        }
    }

    /// A signed manifest can be signed again, with the same content.
    #[test]
    fn what_is_live_can_be_signed_again(text in any_live()) {
        if let Ok(signed) = sign(&text) {
            let again = sign(signed.as_str()).map_err(|error| TestCaseError::fail(format!("{error}: {}", signed.as_str())))?;
            prop_assert_eq!(again.as_str(), signed.as_str());
        }
    }
}
