use std::time::Duration;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::playlist::testing::{BUCKET, NOW, abbreviated, client};

const KEY: &str = "creator-1/dash/v/manifest.mpd";

fn sign_with(text: &str, options: &PlaylistOptions<'_>) -> Result<SignedPlaylist> {
    client().sign_dash_manifest(text, KEY, options)
}

fn sign(text: &str) -> Result<SignedPlaylist> {
    sign_with(text, &PlaylistOptions::new())
}

fn refused(text: &str) -> String {
    sign(text).unwrap_err().message().to_owned()
}

/// The signed manifest as [`abbreviated`] shows it, without the `BaseURL` that reserves memory, whose length
/// is checked.
fn signed_with(text: &str, options: &PlaylistOptions<'_>) -> String {
    let manifest = sign_with(text, options).unwrap();
    let manifest = manifest.as_str();
    let start = format!("BaseURL>{BUCKET}?");
    let Some((before, room)) = manifest.split_once(&start) else { return abbreviated(manifest) };
    let (room, behind) = room.split_once('<').unwrap();
    assert!(room.bytes().all(|byte| byte == b'-'));
    let urls = behind.split(['"', '<', '>']).filter(|url| url.contains("://"));
    let longest = urls.map(|url| url.replace("&amp;", "&").len()).max().unwrap();
    assert_eq!(BUCKET.len() + 1 + room.len(), longest);
    abbreviated(&format!("{before}BaseURL><room><{behind}"))
}

fn signed(text: &str) -> String {
    signed_with(text, &PlaylistOptions::new())
}

