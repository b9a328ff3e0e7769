// The URLs that the parsers of players find in the playlists of tests/playlists, unsigned and signed by the
// library's tests, compared with the `.expected` files.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import * as m3u8Parser from "m3u8-parser";
import * as mpdParser from "mpd-parser";

// hls.js expects a browser.
globalThis.self = globalThis;
const { M3U8Parser } = await import("hls.js");

const { CORPUS, CORPUS_SIGNED } = process.env;

// The bucket's URL for players: unsigned at the root of a host, so that `/a` is a path of the bucket.
const UNSIGNED = "http://unsigned.example/";
const SIGNED = "http://127.0.0.1:9710/media/";
const ROUTE = "http://site.example/play/";

// Playlists that a parser reads differently from the specification.
const CANNOT = {
  "hls.js": {
    "hls/name_like_a_scheme unsigned": "takes 10: for a scheme",
    "hls/spaces_behind_the_first_line": "wants nothing behind #EXTM3U",
    "hls/spaces_behind_the_first_line unsigned": "wants nothing behind #EXTM3U",
  },
  "m3u8-parser": {
    "hls/stray_uri_in_master": "takes a line without EXT-X-STREAM-INF for a variant",
    "hls/stray_uri_in_master unsigned": "takes a line without EXT-X-STREAM-INF for a variant",
    "hls/trailing_commas": "fails at an attribute list that ends with a comma",
    "hls/trailing_commas unsigned": "fails at an attribute list that ends with a comma",
    "hls/trailing_commas_master": "fails at an attribute list that ends with a comma",
    "hls/trailing_commas_master unsigned": "fails at an attribute list that ends with a comma",
  },
  "mpd-parser": {
    "dash/livesim_multi_period unsigned": "takes the presentationTimeOffset off times that do not have it",
    "dash/namespace_prefix": "knows no prefixes of namespaces",
    "dash/namespace_prefix unsigned": "knows no prefixes of namespaces",
    "dash/several_periods unsigned": "takes a period without a duration to be as long as the presentation",
    "dash/template_end_number unsigned": "does not heed endNumber",
    "dash/template_offset_of_equal_segments": "takes the presentationTimeOffset off times that do not have it",
    "dash/template_offset_of_equal_segments unsigned": "takes the presentationTimeOffset off times that do not have it",
    "dash/timeline_overridden unsigned": "joins the timelines of all levels",
  },
};

test("what parsers do not read is in the corpus", () => {
  const names = ["hls", "dash"].flatMap((folder) => playlists(folder).map(({ name }) => `${folder}/${name}`));
  for (const name of Object.values(CANNOT).flatMap(Object.keys)) assert.ok(names.includes(name.replace(" unsigned", "")), name);
});

/** A test, which must fail if the parser cannot read the playlist. */
function check(parser, name, run) {
  const cannot = CANNOT[parser][name];
  if (cannot) test(`${parser} does not read ${name}: it ${cannot}`, () => assert.throws(run));
  else test(`${parser} reads ${name}`, run);
}

/** The text as players get it: a byte order mark is part of the encoding. */
const read = (...path) => new TextDecoder().decode(readFileSync(join(...path)));

/** The playlists of a folder that can be signed, with their expectations. */
function playlists(folder) {
  const names = readdirSync(join(CORPUS, folder)).filter((name) => name.endsWith(".expected"));
  return names.flatMap((file) => {
    const name = file.replace(".expected", "");
    const playlist = name + (folder === "hls" ? ".m3u8" : ".mpd");
    const lines = read(CORPUS, folder, file).split("\n").filter((line) => line && !line.startsWith("#"));
    if (lines.some((line) => line.startsWith("refused: "))) return [];
    const key = `creator/${folder}/v/${playlist}`;
    return [{ name, key, lines, unsigned: read(CORPUS, folder, playlist), signed: read(CORPUS_SIGNED, folder, playlist) }];
  });
}

