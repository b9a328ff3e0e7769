// hls.js and dash.js play signed playlists in Chromium (CHROMIUM), from a page on another origin than the bucket's: from its start,
// then from near its end to the end. STREAMING_WORKER is the folder that worker-build made of examples/streaming-worker.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { basename, dirname, join } from "node:path";
import { after, test } from "node:test";
import { chromium } from "playwright-core";
import { SECONDS, SHAPES, eachFile, makeFilms, presigned, sign, storeFilms } from "./films.mjs";
import { mintToken, startWorker } from "./worker_harness.mjs";

const { CHROMIUM, R2_ENDPOINT, STREAMING_WORKER } = process.env;
assert.ok(CHROMIUM && STREAMING_WORKER, "CHROMIUM must name the program, STREAMING_WORKER the folder of the built Worker");

await makeFilms();
await storeFilms();

const PLAYERS = { "hls.js": "hls.js/dist/hls.min.js", "dash.js": "dashjs/dist/modern/umd/dash.all.min.js" };

/** The page's own server: the page, the players, and the playlists of the folders that it is shown. */
const folders = [];
const pages = createServer(async (request, response) => {
  const [, place, name] = request.url.split("/");
  try {
    if (request.url === "/") {
      const scripts = Object.keys(PLAYERS).map((player) => `<script src="/players/${player}"></script>`);
      response.setHeader("content-type", "text/html").end(`<!doctype html>${scripts.join("")}<video muted></video>`);
    } else if (place === "players") {
      response.setHeader("content-type", "text/javascript").end(await readFile(join("node_modules", PLAYERS[name])));
    } else {
      response.setHeader("cache-control", "no-store").end(await readFile(join(folders[place], basename(name))));
    }
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => pages.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${pages.address().port}`;

/** A URL of the file, on the page's own server. */
const served = (file) => `${origin}/${folders.push(dirname(file)) - 1}/${basename(file)}`;

const args = ["--no-first-run", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: CHROMIUM, args });
after(async () => {
  await browser.close();
  pages.close();
});

/** Plays in a page of its own. `url`: of the playlist, or what the page fetches it with. Returns what came of it and which requests were made. */
async function play(player, url) {
  const page = await browser.newPage();
  const answers = [];
  page.on("response", (response) => answers.push({ url: response.url(), status: response.status() }));
  await page.goto(origin);
  const played = await page.evaluate(inPage, { player, url });
  await page.close();
  return { ...played, answers: answers.filter(({ url }) => url.startsWith("http") && !url.startsWith(`${origin}/`)) };
}

async function inPage({ player, url }) {
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
  if (player === "hls.js") {
    const hls = new Hls({ maxBufferLength: 2, maxMaxBufferLength: 2 });
    hls.on(Hls.Events.ERROR, (_, { fatal, type, details, response }) => {
      if (fatal || type === Hls.ErrorTypes.NETWORK_ERROR) fail(`${details} ${response?.code}`);
    });
    hls.loadSource(url);
    hls.attachMedia(video);
  } else {
    const dash = dashjs.MediaPlayer().create();
    dash.updateSettings({ streaming: { buffer: { bufferTimeDefault: 2, bufferTimeAtTopQuality: 2, bufferTimeAtTopQualityLongForm: 2 } } });
    dash.on(dashjs.MediaPlayer.events.ERROR, ({ error }) => fail(error.message ?? String(error)));
    dash.initialize(video, url, false);
  }
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

/** It played to its end, and all that it took from elsewhere than the page's origin came from the bucket, through presigned URLs. */
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
  test(`${shape.player}: ${name}`, async () => {
    expectPlayed(await play(shape.player, served(await sign(shape))), R2_ENDPOINT);
  });
}

test("segments that are not signed do not play", async () => {
  const [shape] = Object.values(SHAPES);
  await assert.rejects(play("hls.js", await presigned(shape)), /fragLoadError 400/);
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
  // The master, a quality and a language at least.
  assert.ok(playlists.length >= 3 && playlists.every(({ status }) => status === 200), JSON.stringify(playlists));
  expectPlayed(played, worker.endpoint, (url) => url.startsWith(`${worker.root}/playlists/`) || url === `${worker.root}/streaming-url`);
});