/// A manifest with this content in its only period of 10 seconds.
fn period(content: &str) -> String {
    format!(r#"<MPD mediaPresentationDuration="PT10S"><Period>{content}</Period></MPD>"#)
}

/// A manifest with a single representation with this content.
fn representation(content: &str) -> String {
    period(&format!(
        r#"<AdaptationSet><Representation id="v" bandwidth="9">{content}</Representation></AdaptationSet>"#
    ))
}

/// A manifest as ffmpeg writes it, with some elements that ffmpeg does not write.
const FILM: &str = include_str!("tests/film.mpd");

#[test]
fn timelines_become_lists() {
    let manifest = sign(FILM).unwrap();
    assert_eq!(manifest.url_count(), 13);
    assert_eq!(manifest.expires_at(), *NOW + Duration::from_secs(3600));
    assert!(!format!("{manifest:?}").contains("Signature"));
    assert_snapshot!(signed(FILM));
}

#[test]
fn equal_segments_fill_the_period() {
    let text = r#"<?xml version="1.0"?>
<m:MPD xmlns:m="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT9.5S">
  <m:Period>
    <m:SegmentTemplate timescale="1000" startNumber="0" presentationTimeOffset="500" presentationDuration="7"/>
    <m:AdaptationSet mimeType="video/mp4">
      <m:SegmentTemplate duration="4000" media="$RepresentationID$/$Bandwidth%06d$-$Number%03d$.m4s" initialization="init.mp4"/>
      <m:Representation id="a" bandwidth="100"/>
      <m:Representation id="b/c" bandwidth="200">
        <m:SegmentTemplate startNumber="7" endNumber="8" initialization="$RepresentationID$.mp4"/>
        <m:SubRepresentation level="1"/>
      </m:Representation>
      <m:Representation id="c" bandwidth="300"><m:SegmentTemplate media="$Time$.m4s?v=1"/></m:Representation>
    </m:AdaptationSet>
  </m:Period>
</m:MPD>
"#;
    assert_snapshot!(signed(text));
}

#[test]
fn timelines_that_differ_stay_in_their_representations() {
    let text = period(
        r#"<AdaptationSet>
<SegmentTemplate timescale="10" media="$RepresentationID$-$Time$.m4s"><SegmentTimeline><S d="30" r="-1"/></SegmentTimeline></SegmentTemplate>
<Representation id="a"/>
<Representation id="b"><SegmentTemplate presentationTimeOffset="50"><SegmentTimeline><S t="50" d="60"/><S t="120" d="30"/></SegmentTimeline></SegmentTemplate></Representation>
</AdaptationSet>"#,
    );
    assert_snapshot!(signed(&text));
}

#[test]
fn lists_keep_their_ranges_and_an_object_is_signed_once() {
    let text = period(
        r#"<AdaptationSet>
<SegmentList timescale="10" duration="40" startNumber="1"><Initialization range="0-99"/>
<SegmentURL mediaRange="100-199" indexRange="100-119"/><SegmentURL mediaRange="200-299" index="i.sidx" indexRange="0-9"/></SegmentList>
<Representation id="a"><BaseURL>a.mp4</BaseURL></Representation>
<Representation id="b"><BaseURL>b.mp4</BaseURL><SegmentList>
<Initialization sourceURL="a.mp4" range="5-"/><SegmentURL media="c&amp;d.mp4"/><SegmentURL media="a.mp4" mediaRange="300-399"/></SegmentList></Representation>
</AdaptationSet>"#,
    );
    assert_snapshot!(signed(&text));
    let hashed = client()
        .with_url_signer(Duration::from_secs(3600), *NOW, |signer| {
            let plan = Planner::new(&text, KEY, &PlaylistOptions::new(), signer, *NOW)?
                .plan(&parser::parse(&text).unwrap());
            Ok(plan.unwrap().paths.len())
        })
        .unwrap();
    assert_eq!(hashed, 2, "a.mp4 and c&d.mp4");
}

#[test]
fn objects_get_presigned_base_urls() {
    let text = period(
        r#"
  <AdaptationSet><BaseURL>video/</BaseURL><SegmentBase timescale="90000" indexRange="800-999"/>
    <Representation id="a">
      <Role schemeIdUri="x"/>
      <BaseURL>a.mp4</BaseURL>
      <SegmentBase><Initialization range="0-799"/></SegmentBase>
    </Representation>
    <Representation id="b"><BaseURL> b.mp4 </BaseURL><SegmentBase indexRange='0-9'><Initialization sourceURL="b-init.mp4" range="0-1"/><RepresentationIndex sourceURL='https://other.example/i?a&amp;b'/></SegmentBase></Representation>
  </AdaptationSet>
  <AdaptationSet lang="en"><BaseURL>subtitles/en.vtt</BaseURL><Representation id="c" mimeType="text/vtt"/></AdaptationSet>
  <AdaptationSet lang="de"><BaseURL>subtitles/de.vtt</BaseURL><Representation id="d" mimeType="text/vtt">
  </Representation></AdaptationSet>"#,
    );
    assert_snapshot!(signed(&text));
}

#[test]
fn base_urls_nest_and_may_lead_elsewhere() {
    let text = r#"<MPD><BaseURL serviceLocation="a">https://cdn.example/x/</BaseURL><BaseURL>sub/</BaseURL><Location>https://other.example/</Location>
<Period duration="PT1S"><BaseURL>p1/</BaseURL>
<AdaptationSet><BaseURL><![CDATA[a&b/]]></BaseURL><Representation id="v"><BaseURL>v/</BaseURL>
<SegmentTemplate duration="1" media="$Number$.m4s"/></Representation>
<Representation id="w"><BaseURL>/creator-1/</BaseURL><SegmentTemplate duration="1" media="a%20$Number$&amp;b.m4s#f"/></Representation></AdaptationSet></Period>
<Period duration="PT1S"><BaseURL>http://ads.example/ad/?q</BaseURL>
<AdaptationSet><SegmentTemplate duration="1" media="$RepresentationID$&amp;$Number$.m4s" initialization="http://127.0.0.1:9710/media/creator-1/init.mp4"/><Representation id="ad"/></AdaptationSet>
<AdaptationSet><Representation id="o"><BaseURL>ad.mp4?a&amp;b</BaseURL></Representation></AdaptationSet></Period></MPD>"#;
    assert_snapshot!(signed(text));
}

#[test]
fn periods_follow_each_other() {
    let set = r#"<AdaptationSet><SegmentTemplate duration="2" media="$RepresentationID$-$Number$"/><Representation id="v"/></AdaptationSet>"#;
    let text = format!(
        r#"<MPD mediaPresentationDuration="PT20S"><Period>{set}</Period><Period start="PT4S" duration="PT1S">{set}</Period>
        <Period>{set}</Period><Period start="PT9S">{set}</Period></MPD>"#
    );
    let signed = signed(&text);
    let counts: Vec<_> =
        signed.split("<Period").skip(1).map(|period| period.matches("<SegmentURL").count()).collect();
    assert_eq!(counts, [2, 1, 2, 6]);
    let unknown = format!("<MPD><Period>{set}</Period><Period>{set}</Period></MPD>");
    assert!(refused(&unknown).contains("the duration of the Period"));
}

#[test]
fn representations_can_be_chosen() {
    let small = |it: &crate::playlist::Representation<'_>| it.height.is_none_or(|height| height < 100);
    assert_snapshot!(signed_with(FILM, &PlaylistOptions::new().representations(small)));

    let seen = std::sync::Mutex::new(Vec::new());
    let options = PlaylistOptions::new().representations(|it| {
        seen.lock().unwrap().push(format!("{it:?}"));
        it.content_type == Some("audio") && it.language == Some("und") && it.mime_type == Some("audio/mp4")
    });
    let signed = signed_with(FILM, &options);
    assert_eq!(signed.matches("<AdaptationSet").count(), 1);
    assert_eq!(signed.matches("<Representation").count(), 1);
    assert_snapshot!(seen.lock().unwrap().join("\n"), @r#"
    Representation { id: Some("0"), bandwidth: Some(307469), width: Some(320), height: Some(180), mime_type: Some("video/mp4"), codecs: Some("avc1.42c00d"), content_type: Some("video"), language: Some("und") }
    Representation { id: Some("1"), bandwidth: Some(102857), width: Some(160), height: Some(90), mime_type: Some("video/mp4"), codecs: Some("avc1.42c00c"), content_type: Some("video"), language: Some("und") }
    Representation { id: Some("2"), bandwidth: Some(69196), width: None, height: None, mime_type: Some("audio/mp4"), codecs: Some("mp4a.40.2"), content_type: Some("audio"), language: Some("und") }
    "#);

    let none = sign_with(FILM, &PlaylistOptions::new().representations(|_| false)).unwrap_err().to_string();
    assert!(none.contains("line 14: `PlaylistOptions::representations` chooses none"), "{none}");
}

/// Attacks by someone who can upload a manifest.
#[test]
fn hostile_manifests() {
    let template = |attributes: &str, content: &str| {
        representation(&format!("<SegmentTemplate {attributes}>{content}</SegmentTemplate>"))
    };
    let timeline =
        |s: &str| template(r#"media="$Time$""#, &format!("<SegmentTimeline>{s}</SegmentTimeline>"));
    let media = |media: &str| template(&format!(r#"duration="5" media="{media}""#), "");
    let base_url = |url: &str| representation(&format!("<BaseURL>{url}</BaseURL>"));
    let list = |content: &str| representation(&format!("<SegmentList>{content}</SegmentList>"));
    let long = "a".repeat(5000);
    let corpus = [
        String::new(),
        "#EXTM3U".to_owned(),
        "{}".to_owned(),
        "\n\n<html/>".to_owned(),
        "<MPD>".to_owned(),
        "<MPD><Period></MPD></Period>".to_owned(),
        "<MPD/><MPD/>".to_owned(),
        "<MPD/>&amp;".to_owned(),
        "\u{feff}\u{feff}<MPD/>".to_owned(),
        "<MPD type='static' type='dynamic'/>".to_owned(),
        "<MPD type=\"dynamic\"/>".to_owned(),
        "<MPD type=\"other\"/>".to_owned(),
        "<MPD type=\"dynamic\" availabilityStartTime=\"today\"/>".to_owned(),
        "<MPD type=\"dynamic\" minimumUpdatePeriod=\"5\"/>".to_owned(),
        "<MPD><BaseURL availabilityTimeOffset=\"soon\">a</BaseURL></MPD>".to_owned(),
        format!("<MPD>{}<Period>{}</Period></MPD>", "<BaseURL>a/</BaseURL>".repeat(5), "<BaseURL>a/</BaseURL>".repeat(4)),
        "<MPD mediaPresentationDuration=\"1Y\"/>".to_owned(),
        "<!DOCTYPE MPD [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><MPD>&b;</MPD>".to_owned(),
        "<MPD><BaseURL>&b;</BaseURL></MPD>".to_owned(),
        "<MPD type=\"&b;\"/>".to_owned(),
        "<MPD>\n<Period xmlns:x=\"http://www.w3.org/1999/xlink\" x:href=\"https://other.example/period.xml\"/></MPD>".to_owned(),
        "<MPD><InitializationSet id=\"1\" initialization=\"i.mp4\"/></MPD>".to_owned(),
        period("<EssentialProperty schemeIdUri=\"urn:mpeg:dash:urlparam:2014\"/>"),
        format!("<MPD>{}</MPD>", "<Period/>".repeat(10_001)),
        base_url("/creator-2/a.mp4"),
        base_url("../../../creator-2/a.mp4"),
        base_url("%2e%2e/%2E%2E/.%2e/creator-2/a.mp4"),
        base_url("http://127.0.0.1:9710/media/creator-2/a.mp4"),
        base_url("x%2F..%2F..%2F..%2F..%2Fcreator-2/a.mp4"),
        base_url("a%FF.mp4"),
        base_url("a&#x7;.mp4"),
        base_url(&long),
        base_url("folder/"),
        representation(""),
        representation("<BaseURL>data:,a</BaseURL><SegmentTemplate media=\"a\"/>"),
        media("/creator-2/$Number$.m4s"),
        media("../../../$RepresentationID$/$Number$"),
        media("$Number"),
        media("$SubNumber$"),
        media("$Number%099999999d$"),
        media("$RepresentationID%05d$"),
        media("a.m4s"),
        media(&long),
        template("duration=\"5\"", ""),
        template("media=\"$Number$\"", ""),
        template("media=\"$Number$\" duration=\"1\" timescale=\"4294967295\"", ""),
        template("media=\"$Number$\" duration=\"0\"", ""),
        template("media=\"$Number$\" duration=\"-1\"", ""),
        template("media=\"$Number$\" duration=\"1\" timescale=\"0\"", ""),
        template("media=\"$Number$\" duration=\"5\" startNumber=\"18446744073709551615\"", ""),
        template("media=\"$Number$\" duration=\"5\" startNumber=\"5\" endNumber=\"3\"", ""),
        template("media=\"$Number$\" duration=\"5\" initialization=\"$Number$.mp4\"", ""),
        template("media=\"$Number$\" duration=\"5\" bitstreamSwitching=\"$Number$.mp4\"", ""),
        timeline(""),
        timeline("<S/>"),
        timeline("<S d=\"0\"/>"),
        timeline("<S d=\"1\" r=\"9223372036854775807\"/>"),
        timeline("<S d=\"1\" r=\"9223372036854775808\"/>"),
        timeline("<S d=\"18446744073709551615\" r=\"1\"/>"),
        timeline("<S d=\"1\" r=\"-1\"/><S d=\"1\"/>"),
        timeline("<S d=\"5\" k=\"5\"/>"),
        timeline("<S n=\"18446744073709551615\" d=\"5\"/>"),
        timeline("<S p=\"1\" d=\"5\"/>"),
        timeline("<Pattern id=\"1\"/>"),
        list(""),
        list("<SegmentURL/>"),
        list("<SegmentURL media=\"/creator-2/a.m4s\"/>"),
        list("<SegmentURL media=\"a.m4s\" mediaRange='0-1\" x=\"'/>"),
        list("<Initialization sourceURL=\"../../../b/i.mp4\"/><SegmentURL media=\"a.m4s\"/>"),
        list("<BitstreamSwitching sourceURL=\"/b.mp4\"/><SegmentURL media=\"a.m4s\"/>"),
        list("<SegmentTimeline><S d=\"5\"/></SegmentTimeline><SegmentURL media=\"a\"/><SegmentURL media=\"b\"/>"),
        representation("<SegmentTemplate media=\"a\"/><SegmentTemplate media=\"b\"/>"),
        period("<SegmentBase/><AdaptationSet><Representation><SegmentTemplate media=\"a\"/></Representation></AdaptationSet>"),
        period("<AdaptationSet><SegmentBase><Initialization sourceURL=\"i\"/></SegmentBase><Representation><BaseURL>a</BaseURL></Representation><Representation><BaseURL>b/b</BaseURL></Representation></AdaptationSet>"),
        period("<AdaptationSet><Representation><SegmentTemplate media=\"$RepresentationID$\"/></Representation></AdaptationSet>"),
    ];
    let errors: Vec<_> = corpus
        .iter()
        .map(|text| {
            let shown: String = text.chars().take(300).collect();
            format!("{shown:?}\n    {}", refused(text))
        })
        .collect();
    assert_snapshot!(errors.join("\n"));
}

#[test]
fn limits_and_options_are_checked() {
    let text = representation("<SegmentTemplate duration=\"5\" media=\"$Number$\" initialization=\"i\"/>");
    let sign = |options: PlaylistOptions<'_>| sign_with(&text, &options).map_err(|error| error.to_string());
    assert_eq!(sign(PlaylistOptions::new().max_urls(3)).unwrap().url_count(), 3);
    assert!(
        sign(PlaylistOptions::new().max_urls(2))
            .unwrap_err()
            .contains("there are 2 segments, but only 1 more")
    );
    assert!(sign(PlaylistOptions::new().max_urls(0)).unwrap_err().contains("more than 0 URLs"));
    assert!(sign(PlaylistOptions::new().max_manifest(text.len())).is_ok());
    assert!(sign(PlaylistOptions::new().max_manifest(text.len() - 1)).unwrap_err().contains("max_manifest"));
    assert!(sign(PlaylistOptions::new().prefix("creator-1")).unwrap_err().contains("end with \"/\""));
    assert!(sign(PlaylistOptions::new().prefix("creator-1/dash/v/")).is_ok());
    assert!(sign(PlaylistOptions::new().prefix("creator-2/")).unwrap_err().contains("lies outside"));
    assert!(
        sign(PlaylistOptions::new().expires_in(Duration::from_secs(200 * 3600)))
            .unwrap_err()
            .contains("1 to 604800 whole seconds")
    );

    let long = "%20".repeat(900);
    let heavy = representation(&format!(
        "<SegmentTemplate timescale=\"2000\" duration=\"1\" media=\"{long}$Number$\"/>"
    ));
    assert!(refused(&heavy).contains("bytes together"));
    let deep = format!("<MPD>{}{}</MPD>", "<a>".repeat(100_000), "</a>".repeat(100_000));
    assert_eq!(client().sign_dash_manifest(&deep, KEY, &PlaylistOptions::new()).unwrap().as_str(), deep);
}

/// URLs of 460 bytes. Those of R2 have about 420 with keys of this length.
#[test]
fn ten_hours_in_six_representations_can_be_signed() {
    let folder = "a".repeat(147);
    let representations =
        ["0", "1", "2", "3", "4", "5"].map(|id| ["<Representation id='", id, "'/>"].concat()).concat();
    let text = format!(
        r#"<MPD mediaPresentationDuration="PT10H"><Period><AdaptationSet><SegmentTemplate duration="4" media="{folder}/chunk-stream$RepresentationID$-$Number%05d$.m4s" initialization="init-stream$RepresentationID$.m4s"/>{representations}</AdaptationSet></Period></MPD>"#
    );
    assert!(refused(&text).contains("`PlaylistOptions::max_urls` sets"));
    let signed = sign_with(&text, &PlaylistOptions::new().max_urls(54_006)).unwrap();
    assert_eq!(signed.url_count(), 54_006);
    let url = signed.as_str().split('"').find(|part| part.contains("chunk-stream5-09000.m4s")).unwrap();
    assert_eq!(url.replace("&amp;", "&").len(), 460);
}

#[test]
fn the_choice_among_base_urls_is_short_and_counted() {
    let text = |length: usize, alternatives: u8, representations: usize| {
        let choice = "x".repeat(length);
        let base_url = |at| format!(r#"<BaseURL serviceLocation="{choice}">//h/{at}</BaseURL>"#);
        format!(
            "<MPD>{}<Period><AdaptationSet>{}</AdaptationSet></Period></MPD>",
            (0..alternatives).map(base_url).collect::<String>(),
            "<Representation/>".repeat(representations)
        )
    };
    assert!(sign(&text(230, 2, 1)).unwrap().as_str().contains("xx\">//h/1<"));
    assert!(refused(&text(300, 1, 1)).contains("of a BaseURL have more than 256 bytes"));
    let error = sign_with(&text(230, 16, 9990), &PlaylistOptions::new().max_urls(200_000)).unwrap_err();
    assert!(error.message().contains("bytes together"), "{error}");
}

#[test]
fn attributes_may_be_repeated_at_length() {
    let repeated = r#"duration="PT1S" "#.repeat(20_000);
    let text = representation(r#"<SegmentTemplate duration="1" media="$Number$"/>"#)
        .replace("<Period>", &format!(r#"<Period {repeated}duration="PT7S">"#));
    assert_eq!(sign(&text).unwrap().url_count(), 7);
}

#[test]
fn the_times_of_static_manifests_do_not_count() {
    let text = representation("<BaseURL>a.mp4</BaseURL>").replace(
        "<MPD ",
        r#"<MPD availabilityStartTime="long ago" availabilityEndTime="0001-01-01T00:00:00Z" minimumUpdatePeriod="PT-1S" "#,
    );
    assert!(sign(&text).unwrap().as_str().contains(r#"availabilityStartTime="long ago""#));
}

#[test]
fn urls_are_the_same_within_a_signing_window() {
    let text = representation("<BaseURL>a.mp4</BaseURL>");
    let options = PlaylistOptions::new().signing_window(Duration::from_secs(15 * 60));
    let sign = |after| {
        client().at(*NOW + Duration::from_secs(after)).sign_dash_manifest(&text, KEY, &options).unwrap()
    };
    assert_eq!(sign(0), sign(899));
    assert_ne!(sign(0), sign(900));
}

#[test]
fn a_single_segment_is_as_long_as_its_period() {
    let text = r#"<MPD mediaPresentationDuration="PT10.01S"><Period><AdaptationSet>
<SegmentTemplate timescale="30" media="$RepresentationID$.vtt" bitstreamSwitching="b-$RepresentationID$.mp4"/>
<Representation id="v"/></AdaptationSet></Period><Period/></MPD>"#;
    assert_snapshot!(signed(text), @r#"
    <MPD mediaPresentationDuration="PT10.01S">
    <BaseURL><room></BaseURL><Period><AdaptationSet>
    <Representation id="v">
    <SegmentList timescale="30">
    <BitstreamSwitching sourceURL="<creator-1/dash/v/b-v.mp4>"/>
    <SegmentURL media="<creator-1/dash/v/v.vtt>"/>
    </SegmentList>
    </Representation></AdaptationSet></Period><Period/></MPD>
    "#);
    let ended = text.replace("<Period/>", "<Period start='PT10.01S'/>");
    assert_snapshot!(signed(&ended), @r#"
    <MPD mediaPresentationDuration="PT10.01S">
    <BaseURL><room></BaseURL><Period><AdaptationSet>
    <Representation id="v">
    <SegmentList timescale="30" duration="301">
    <BitstreamSwitching sourceURL="<creator-1/dash/v/b-v.mp4>"/>
    <SegmentURL media="<creator-1/dash/v/v.vtt>"/>
    </SegmentList>
    </Representation></AdaptationSet></Period><Period start='PT10.01S'/></MPD>
    "#);
}

#[test]
fn what_players_take_is_taken() {
    let text = r#"<MPD xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dvb="urn:dvb:dash:dash-extensions:2014-1" mediaPresentationDuration="PT10S">
<SupplementalProperty schemeIdUri="urn:mpeg:dash:urlparam:2014"/><Location>../live.mpd</Location>
<Period xlink:href="urn:mpeg:dash:resolve-to-zero:2013" xlink:actuate="onLoad"/>
<Period><EventStream xlink:href="urn:mpeg:dash:resolve-to-zero:2013"><Event/></EventStream>
<SegmentBase><Initialization sourceURL="i.mp4"/></SegmentBase>
<AdaptationSet><Representation id="a"><BaseURL serviceLocation="a&amp;b" dvb:priority="1" other="x">https://cdn.example/a.mp4</BaseURL>
<BaseURL>/creator-2/a.mp4</BaseURL><BaseURL dvb:weight="2" availabilityTimeOffset="3">a.mp4</BaseURL></Representation>
<Representation id="b"><BaseURL>b.mp4</BaseURL></Representation></AdaptationSet></Period>
<Period duration="PT4S"><BaseURL>../../../x/</BaseURL><BaseURL>sub/</BaseURL><AdaptationSet><Representation id="c">
<SegmentTemplate media="$Number$.m4s"><SegmentTimeline><S n="7" d="2" k="1" x:y="z"/><S d="2"/></SegmentTimeline><BitstreamSwitching sourceURL="b.mp4" range="0-9"/></SegmentTemplate>
</Representation></AdaptationSet></Period></MPD>"#;
    let options = PlaylistOptions::new().child_url(|key| Ok(format!("https://app.example/?a&k={key}")));
    assert_snapshot!(signed_with(text, &options), @r#"
    <MPD xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dvb="urn:dvb:dash:dash-extensions:2014-1" mediaPresentationDuration="PT10S">
    <BaseURL><room></BaseURL>
    <Location>https://app.example/?a&amp;k=creator-1/dash/live.mpd</Location>
    <Period>
    <SegmentBase><Initialization sourceURL="<creator-1/dash/v/i.mp4>"/></SegmentBase>
    <AdaptationSet><Representation id="a">
    <BaseURL serviceLocation="a&amp;b" dvb:priority="1">https://cdn.example/a.mp4</BaseURL>
    <BaseURL dvb:weight="2"><creator-1/dash/v/a.mp4></BaseURL></Representation>
    <Representation id="b">
    <BaseURL><creator-1/dash/v/b.mp4></BaseURL></Representation></AdaptationSet></Period>
    <Period duration="PT4S"><AdaptationSet>
    <SegmentList>
    <SegmentTimeline>
    <S t="0" d="2"/>
    <S d="2"/>
    </SegmentTimeline></SegmentList><Representation id="c">
    <SegmentList>
    <BitstreamSwitching sourceURL="<creator-1/dash/v/sub/b.mp4>" range="0-9"/>
    <SegmentURL media="<creator-1/dash/v/sub/7.m4s>"/>
    <SegmentURL media="<creator-1/dash/v/sub/8.m4s>"/>
    </SegmentList>
    </Representation></AdaptationSet></Period></MPD>
    "#);
}

#[test]
fn what_is_signed_already_is_signed_again() {
    let signed = sign(FILM).unwrap();
    assert_eq!(sign(signed.as_str()).unwrap().as_str(), signed.as_str());
}

mod live;

fn any_manifest() -> impl Strategy<Value = String> {
    let url = prop_oneof![
        "[a-c./$%2eE&#;]{0,10}",
        "(\\.\\./){0,4}creator-[12]/[a-c]?",
        Just("$RepresentationID$-$Number$.m4s".to_owned()),
        Just("x/$Time%05d$".to_owned()),
        Just("https://other.example/x".to_owned()),
        Just(format!("{BUCKET}creator-1/")),
    ];
    let timeline = prop::collection::vec((0..20_u8, 0..6_u8, -1..3_i8), 0..3).prop_map(|all| {
        let all: Vec<_> = all.iter().map(|(t, d, r)| format!("<S t='{t}' d='{d}' r='{r}'/>")).collect();
        format!("<SegmentTimeline>{}</SegmentTimeline>", all.concat())
    });
    let segments = (url.clone(), url.clone(), prop::option::of(0..9_u8), prop::option::of(timeline), 0..4_u8);
    let segments = segments.prop_map(|(a, b, duration, timeline, kind)| {
        let duration = duration.map(|duration| format!("duration='{duration}'")).unwrap_or_default();
        let timeline = timeline.unwrap_or_default();
        match kind {
            0 => format!("<SegmentTemplate {duration} media='{a}' initialization='{b}'>{timeline}</SegmentTemplate>"),
            1 => format!("<SegmentTemplate {duration}/>"),
            2 => format!("<SegmentList {duration}>{timeline}<SegmentURL media='{a}'/><SegmentURL mediaRange='1-2'/></SegmentList>"),
            _ => format!("<SegmentBase><Initialization sourceURL='{a}' range='0-9'/></SegmentBase>"),
        }
    });
    let base = prop::option::of(url)
        .prop_map(|url| url.map(|url| format!("<BaseURL>{url}</BaseURL>")).unwrap_or_default());
    let level = (base, prop::option::weighted(0.4, segments))
        .prop_map(|(base, segments)| base + &segments.unwrap_or_default());
    let set =
        (level.clone(), prop::collection::vec(level.clone(), 0..3)).prop_map(|(level, representations)| {
            let content: String = representations
                .iter()
                .map(|content| {
                    if content.is_empty() {
                        "<Representation id='r'/>".to_owned()
                    } else {
                        format!("<Representation id='r'>{content} </Representation>")
                    }
                })
                .collect();
            format!("<AdaptationSet>{level} {content}</AdaptationSet>")
        });
    (level.clone(), level, prop::collection::vec(set, 0..3)).prop_map(|(mpd, period, sets)| {
        format!(
            "<MPD mediaPresentationDuration='PT10S'>{mpd}<Period>{period}{}</Period></MPD>",
            sets.concat()
        )
    })
}

proptest! {
    /// Whatever the manifest is, everything signed is below the prefix, and the result is a manifest with the
    /// same content.
    #[test]
    fn nothing_leaves_the_prefix(text in any_manifest(), choice in any::<u8>()) {
        if let Ok(manifest) = sign(&text) {
            let all = manifest.as_str();
            for (at, _) in all.match_indices("X-Amz-Signature=") {
                let url = &all[all[..at].rfind("http://").unwrap()..at];
                prop_assert!(url.starts_with("http://127.0.0.1:9710/media/creator-1/"), "{url}");
            }
            let again = sign(all).map_err(|error| TestCaseError::fail(format!("{error}: {all}")))?;
            prop_assert_eq!(again.as_str(), all);
        }
        let options = PlaylistOptions::new().representations(|_| choice % 2 == 0);
        let _ = sign_with(&text, &options);
    }

    #[test]
    fn nothing_panics(text in r"(<MPD>)?(</?(MPD|Period|AdaptationSet|Representation|BaseURL|Segment(Template|List|Base))( [a-z]=['][^'<]?['])?/?>|<!--|-->|[&<>' ]|[^\x00]|&#?x?[0-9a-z]{0,6};?|]]>|<!\[CDATA\[){0,20}") {
        let _ = sign(&text);
    }
}