/** The key of a URL, normalized as before a request, if it leads into the bucket. */
function keyOf(reference) {
  const url = new URL(reference).href;
  const path = (text) => decodeURIComponent(text.replace(/[?#].*/s, ""));
  for (const root of [UNSIGNED, SIGNED, ROUTE]) if (url.startsWith(root)) return path(url.slice(root.length));
  return url;
}

/** The same for a signed playlist, with how the URL leads there. */
function signedKeyOf(reference) {
  const url = new URL(reference).href;
  if (url.startsWith(SIGNED)) return `${/[?&]X-Amz-Signature=[0-9a-f]{64}$/.test(url) ? "presigned" : "unsigned"} ${keyOf(url)}`;
  return url.startsWith(ROUTE) ? `child ${keyOf(url)}` : url;
}

const unique = (list) => [...new Set(list)];

// HLS

// References that segments share, and that are found for each of them.
const SHARED = ["MAP", "KEY"];

/** The expected references, by tag. */
function expectedReferences({ lines, unsigned, key }) {
  const text = unsigned.split(/\r?\n/);
  const definitions = [...unsigned.matchAll(/#EXT-X-DEFINE:NAME="(.*?)",VALUE="(.*?)"/g)];
  const variables = Object.fromEntries(definitions.map((match) => match.slice(1)));
  const substituted = (reference) => reference.replace(/\{\$(.*?)\}/g, (whole, name) => variables[name] ?? whole);
  const references = {};
  for (const line of lines) {
    const [, number, reference, target] = line.match(/^line (\d+) (.*) -> (.*)$/) ?? [];
    if (!number) continue;
    const what = target === "stays" ? new URL(substituted(reference), UNSIGNED + key).href : target;
    (references[tagOf(text, number - 1, reference)] ??= []).push(what);
  }
  for (const tag of SHARED) if (references[tag]) references[tag] = unique(references[tag]);
  return references;
}

function tagOf(text, at, reference) {
  const line = text[at];
  const [, tag] = line.match(/^#EXT-X-([A-Z-]+)/) ?? [];
  if (tag === "DATERANGE") return line.slice(0, line.indexOf(reference)).match(/([A-Z-]+)="$/)[1];
  if (tag === "KEY" || tag === "SESSION-KEY") return /KEYFORMAT="(?!identity)/.test(line) ? "KEY of a system" : tag;
  if (tag) return tag;
  if (!text.some((other) => other.startsWith("#EXT-X-STREAM-INF"))) return "segment";
  const belongs = (other) => other.startsWith("#EXT-X-STREAM-INF") || (other && !other.startsWith("#"));
  const before = text.slice(0, at).findLast(belongs);
  return before.startsWith("#EXT-X-STREAM-INF") ? "STREAM-INF" : "a line that belongs to nothing";
}

const isIdentity = (key) => key.keyFormat === "identity";

/** The absolute URLs that hls.js finds, by tag, and the durations of the segments. */
function readByHls(text, url) {
  const absolute = (reference) => reference && new URL(reference, url).href;
  const fail = (error) => {
    if (error) throw error;
  };
  if (!M3U8Parser.isMediaPlaylist(text)) {
    const master = M3U8Parser.parseMasterPlaylist(text, url);
    fail(master.playlistParsingError);
    const media = Object.values(M3U8Parser.parseMasterPlaylistMedia(text, url, master)).flat();
    return {
      references: {
        "STREAM-INF": master.levels.map((level) => level.url),
        "I-FRAME-STREAM-INF": master.iframeVariants.map((level) => level.url),
        MEDIA: media.map((one) => one.url),
        "SESSION-KEY": (master.sessionKeys ?? []).filter(isIdentity).map((key) => key.uri),
        "SESSION-DATA": Object.values(master.sessionData ?? {}).map((one) => absolute(one.URI)),
        "CONTENT-STEERING": [master.contentSteering?.uri],
      },
      durations: [],
    };
  }
  const imported = { folder: "low", session: "7" };
  const details = M3U8Parser.parseLevelPlaylist(text, url, 0, "main", 0, imported);
  fail(details.playlistParsingError);
  const fragments = details.fragments.filter(Boolean);
  const dateRanges = Object.values(details.dateRanges).map((range) => range.attr);
  const hint = details.preloadHint?.URI;
  const keys = fragments.flatMap((fragment) => Object.values(fragment.levelkeys ?? {}));
  return {
    references: {
      segment: fragments.map((fragment) => fragment.url),
      MAP: fragments.map((fragment) => fragment.initSegment?.url),
      KEY: keys.filter(isIdentity).map((key) => key.uri),
      PART: (details.partList ?? []).map((part) => part.url),
      "PRELOAD-HINT": [absolute(hint)],
      "RENDITION-REPORT": (details.renditionReports ?? []).map((report) => absolute(report.URI)),
      "X-ASSET-URI": dateRanges.map((range) => absolute(range["X-ASSET-URI"])),
      "X-ASSET-LIST": dateRanges.map((range) => absolute(range["X-ASSET-LIST"])),
    },
    durations: fragments.map((fragment) => fragment.duration),
  };
}

/** The same for m3u8-parser. */
function readByVideoJs(text, url) {
  const absolute = (reference) => reference && new URL(reference, url).href;
  const parser = new m3u8Parser.Parser({ uri: url, mainDefinitions: { folder: "low", session: "7" } });
  parser.push(text);
  parser.end();
  const { manifest } = parser;
  const segments = manifest.segments ?? [];
  const groups = Object.values(manifest.mediaGroups ?? {}).flatMap((groups) => Object.values(groups));
  const references = manifest.playlists?.length
    ? {
        "STREAM-INF": manifest.playlists.map((playlist) => playlist.uri),
        "I-FRAME-STREAM-INF": (manifest.iFramePlaylists ?? []).map((playlist) => playlist.uri),
        MEDIA: groups.flatMap((group) => Object.values(group)).map((media) => media.uri),
        "CONTENT-STEERING": [manifest.contentSteering?.serverUri],
      }
    : {
        segment: segments.map((segment) => segment.uri),
        MAP: segments.map((segment) => segment.map?.uri),
        KEY: segments.map((segment) => segment.key?.uri),
        PART: [...segments, manifest.preloadSegment ?? {}].flatMap((segment) => segment.parts ?? []).map((part) => part.uri),
        "PRELOAD-HINT": (manifest.preloadSegment?.preloadHints ?? []).map((hint) => hint.uri),
        "RENDITION-REPORT": (manifest.renditionReports ?? []).map((report) => report.uri),
        "X-ASSET-URI": (manifest.dateRanges ?? []).map((range) => range.xAssetUri),
        "X-ASSET-LIST": (manifest.dateRanges ?? []).map((range) => range.xAssetList),
      };
  for (const tag of Object.keys(references)) references[tag] = references[tag].map(absolute);
  return { references, durations: segments.map((segment) => segment.duration) };
}

/** The references for each tag; shared ones only once. */
function found(references, name) {
  return Object.fromEntries(
    Object.entries(references).map(([tag, urls]) => {
      const names = urls.filter(Boolean).map(name);
      return [tag, SHARED.includes(tag) ? unique(names) : names];
    }),
  );
}

for (const [parser, readBy] of [["hls.js", readByHls], ["m3u8-parser", readByVideoJs]]) {
  for (const playlist of playlists("hls")) {
    check(parser, `hls/${playlist.name}`, () => checkSignedHls(playlist, readBy));
    check(parser, `hls/${playlist.name} unsigned`, () => checkUnsignedHls(playlist, readBy));
  }
}

// Variables may come from the URL, which the author of the route passes on.
const QUERY = "?folder=low&session=7";

function checkSignedHls(playlist, readBy) {
  const { references } = readBy(playlist.signed, ROUTE + playlist.key + QUERY);
  const expected = expectedReferences(playlist);
  for (const [tag, targets] of Object.entries(found(references, signedKeyOf))) {
    assert.deepEqual(targets, expected[tag] ?? [], tag);
  }
}

function checkUnsignedHls(playlist, readBy) {
  const unsigned = readBy(playlist.unsigned, UNSIGNED + playlist.key + QUERY);
  const signed = readBy(playlist.signed, ROUTE + playlist.key + QUERY);
  const expected = expectedReferences(playlist);
  const shortened = playlist.lines.some((line) => line.startsWith("gone "));
  for (const [tag, targets] of Object.entries(found(unsigned.references, keyOf))) {
    const keys = (expected[tag] ?? []).map((target) => target.replace(/^(presigned|child) /, ""));
    assert.deepEqual(shortened ? targets.slice(-keys.length || Infinity) : targets, keys, tag);
  }
  assert.deepEqual(signed.durations, unsigned.durations.slice(shortened ? -signed.durations.length : 0));
}

// DASH

/** The expected representations, in order. */
function expectedRepresentations(lines) {
  const representations = [];
  for (const line of lines) {
    const [word, ...words] = line.split(" ");
    const last = representations.at(-1);
    const target = (from) => words.slice(from).join(" ").replace(/ range .*/, "");
    if (word === "representation") {
      const [, id, timescale] = line.match(/^representation (.*?)(?: timescale (\d+))?$/);
      representations.push({ id, timescale: Number(timescale ?? 1), segments: [] });
    } else if (word === "segment") {
      const [time, duration] = words.map(Number);
      last.segments.push({ time: time / last.timescale, duration: duration / last.timescale, target: target(2) });
    } else if (word === "init" || word === "object") {
      last[word] = target(0);
    }
  }
  return representations;
}

/** The representations that mpd-parser finds. Times are relative to the period. */
function readByMpdParser(text, manifestUri, now) {
  const mpd = mpdParser.stringToMpdXml(text);
  const { representationInfo } = mpdParser.inheritAttributes(mpd, { manifestUri, NOW: now, clientOffset: 0 });
  return mpdParser.toPlaylists(representationInfo).map(({ attributes, segments, sidx }) => ({
    id: attributes.id,
    segments: (segments ?? []).map((segment) => ({
      time: segment.presentationTime - attributes.periodStart,
      duration: segment.duration,
      target: segment.resolvedUri,
    })),
    object: attributes.baseUrl,
    init: (sidx?.map ?? segments?.[0]?.map)?.resolvedUri,
  }));
}

const near = (a, b) => Math.abs(a - b) < 1e-3;

/** For a live template, the parser lists the segments that it considers available: only those in `expected` count. */
function compare(found, expected, name, live) {
  assert.deepEqual(found.map(({ id }) => id), expected.map(({ id }) => id), "representations");
  for (let [at, { id, segments, object, init }] of found.entries()) {
    const wanted = expected[at];
    if (wanted.object !== undefined) {
      assert.equal(name(object), name(wanted.object, true), `${id} is an object`);
      continue;
    }
    if (wanted.init !== undefined) assert.equal(name(init), name(wanted.init, true), `${id} init`);
    const those = live ? wanted.segments.filter((one) => segments.some(({ time }) => near(time, one.time))) : wanted.segments;
    if (live) {
      assert.notEqual(those.length, 0, `${id} has segments`);
      segments = segments.filter((one) => those.some(({ time }) => near(time, one.time)));
    }
    assert.deepEqual(segments.map(({ target }) => name(target)), those.map(({ target }) => name(target, true)), `${id} segments`);
    for (const [number, { time, duration }] of segments.entries()) {
      const { time: t, duration: d } = those[number];
      assert.ok(near(time, t), `${id} ${number}: ${time} is not ${t}`);
      // The last of segments of equal duration ends with the period.
      const last = number === segments.length - 1 && duration > 0 && duration < d;
      assert.ok(near(duration, d) || last, `${id} ${number}: ${duration} is not ${d}`);
    }
  }
}

for (const playlist of playlists("dash")) {
  check("mpd-parser", `dash/${playlist.name}`, () => checkSignedDash(playlist));
  check("mpd-parser", `dash/${playlist.name} unsigned`, () => checkUnsignedDash(playlist));
}

const timeOf = ({ lines }) => Date.parse(lines.find((line) => line.startsWith("now "))?.slice(4) ?? "2027-01-15T08:00:00Z");

function checkSignedDash(playlist) {
  const found = readByMpdParser(playlist.signed, ROUTE + playlist.key, timeOf(playlist));
  const name = (url, wanted) => (wanted && !url.includes("://") ? `presigned ${url}` : signedKeyOf(url));
  compare(found, expectedRepresentations(playlist.lines), name, false);
}

function checkUnsignedDash(playlist) {
  const live = playlist.unsigned.includes('"dynamic"');
  const expected = expectedRepresentations(playlist.lines);
  const all = readByMpdParser(playlist.unsigned, UNSIGNED + playlist.key, timeOf(playlist));
  // There is one for each BaseURL, and for each period that has not started.
  const hasAlternatives = ["base_urls_alternate", "content_steering"].includes(playlist.name);
  const isAlternative = ({ object }) => hasAlternatives && !object.startsWith(UNSIGNED);
  const found = all.filter((one) => !isAlternative(one)).slice(0, live ? expected.length : Infinity);
  compare(found, expected, (url, wanted) => (wanted ? url : keyOf(url)), live);
}
