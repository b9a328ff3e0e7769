// Live streams that grow while hls.js, dash.js and Shaka Player play them in Chromium concurrently, through
// playlists that are signed at every refresh. LIVE_SECONDS: the duration of the test; much longer than a URL
// lives.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { SEGMENT, WINDOW, sign, startStream, timesOf } from "./live_stream.mjs";
import { allowPlayers } from "./films.mjs";
import { startPages } from "./players.mjs";

const { R2_ENDPOINT } = process.env;
const SECONDS = Number(process.env.LIVE_SECONDS ?? 45);
/** Minimum lifetime of URLs, which is shorter than the window, and how long they stay the same. */
const EXPIRES = 11;
const SIGNING_WINDOW = 3;

/**
 * Makes the players drop played segments immediately: to go back in the stream, they must fetch them again. hls.js, which may start
 * late, must state how far back that is, and play faster if it is behind.
 */
const SETTINGS = {
  "hls.js": { backBufferLength: 2, liveDurationInfinity: true, maxLiveSyncPlaybackRate: 1.2 },
  "dash.js": { bufferToKeep: 2, bufferPruningInterval: 1 },
  shaka: { bufferBehind: 2 },
};
const CASES = {
  "hls.js: a sliding window": { player: "hls.js", playlist: "hls/live.m3u8" },
  "hls.js: low latency": { player: "hls.js", playlist: "hls/low-latency.m3u8", lowLatency: true },
  "dash.js: a template of numbers": { player: "dash.js", playlist: "number/live.mpd" },
  "dash.js: a template with a timeline": { player: "dash.js", playlist: "time/live.mpd" },
  "shaka: a template of numbers": { player: "shaka", playlist: "number/live.mpd" },
  "shaka: a template with a timeline": { player: "shaka", playlist: "time/live.mpd" },
};

/** The answers by the number of the case: the playlists in order, and the queries of their requests. */
const served = Object.keys(CASES).map(() => []);

/** Signs the playlist for every request, once it contains what the request waits for. */
async function answer({ pathname, search, searchParams }) {
  if (pathname === "/time") return new Date().toISOString();
  const [, number, ...name] = pathname.split("/");
  if (searchParams.has("_HLS_msn")) {
    await stream.has(Number(searchParams.get("_HLS_msn")), Number(searchParams.get("_HLS_part") ?? 4));
  }
  const asked = Date.now();
  const text = await sign(name.join("/"), "--expires", `${EXPIRES + SIGNING_WINDOW}s`, "--window", `${SIGNING_WINDOW}s`);
  served[number].push({ asked, answered: Date.now(), search, text });
  return text;
}

const pages = await startPages(answer);
await allowPlayers(pages.origin);
// Slow work is done before the clock starts.
const opened = await Promise.all(served.map(() => pages.open()));
const stream = await startStream(SECONDS + 20, pages.origin);
after(async () => {
  await pages.stop();
  await stream.stop();
});

/** Plays for this many seconds, the last of them from the start of the window. */
async function inPage({ player, settings, url, seconds, back }) {
  const video = document.querySelector("video");
  const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const errors = [];
  const attached = attach(player, settings, url, (why) => errors.push(why));
  async function until(what, holds) {
    for (const started = performance.now(); !holds(); await sleep(20)) {
      if (errors.length || performance.now() - started > 20_000) throw new Error(`not ${what} within 20 s: ${errors}`);
    }
  }
  await until("ready", () => video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA);
  await video.play();

  /** How far it played in this time, and how long it stalled. */
  async function playFor(seconds) {
    const [from, started] = [video.currentTime, performance.now()];
    let [at, moved, stall] = [from, started, 0];
    while (performance.now() - started < seconds * 1000) {
      await sleep(100);
      if (video.currentTime !== at) [at, moved] = [video.currentTime, performance.now()];
      stall = Math.max(stall, (performance.now() - moved) / 1000);
    }
    return { from, seconds: at - from, stall };
  }
  // Some seek to the live edge only now.
  await playFor(2);
  const live = await playFor(seconds - 2 - back);
  const { totalVideoFrames: frames } = video.getVideoPlaybackQuality();
  const latency = attached.latency;
  const wentBack = Date.now();
  video.currentTime = video.seekable.start(0) + 3;
  await until("back in the window", () => !video.seeking);
  const past = await playFor(back - (Date.now() - wentBack) / 1000);
  return { live, past, frames, latency, wentBack, errors };
}

function watch(number) {
  const { player, playlist } = Object.values(CASES)[number];
  const url = `${pages.origin}/${number}/${playlist}`;
  return opened[number](inPage, { player, settings: SETTINGS[player], url, seconds: SECONDS, back: 4 * SEGMENT });
}

