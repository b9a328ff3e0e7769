// A film in every format that ffmpeg can package, stored and signed with `cfstore` (CFSTORE), below the folder SCRATCH.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { inParallel } from "./worker_harness.mjs";

const cfstore = process.env.CFSTORE;
const scratch = process.env.SCRATCH;
assert.ok(cfstore && scratch, "CFSTORE must name the program, SCRATCH a folder to work in");

export const SECONDS = 12;
export const FRAMES = 25 * SECONDS;

/** Where the films are in the bucket: a name that URLs and playlists encode. */
export const PREFIX = "creator-1/hls/a film + 100% é/";

// The audio ends slightly before the video: in DASH it would need a segment after the film's end.
const SOURCES = [
  ...["-f", "lavfi", "-i", `testsrc2=size=160x90:rate=25:duration=${SECONDS}`],
  ...["-f", "lavfi", "-i", `sine=frequency=440:sample_rate=48000:duration=${SECONDS - 0.02}`],
];
const CODECS =
  "-c:v libx264 -preset ultrafast -profile:v baseline -pix_fmt yuv420p -g 50 -keyint_min 50 -sc_threshold 0 -b:v 60k -c:a aac -b:a 32k -ac 1".split(" ");
const hls = (...options) => ["-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod", ...options];
const dash = (...options) => ["-f", "dash", "-seg_duration", "2", ...options];

const HLS = ["hls.js", "shaka"];
const DASH = ["dash.js", "shaka"];

/** The playlists, relative to the folder of all films, the libraries that play them in a browser, and the ffmpeg options. */
export const SHAPES = {
  "MPEG-TS, a file a segment": { players: HLS, playlist: "ts/video.m3u8", make: hls() },
  "MPEG-TS, byte ranges of one file": { players: HLS, playlist: "ts-ranges/video.m3u8", make: hls("-hls_flags", "single_file") },
  "fragmented MP4": { players: HLS, playlist: "fmp4/video.m3u8", make: hls("-hls_segment_type", "fmp4") },
  "fragmented MP4, byte ranges of one file": {
    players: HLS,
    playlist: "fmp4-ranges/video.m3u8",
    make: hls("-hls_segment_type", "fmp4", "-hls_flags", "single_file"),
  },
  "AES-128, its key in the bucket": {
    players: HLS,
    playlist: "aes/video.m3u8",
    make: hls("-hls_key_info_file", join(scratch, "key_info")),
  },
  "two qualities and two languages": {
    players: HLS,
    playlist: "multivariant/master.m3u8",
    multivariant: true,
    make: [
      ...["-map", "0:v", "-map", "0:v", "-map", "1:a", "-map", "1:a", "-s:v:1", "80x46"],
      ...hls("-master_pl_name", "master.m3u8", "-hls_segment_filename", join(scratch, "films/multivariant/%v/%d.ts"), "-var_stream_map"),
      "a:0,agroup:a,language:en,default:yes,name:en a:1,agroup:a,language:de,name:de v:0,agroup:a,name:large v:1,agroup:a,name:small",
    ],
    output: "multivariant/%v/video.m3u8",
  },
  "DASH, a template of numbers": { players: DASH, playlist: "dash-number/film.mpd", make: dash("-use_timeline", "0") },
  "DASH, a template with a timeline": { players: DASH, playlist: "dash-timeline/film.mpd", make: dash() },
  "DASH, a list of files": {
    players: DASH,
    playlist: "dash-list/film.mpd",
    make: dash("-use_template", "0", "-use_timeline", "0"),
    // ffmpeg 5.1 cannot read such a manifest from a disk.
    same: "dash-timeline/film.mpd",
  },
  "DASH, a list of byte ranges": {
    players: DASH,
    playlist: "dash-ranges/film.mpd",
    make: dash("-single_file", "1"),
    // ffmpeg 5.1 never finishes reading such a manifest, from a disk either.
    decodes: false,
  },
};

const run = promisify(execFile);
const r2 = async (...args) => (await run(cfstore, ["r2", ...args])).stdout;

/** The same frames, in a form that ffmpeg can read without a server. */
export const reference = (shape) => join(scratch, "films", shape.same ?? shape.playlist);

/** Creates the film in all formats. */
export async function makeFilms() {
  if (existsSync(join(scratch, "films"))) return;
  await writeFile(join(scratch, "film.key"), "0123456789abcdef");
  await writeFile(join(scratch, "key_info"), `film.key\n${join(scratch, "film.key")}\n`);
  for (const shape of Object.values(SHAPES)) {
    const output = join(scratch, "films", shape.output ?? shape.playlist);
    await mkdir(join(scratch, "films", dirname(shape.playlist)), { recursive: true });
    await run("ffmpeg", ["-loglevel", "error", "-nostdin", "-bitexact", ...SOURCES, ...CODECS, ...shape.make, output]);
  }
  await writeFile(join(scratch, "films/aes/film.key"), "0123456789abcdef");
}

/** Calls `put(path, file)` for every file of the films, with the path in their folder. */
export async function eachFile(put) {
  const folder = join(scratch, "films");
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  await inParallel(files.length, availableParallelism(), (i) => put(relative(folder, files[i]), files[i]));
}

/** Allows players in pages of this origin to read, which R2 needs as well. */
export const allowPlayers = (origin) => r2("cors", "set", "--origin", origin, "--method", "GET,HEAD", "--header", "range");

/** Stores the films. */
export const storeFilms = () => eachFile((path, file) => r2("put", file, PREFIX + path));

/** The presigned URL of a playlist, whose segments are not signed. */
export const presigned = async (shape) => (await r2("presign", PREFIX + shape.playlist)).trim();

let signed = 0;

/** Signs a film's playlist, and those that it refers to. Returns the file to play. */
export async function sign(shape, ...options) {
  const folder = join(scratch, "signed", String(signed++));
  if (shape.multivariant) return (await r2("sign-playlist", PREFIX + shape.playlist, "--output", folder, ...options)).trim();
  const file = join(folder, shape.playlist.split("/").pop());
  await mkdir(folder, { recursive: true });
  await writeFile(file, await r2("sign-playlist", PREFIX + shape.playlist, ...options));
  return file;
}
