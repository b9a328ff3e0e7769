// A film that is published as if it were live: its segments are created and stored beforehand with `cfstore`
// (CFSTORE), so that a slow machine keeps up, and its playlists list them over time.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { inParallel } from "./worker_harness.mjs";

const cfstore = process.env.CFSTORE;
const scratch = process.env.SCRATCH;
assert.ok(cfstore && scratch, "CFSTORE must name the program, SCRATCH a folder to work in");

/** All in seconds. A segment has 5 parts. */
export const SEGMENT = 2;
const PART = 0.4;
const PARTS = 5;
/** How far a player may go back. */
export const WINDOW = 16;
/** Time between two changes of the period. Video and audio segments end at the same time every 8 seconds. */
export const PERIOD = 24;
/** Age of the stream when players join. */
const HISTORY = 20;
/** How long before its start a period is announced. */
const ANNOUNCED = 8;

/** Where the stream is in the bucket: a name that URLs and playlists encode. */
const PREFIX = "creator-1/live/a stream + 100% é/";

const run = promisify(execFile);
const r2 = async (...args) => (await run(cfstore, ["r2", ...args])).stdout;

/** Signs the current state of one of the stream's playlists. */
export const sign = (name, ...options) => r2("sign-playlist", PREFIX + name, ...options);

async function uploader(name) {
  const url = (await r2("presign", "--method", "put", PREFIX + name)).trim();
  return async (body) => assert.equal((await fetch(url, { method: "PUT", body })).status, 200, name);
}

const put = async (name, content) => (await uploader(name))(content);

const read = (...path) => readFile(join(scratch, ...path));

/** Creates a film of this many seconds, as DASH in segments and as HLS in parts of segments. */
async function makeFilm(seconds) {
  for (const folder of ["dash", "parts"]) await mkdir(join(scratch, folder), { recursive: true });
  const sources = ["-f", "lavfi", "-i", `testsrc2=size=160x90:rate=25:duration=${seconds}`];
  sources.push("-f", "lavfi", "-i", `sine=frequency=440:sample_rate=48000:duration=${seconds}`);
  const codecs =
    "-c:v libx264 -preset ultrafast -profile:v baseline -pix_fmt yuv420p -g 10 -keyint_min 10 -sc_threshold 0 -b:v 60k -c:a aac -b:a 32k -ac 1".split(" ");
  const dash = [
    ...["-map", "0:v", "-map", "0:v", "-map", "1:a", "-s:v:1", "80x46", ...codecs, "-f", "dash", "-seg_duration", SEGMENT],
    ...["-adaptation_sets", "id=0,streams=v id=1,streams=a", "-init_seg_name", "$RepresentationID$-init.mp4"],
    ...["-media_seg_name", "$RepresentationID$-$Number$.m4s", join(scratch, "dash/film.mpd")],
  ];
  const hls = [
    ...["-map", "0:v", "-map", "1:a", ...codecs, "-f", "hls", "-hls_time", PART, "-hls_list_size", "0", "-hls_segment_type", "fmp4"],
    ...["-hls_segment_filename", join(scratch, "parts/%d.m4s"), join(scratch, "parts/film.m3u8")],
  ];
  await run("ffmpeg", ["-loglevel", "error", "-nostdin", "-bitexact", ...sources, ...dash, ...hls].map(String));
}

/** The adaptation sets of ffmpeg's manifest: their start tags, and their representations with the times of all segments. */
async function readSets() {
  const manifest = String(await read("dash/film.mpd"));
  return [...manifest.matchAll(/(<AdaptationSet.*?>)(.*?)<\/AdaptationSet>/gs)].map(([, start, content]) => ({
    start,
    timescale: Number(content.match(/timescale="(\d+)"/)[1]),
    times: timesOf(content.match(/<SegmentTimeline>.*?<\/SegmentTimeline>/s)[0]),
    representations: [...content.matchAll(/<Representation .*?id="(\d+)".*?>/g)].map(([start, id]) => ({ start, id })),
  }));
}

/** The start and duration of every segment of a `SegmentTimeline`. */
export function timesOf(timeline) {
  const times = [];
  let next = 0;
  for (const [, attributes] of timeline.matchAll(/<S ([^>]*)>/g)) {
    const { t, d, r = 0 } = Object.fromEntries([...attributes.matchAll(/(\w+)="(\d+)"/g)].map(([, name, value]) => [name, Number(value)]));
    next = t ?? next;
    for (let i = 0; i <= r; i++, next += d) times.push({ t: next, d });
  }
  return times;
}

/** Stores this many segments and their parts. */
async function putMedia(sets, segments) {
  const files = [["hls/init.mp4", ["parts/init.mp4"]]];
  const folders = ["number", "time"];
  for (const { id } of sets.flatMap((set) => set.representations)) {
    for (const folder of folders) files.push([`${folder}/${id}/init.mp4`, [`dash/${id}-init.mp4`]]);
  }
  for (let segment = 0; segment < segments; segment++) {
    const parts = Array.from({ length: PARTS }, (_, i) => `parts/${segment * PARTS + i}.m4s`);
    files.push([`hls/${segment}.m4s`, parts], ...parts.map((part, i) => [`hls/${segment}.${i}.m4s`, [part]]));
    for (const { times, representations } of sets) {
      for (const { id } of representations) {
        const file = [`dash/${id}-${segment + 1}.m4s`];
        files.push([`number/${id}/${segment + 1}.m4s`, file], [`time/${id}/${times[segment].t}.m4s`, file]);
      }
    }
  }
  await inParallel(files.length, 2 * availableParallelism(), async (i) => {
    const [name, from] = files[i];
    await put(name, Buffer.concat(await Promise.all(from.map((file) => read(file)))));
  });
}

