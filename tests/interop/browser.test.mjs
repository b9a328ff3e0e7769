// hls.js, dash.js and Shaka Player play signed playlists in Chromium, from a page on a different origin than
// the bucket's: from the start, then from near the end to the end. STREAMING_WORKER is the folder that
// worker-build created from examples/streaming-worker.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { after, test } from "node:test";
import { SECONDS, SHAPES, allowPlayers, eachFile, makeFilms, presigned, sign, storeFilms } from "./films.mjs";
import { startPages } from "./players.mjs";
import { mintToken, startWorker } from "./worker_harness.mjs";

const { R2_ENDPOINT, STREAMING_WORKER } = process.env;
assert.ok(STREAMING_WORKER, "STREAMING_WORKER must name the folder of the built Worker");

await makeFilms();
await storeFilms();

/** The pages' server serves the playlists of the given folders. */
const folders = [];
const pages = await startPages(({ pathname }) => {
  const [, place, name] = pathname.split("/");
  return readFile(join(folders[place], basename(name)));
});
after(() => pages.stop());
const { origin } = pages;
await allowPlayers(origin);

/** A URL of the file, on the pages' own server. */
const served = (file) => `${origin}/${folders.push(dirname(file)) - 1}/${basename(file)}`;

/** Settings that make the players buffer 2 seconds. */
const SETTINGS = {
  "hls.js": { maxBufferLength: 2, maxMaxBufferLength: 2 },
  "dash.js": { bufferTimeDefault: 2, bufferTimeAtTopQuality: 2, bufferTimeAtTopQualityLongForm: 2 },
  shaka: { bufferingGoal: 2 },
};

/** Plays in a separate page. `url`: the playlist's URL, or the arguments to fetch it. Returns the result and the requests. */
async function play(player, url) {
  const run = await pages.open();
  return run(inPage, { player, settings: SETTINGS[player], url });
}

async function inPage({ player, settings, url }) {
  const video = document.querySelector("video");
  let fail;
  const failed = new Promise((_, reject) => (fail = (why) => reject(new Error(why))));
  const until = (what, holds) =>
    new Promise((resolve, reject) => {
      const deadline = performance.now() + 15_000;
      const timer = setInterval(() => {
        if (holds()) resolve();
        else if (performance.now() > deadline) reject(new Error(`not ${what} within 15 s, at ${video.currentTime} s`));
        else return;
        clearInterval(timer);
      }, 20);
    });
  if (typeof url !== "string") {
    const { streamingUrl } = await (await fetch(url.from, url.init)).json();
    url = streamingUrl;
  }
  attach(player, settings, url, fail);
  const playing = async () => {
    await until("ready", () => video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA);
    await video.play();
    await until("playing", () => video.currentTime > 0.3);
    video.currentTime = video.duration - 0.5;
    await until("ended", () => video.ended);
    return { duration: video.duration, width: video.videoWidth, frames: video.getVideoPlaybackQuality().totalVideoFrames };
  };
  return Promise.race([playing(), failed]);
}

/** It played to the end, and everything from other origins came from the bucket, through presigned URLs. */
function expectPlayed({ duration, width, frames, answers }, bucket, playlists = () => false) {
  assert.ok(Math.abs(duration - SECONDS) < 0.2, `${duration} s`);
  assert.ok(width > 0 && frames > 5, `${frames} frames, ${width} wide`);
  const media = answers.filter(({ url }) => !playlists(url));
  assert.ok(media.length >= 2, `${media.length} requests`);
  for (const { url, status } of media) {
    assert.ok(url.startsWith(`${bucket}/media/`) && url.includes("&X-Amz-Signature="), url);
    assert.ok(status === 200 || status === 206, `${status} ${url}`);
  }
}

for (const [name, shape] of Object.entries(SHAPES)) {
  for (const player of shape.players) {
    test(`${player}: ${name}`, async () => {
      expectPlayed(await play(player, served(await sign(shape))), R2_ENDPOINT);
    });
  }
}

test("segments that are not signed do not play", async () => {
  const [shape] = Object.values(SHAPES);
  // The 400 cannot be read: R2 sends no CORS headers for requests whose signature it rejects.
  await assert.rejects(play("hls.js", await presigned(shape)), /fragLoadError 0/);
});

test("through the streaming Worker, from sign-in to the last segment", async () => {
  const secret = randomBytes(24).toString("hex");
  const worker = await startWorker({ folder: STREAMING_WORKER, bindings: { TOKEN_SECRET: secret, ALLOWED_ORIGIN: origin } });
  after(() => worker.stop());
  const call = async (method, path, subject, body) => {
    const headers = { authorization: `Bearer ${mintToken(secret, subject)}` };
    const answer = await fetch(worker.root + path, { method, headers, body });
    assert.equal(answer.status, 201, await answer.text());
  };
  await eachFile(async (path, file) => {
    if (path.startsWith("multivariant/")) await call("PUT", `/media/creator-1/hls/${path}`, "creator-1", await readFile(file));
  });
  const manifest = { key: "creator-1/hls/multivariant/master.m3u8", type: "application/vnd.apple.mpegurl", viewers: ["fan"] };
  await call("PUT", "/manifests/creator-1/film", "creator-1", JSON.stringify(manifest));

  const init = {
    method: "POST",
    headers: { authorization: `Bearer ${mintToken(secret, "fan")}`, "content-type": "application/json" },
    body: JSON.stringify({ contentId: "creator-1/film" }),
  };
  const played = await play("hls.js", { from: `${worker.root}/streaming-url`, init });
  const playlists = played.answers.filter(({ url }) => url.startsWith(`${worker.root}/playlists/`));
  // At least the master, a quality and a language.
  assert.ok(playlists.length >= 3 && playlists.every(({ status }) => status === 200), JSON.stringify(playlists));
  expectPlayed(played, worker.endpoint, (url) => url.startsWith(`${worker.root}/playlists/`) || url === `${worker.root}/streaming-url`);
});
