// A page in Chromium (CHROMIUM) on a different origin than the bucket's uploads and reads with presigned
// URLs, and is allowed or blocked by the CORS rules of the bucket, which `cfstore` (CFSTORE) sets while the
// server runs.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, beforeEach, test } from "node:test";
import { promisify } from "node:util";
import { startPages } from "./players.mjs";

const { CFSTORE } = process.env;
assert.ok(CFSTORE, "CFSTORE must name the program");

const pages = await startPages(() => Promise.reject(new Error("the pages have no other files")));
after(() => pages.stop());
const { origin } = pages;

const r2 = async (...args) => (await promisify(execFile)(CFSTORE, ["r2", ...args])).stdout.trim();
const rule = (...options) => r2("cors", "set", "--origin", origin, ...options);
/** Whether `cfstore r2 cors check` says that the bucket's rules allow it. */
const allowed = (...options) => r2("cors", "check", "--origin", origin, ...options).then(() => true, (error) => (assert.equal(error.code, 1), false));

const upload = () => r2("presign", "--method", "put", "--content-type", "video/mp4", "creator-1/film.mp4");
const download = () => r2("presign", "creator-1/film.mp4");

/** A request of a page, and what the page can see of the answer: `refused` if its browser shows nothing. */
async function fetchInPage(url, init, names = []) {
  const run = await pages.open();
  return run(
    async ({ url, init, names }) => {
      try {
        const answer = await fetch(url, init);
        const headers = Object.fromEntries(names.map((name) => [name, answer.headers.get(name)]));
        return { status: answer.status, text: await answer.text(), headers };
      } catch (error) {
        return { refused: `${error}` };
      }
    },
    { url, init, names },
  );
}

const put = (url, headers = { "content-type": "video/mp4" }) => fetchInPage(url, { method: "PUT", headers, body: "a film" }, ["etag", "cf-ray"]);

/** The browser shows nothing to the page, and nothing was stored. */
function expectRefused({ refused, status }) {
  assert.equal(status, undefined);
  assert.match(refused, /Failed to fetch/);
}

beforeEach(async () => {
  await r2("cors", "rm");
  await r2("rm", "creator-1/film.mp4");
});

test("without rules nothing is uploaded", async () => {
  expectRefused(await put(await upload()));
  assert.equal(await allowed("--method", "PUT", "--header", "content-type"), false);
  await assert.rejects(r2("head", "creator-1/film.mp4"));
});

test("a rule lets the page upload, and read the headers that it exposes", async () => {
  await rule("--method", "PUT", "--header", "content-type", "--expose", "etag", "--max-age", "10m");
  const { status, headers } = await put(await upload());
  assert.equal(status, 200);
  assert.match(headers.etag, /^"[0-9a-f]{32}"$/);
  assert.equal(headers["cf-ray"], null);
  assert.equal(await r2("cat", "creator-1/film.mp4"), "a film");
  assert.equal(await allowed("--method", "PUT", "--header", "content-type"), true);
});

test("a rule that lacks one thing refuses the upload", async () => {
  for (const options of [
    ["--method", "PUT"],
    ["--method", "PUT", "--header", "content-length"],
    ["--method", "GET,HEAD,POST,DELETE", "--header", "content-type"],
  ]) {
    await rule(...options);
    expectRefused(await put(await upload()));
    assert.equal(await allowed("--method", "PUT", "--header", "content-type"), false, options.join(" "));
  }
  for (const other of ["http://127.0.0.1", origin.replace("http:", "https:"), origin.replace("127.0.0.1", "localhost")]) {
    await r2("cors", "set", "--origin", other, "--method", "PUT", "--header", "*");
    expectRefused(await put(await upload()));
  }
  await assert.rejects(r2("head", "creator-1/film.mp4"));
  await r2("cors", "set", "--origin", "*", "--method", "PUT", "--header", "*");
  assert.equal((await put(await upload())).status, 200);
});

test("what is read needs a rule too", async () => {
  await rule("--method", "PUT", "--header", "content-type");
  await put(await upload());
  const read = async (headers = {}) => fetchInPage(await download(), { headers }, ["content-range", "content-length"]);
  expectRefused(await read());
  await rule("--method", "GET", "--header", "range,x-trace", "--expose", "content-range");
  const whole = await read();
  assert.deepEqual([whole.status, whole.text], [200, "a film"]);
  const part = await read({ range: "bytes=2-", "x-trace": "1" });
  assert.deepEqual([part.status, part.text, part.headers["content-range"]], [206, "film", "bytes 2-5/6"]);
  expectRefused(await read({ "if-none-match": '"x"' }));
});

test("a page can read why an object is missing, and not why its URL is refused", async () => {
  await rule("--method", "GET,DELETE");
  const missing = await fetchInPage(await r2("presign", "missing"));
  assert.equal(missing.status, 404);
  assert.match(missing.text, /NoSuchKey/);
  expectRefused(await fetchInPage((await r2("presign", "missing")).replace(/.$/, (last) => (last === "0" ? "1" : "0"))));
});
