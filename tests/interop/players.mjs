// Pages in Chromium (CHROMIUM) with hls.js, dash.js and Shaka Player, on a different origin than the bucket's.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { chromium } from "playwright-core";

const { CHROMIUM } = process.env;
assert.ok(CHROMIUM, "CHROMIUM must name the program");

const SCRIPTS = {
  "hls.js": "hls.js/dist/hls.min.js",
  "dash.js": "dashjs/dist/modern/umd/dash.all.min.js",
  shaka: "shaka-player/dist/shaka-player.compiled.js",
};
const ARGS = ["--no-first-run", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/**
 * Starts the browser, and the pages' own server. `answer(url)`: the text or bytes for URLs that are neither the page nor a player's
 * script; if it throws, the answer is 404.
 */
export async function startPages(answer) {
  const page = [...Object.keys(SCRIPTS).map((player) => `<script src="/players/${player}"></script>`), `<script>${attach}</script>`];
  const respond = async (url) => {
    const [, place, player] = url.pathname.split("/");
    if (url.pathname === "/") return ["text/html", `<!doctype html>${page.join("")}<video muted></video>`];
    if (place === "players") return ["text/javascript", await readFile(join("node_modules", SCRIPTS[player]))];
    return ["application/octet-stream", await answer(url)];
  };
  const server = createServer(async (request, response) => {
    try {
      const [type, body] = await respond(new URL(request.url, origin));
      response.writeHead(200, { "content-type": type, "cache-control": "no-store" }).end(body);
    } catch (error) {
      response.writeHead(404).end(String(error));
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });

  /**
   * Opens a page. The returned function calls `inPage(argument)` there, closes it, and returns the result and what
   * other servers answered in the meantime.
   */
  async function open() {
    const page = await browser.newPage();
    const answers = [];
    page.on("response", (response) => answers.push({ url: response.url(), status: response.status(), at: Date.now() }));
    await page.goto(origin);
    return async (inPage, argument) => {
      const result = await page.evaluate(inPage, argument);
      await page.close();
      return { ...result, answers: answers.filter(({ url }) => url.startsWith("http") && !url.startsWith(`${origin}/`)) };
    };
  }

  async function stop() {
    await browser.close();
    server.close();
  }
  return { origin, open, stop };
}

/** Part of the page: makes the player fill its video element. `fail` is called with errors, including rejected requests. */
function attach(player, settings, url, fail) {
  const video = document.querySelector("video");
  if (player === "hls.js") {
    const hls = new Hls(settings);
    hls.on(Hls.Events.ERROR, (_, { fatal, type, details, response }) => {
      // The player itself aborts requests that it no longer needs after a seek.
      const aborted = details === Hls.ErrorDetails.INTERNAL_ABORTED;
      if (fatal || (type === Hls.ErrorTypes.NETWORK_ERROR && !aborted)) fail(`${details} ${response?.code}`);
    });
    hls.loadSource(url);
    hls.attachMedia(video);
    return hls;
  }
  if (player === "dash.js") {
    const dash = dashjs.MediaPlayer().create();
    dash.updateSettings({ streaming: { buffer: settings } });
    dash.on(dashjs.MediaPlayer.events.ERROR, ({ error }) => fail(error.message ?? String(error)));
    dash.initialize(video, url, false);
    return dash;
  }
  const shakaPlayer = new shaka.Player();
  const failed = ({ category, code, data }) => fail(`Shaka's error ${category}/${code} ${data?.slice(0, 2)}`);
  shakaPlayer.configure({ streaming: settings });
  shakaPlayer.addEventListener("error", ({ detail }) => failed(detail));
  shakaPlayer.attach(video).then(() => shakaPlayer.load(url)).catch(failed);
  return shakaPlayer;
}