/** It kept playing, and the bucket answered all its requests. */
function expectPlayed({ live, past, frames, wentBack, errors, answers }) {
  assert.deepEqual(errors, []);
  for (const { url, status } of answers) {
    assert.ok(url.startsWith(`${R2_ENDPOINT}/media/`) && url.includes("&X-Amz-Signature="), url);
    assert.ok(status === 200 || status === 206, `${status} ${url}`);
  }
  const expected = SECONDS - 2 - 4 * SEGMENT;
  assert.ok(live.stall < 2 * SEGMENT && live.seconds > 0.75 * expected, `${live.seconds} of ${expected} s, stood still for ${live.stall} s`);
  assert.ok(frames > 25 * live.seconds * 0.95, `${frames} frames in ${live.seconds} s`);
  // The numbers or times of segments: HLS's, and those of DASH's audio.
  const names = (answers) => answers.flatMap(({ url }) => url.match(/\/(?:hls|2)\/(\d+)(?:\.\d)?\.m4s\?/)?.[1] ?? []).map(Number);
  const [before, after] = [names(answers.filter(({ at }) => at < wentBack)), names(answers.filter(({ at }) => at >= wentBack))];
  assert.ok(Math.min(...after) < Math.max(...before), `${after} after ${before}: what it had played was not asked for again`);
  const back = live.from + live.seconds - past.from;
  assert.ok(back > 2 * SEGMENT && past.seconds > SEGMENT && past.stall < 2 * SEGMENT, `${past.seconds} s from ${back} s ago, stood still for ${past.stall} s`);
}

/** The URLs of a manifest's segments, by period, representation and time. */
function segmentsOf(manifest) {
  const found = new Map();
  for (const [, period, sets] of manifest.matchAll(/<Period id="(\d+)".*?>(.*?)<\/Period>/gs)) {
    for (const [set] of sets.matchAll(/<AdaptationSet.*?<\/AdaptationSet>/gs)) {
      for (const [representation, id] of set.matchAll(/<Representation .*?id="(\d+)".*?<\/Representation>/gs)) {
        const timeline = (representation.match(/<SegmentTimeline>.*/s) ?? set.match(/<SegmentTimeline>.*?<\/SegmentTimeline>/s))[0];
        const times = timesOf(timeline).map(({ t }) => t);
        const urls = [...representation.matchAll(/<SegmentURL media="(.*?)"/g)].map(([, url]) => url.replaceAll("&amp;", "&"));
        assert.equal(urls.length, times.length, representation);
        assert.ok(times.length > 0 && times.every((t, i) => i === 0 || t > times[i - 1]), representation);
        times.forEach((t, i) => found.set(`${period}/${id}/${t}`, urls[i]));
      }
    }
  }
  return found;
}

/** Each manifest lists exactly the segments that exist by its clock. Their numbers start with 1. */
function expectAvailable(answers) {
  for (const { asked, answered, text } of answers) {
    const start = Date.parse(text.match(/availabilityStartTime="(.*?)"/)[1]);
    const available = (time) => Math.floor((time - start) / 1000 / SEGMENT);
    const newest = Math.max(...[...text.matchAll(/(\d+)\.m4s/g)].map(([, number]) => Number(number)));
    assert.ok(newest >= available(asked) && newest <= available(answered), `${newest}, and not ${available(asked)}`);
  }
}

/** A refresh removes segments only at the start; the others are the same objects, with the same URLs within a window. */
function expectStable(manifests) {
  assert.ok(manifests.length > SECONDS / (2 * SEGMENT), `${manifests.length} manifests`);
  const signedAt = (url) => new URL(url).searchParams.get("X-Amz-Date");
  let periods = new Set();
  let before = new Map();
  for (const manifest of manifests) {
    const segments = segmentsOf(manifest);
    const kept = [...before.keys()].filter((segment) => segments.has(segment));
    for (const segment of kept) {
      const [old, now] = [before.get(segment), segments.get(segment)];
      if (signedAt(old) === signedAt(now)) assert.equal(now, old);
      else assert.equal(new URL(now).pathname, new URL(old).pathname);
    }
    for (const representation of new Set([...segments.keys()].map((segment) => segment.replace(/\d+$/, "")))) {
      const own = (list) => [...list].filter((segment) => segment.startsWith(representation));
      // Removed segments were at the start, and new ones are at the end.
      const [old, now] = [own(before.keys()), own(segments.keys())];
      const gone = old.findIndex((segment) => segments.has(segment));
      if (old.length) assert.deepEqual(now.slice(0, old.length - gone), old.slice(gone), representation);
      periods.add(representation.split("/")[0]);
    }
    before = segments;
  }
  assert.ok(periods.size > 1, "no change of period");
}

describe("live", { concurrency: true }, () => {
  Object.entries(CASES).forEach(([name, { playlist, lowLatency }], number) => {
    test(name, async () => {
      assert.ok(SECONDS > EXPIRES + SIGNING_WINDOW + WINDOW, "the URLs have to expire meanwhile");
      const played = await watch(number);
      expectPlayed(played);
      if (playlist.startsWith("number/")) expectAvailable(served[number]);
      if (playlist.endsWith(".mpd")) expectStable(served[number].map(({ text }) => text));
      if (lowLatency) {
        const parts = played.answers.filter(({ url }) => /\d\.\d\.m4s/.test(url));
        assert.ok(parts.length > SECONDS, `${parts.length} parts`);
        assert.ok(played.latency < 2 * SEGMENT, `${played.latency} s behind`);
        const blocked = served[number].filter(({ search }) => search.includes("_HLS_part="));
        assert.ok(blocked.length > SECONDS, `${blocked.length} requests waited`);
        // Older segments would keep URLs that have expired.
        assert.ok(served[number].every(({ search }) => !search.includes("_HLS_skip")), "a delta update was asked for");
      }
    });
  });
});