/**
 * Starts to publish for this many seconds. `origin`: the pages' server, which serves the time at `/time`. Returns the stream:
 * `has(segment, part)` waits until the HLS playlist has this part, `stop()` ends the stream.
 */
export async function startStream(seconds, origin) {
  const segments = Math.ceil((HISTORY + seconds) / SEGMENT);
  await makeFilm((segments + 1) * SEGMENT);
  const sets = await readSets();
  await putMedia(sets, segments);
  const playlists = ["hls/low-latency.m3u8", "hls/live.m3u8", "number/live.mpd", "time/live.mpd"];
  const [putLowLatency, putLive, putNumbers, putTimes] = await Promise.all(playlists.map(uploader));

  const start = Date.now() / 1000 - HISTORY;
  let published = 0;
  let stopped = false;
  async function publish(parts) {
    const puts = [putLowLatency(lowLatency(parts))];
    if (parts % PARTS === 0) {
      const segments = parts / PARTS;
      const common = { sets, start, segments, origin };
      puts.push(putLive(mediaPlaylist(segments)), putNumbers(manifest({ ...common, template: numbers })), putTimes(manifest({ ...common, template: times })));
    }
    await Promise.all(puts);
    published = parts;
  }
  await publish((HISTORY / SEGMENT) * PARTS);
  const publishing = (async () => {
    while (!stopped && published < segments * PARTS) {
      await sleep(Math.max(0, (start + (published + 1) * PART) * 1000 - Date.now()));
      await publish(published + 1);
    }
  })();
  return {
    async has(segment, part) {
      while (!stopped && published <= segment * PARTS + part) await sleep(20);
    },
    async stop() {
      stopped = true;
      await publishing;
    },
  };
}

/** The list of segments that ends with the one before `end`. */
function mediaPlaylist(end) {
  const first = Math.max(0, end - WINDOW / SEGMENT);
  const segments = Array.from({ length: end - first }, (_, i) => `#EXTINF:${SEGMENT},\n${first + i}.m4s`);
  return hls(`#EXT-X-MEDIA-SEQUENCE:${first}`, '#EXT-X-MAP:URI="init.mp4"', ...segments);
}

/** The same with low latency: it ends with the part before `end`. */
function lowLatency(end) {
  const segments = Math.floor(end / PARTS);
  const lines = mediaPlaylist(segments).split("\n").slice(3, -1);
  const part = (number) => `#EXT-X-PART:DURATION=${PART},INDEPENDENT=YES,URI="${Math.floor(number / PARTS)}.${number % PARTS}.m4s"`;
  for (let segment = segments - 2; segment < segments; segment++) {
    const own = Array.from({ length: PARTS }, (_, i) => part(segment * PARTS + i));
    lines.splice(lines.indexOf(`${segment}.m4s`) - 1, 0, ...own);
  }
  for (let number = segments * PARTS; number < end; number++) lines.push(part(number));
  lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${segments}.${end % PARTS}.m4s"`);
  const control = `CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=${3 * PART},CAN-SKIP-UNTIL=${6 * SEGMENT}`;
  return hls(`#EXT-X-SERVER-CONTROL:${control}`, `#EXT-X-PART-INF:PART-TARGET=${PART}`, ...lines);
}

const hls = (...lines) => ["#EXTM3U", "#EXT-X-VERSION:9", `#EXT-X-TARGETDURATION:${SEGMENT}`, ...lines, ""].join("\n");

/** The manifest after this many segments are published. `template`: how it refers to the segments of a period. */
function manifest({ sets, start, segments, origin, template }) {
  const perPeriod = PERIOD / SEGMENT;
  const first = Math.max(0, segments - WINDOW / SEGMENT);
  const periods = [];
  for (let period = Math.floor(first / perPeriod); period * PERIOD < segments * SEGMENT + ANNOUNCED; period++) {
    const [from, to] = [period * perPeriod, Math.min(segments, (period + 1) * perPeriod)];
    const content = sets.map((set) => {
      const offset = `timescale="${set.timescale}" presentationTimeOffset="${from * SEGMENT * set.timescale}"`;
      const segmentTemplate = template(set, offset, from, Math.max(first, from), to);
      const representations = set.representations.map((one) => `${one.start.replace(/\/?>$/, "")}/>`);
      return [set.start, segmentTemplate, ...representations, "</AdaptationSet>"].join("\n");
    });
    periods.push(`<Period id="${period}" start="PT${period * PERIOD}S">\n${content.join("\n")}\n</Period>`);
  }
  const at = (seconds) => new Date((start + seconds) * 1000).toISOString();
  return `<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="dynamic"
  availabilityStartTime="${at(0)}" publishTime="${at(segments * SEGMENT)}" minimumUpdatePeriod="PT${SEGMENT}S"
  timeShiftBufferDepth="PT${WINDOW}S" suggestedPresentationDelay="PT${3 * SEGMENT}S" maxSegmentDuration="PT${SEGMENT}S" minBufferTime="PT${SEGMENT}S">
${periods.join("\n")}
<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="${origin}/time"/>
</MPD>
`;
}

const names = 'initialization="$RepresentationID$/init.mp4" media="$RepresentationID$';

const numbers = ({ timescale }, offset, from) =>
  `<SegmentTemplate ${offset} duration="${SEGMENT * timescale}" startNumber="${from + 1}" ${names}/$Number$.m4s"/>`;

function times({ times }, offset, _, first, end) {
  const timeline = times.slice(first, end).map(({ t, d }) => `<S t="${t}" d="${d}"/>`);
  return `<SegmentTemplate ${offset} ${names}/$Time$.m4s">\n<SegmentTimeline>${timeline.join("")}</SegmentTimeline>\n</SegmentTemplate>`;
}
