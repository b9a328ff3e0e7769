// Every route of examples/media-service over HTTP, then its page in Chromium (CHROMIUM). MEDIA_SERVICE is the
// program, which finds `cfstore serve` through its variables in the environment.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { chromium } from "playwright-core";
import { use } from "./worker_harness.mjs";

const { CFSTORE, CHROMIUM, MEDIA_SERVICE, R2_ENDPOINT, SCRATCH } = process.env;
assert.ok(CFSTORE && MEDIA_SERVICE && SCRATCH, "CFSTORE and MEDIA_SERVICE must name the programs, SCRATCH a folder to work in");

const password = randomBytes(12).toString("hex");

/** A failed test leaves the services running that it started. */
const stops = [];
after(() => Promise.all(stops.map((stop) => stop())));

/** Starts the service. Returns its URL, and a function that stops it and returns its exit code. */
async function start(variables = {}) {
  const env = { LISTEN: "127.0.0.1:0", LOGIN_PASSWORD: password, PLAYLIST_SECRET: randomBytes(24).toString("hex") };
  const child = spawn(MEDIA_SERVICE, { env: { ...process.env, ...env, ...variables }, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const [line] = await Promise.race([
    new Promise((resolve) => createInterface(child.stdout).once("line", (line) => resolve([line]))),
    ended.then((code) => [`ended with ${code}`]),
  ]);
  assert.match(line, /^listening at http/);
  const stop = () => {
    child.kill("SIGTERM");
    return ended;
  };
  stops.push(stop);
  return { root: line.replace("listening at ", ""), stop };
}

const expect = async (answer, status) => assert.equal(answer.status, status, await answer.clone().text());

async function expectJson(answer, status = 200) {
  await expect(answer, status);
  return answer.json();
}

async function expectError(answer, status, message) {
  const { error } = await expectJson(answer, status);
  assert.match(error, message);
}

test("an address that asks too much is refused, also by a process that starts later", async () => {
  const first = await start({ REQUEST_LIMIT: "3" });
  for (const remaining of [2, 1, 0]) {
    const answer = await fetch(first.root);
    await expect(answer, 200);
    assert.equal(answer.headers.get("ratelimit-policy"), '"requests";q=3;w=600');
    assert.match(answer.headers.get("ratelimit"), new RegExp(`^"requests";r=${remaining};t=`));
  }
  const refused = await fetch(first.root);
  await expectError(refused, 429, /too many requests/);
  assert.ok(Number(refused.headers.get("retry-after")) > 0);
  assert.match(refused.headers.get("ratelimit"), /^"requests";r=0;t=/);
  // It writes its last counts before it exits.
  assert.equal(await first.stop(), 0);

  const second = await start({ REQUEST_LIMIT: "3" });
  await expect(await fetch(second.root), 429);
  await second.stop();
});

test("what is missing in the environment is named", async () => {
  await assert.rejects(start({ LOGIN_PASSWORD: "" }), /ended with 1/);
  await assert.rejects(start({ R2_BUCKET_MEDIA: "" }), /ended with 1/);
});

const { root } = await start({ REQUEST_LIMIT: "100000" });

const call = (method, path, { cookie, json, ...init } = {}) => {
  const headers = { ...init.headers };
  if (cookie) headers.cookie = cookie;
  if (json) headers["content-type"] = "application/json";
  return fetch(root + path, { method, body: json && JSON.stringify(json), ...init, headers });
};

async function login(user) {
  const answer = await call("POST", "/login", { json: { user, password } });
  assert.deepEqual(await expectJson(answer), { user });
  return answer.headers.get("set-cookie").split(";")[0];
}

const ada = await login("ada");
const bob = await login("bob");

/** What the page does with a file. */
async function upload(cookie, name, contentType, bytes) {
  const wanted = { name, contentType, size: bytes.length };
  const { key, url, signedHeaders } = await expectJson(await call("POST", "/uploads", { cookie, json: wanted }));
  await expect(await use("PUT", url, { headers: signedHeaders, body: bytes }), 200);
  return key;
}

test("signing in takes the password, and gives a cookie that scripts cannot read", async () => {
  await expectError(await call("POST", "/login", { json: { user: "ada", password: "guess" } }), 401, /password is wrong/);
  await expectError(await call("POST", "/login", { json: { user: "../ada", password } }), 400, /a user's name/);
  await expectError(await call("POST", "/login", { json: { user: "ada" } }), 422, /password/);
  const answer = await call("POST", "/login", { json: { user: "ada", password } });
  assert.match(answer.headers.get("set-cookie"), /^session=[\w-]{22}\.[\w-]{43}; HttpOnly; SameSite=Lax; Path=\/$/);

  const elsewhere = await start({ PUBLIC_URL: "https://media.example.com", REQUEST_LIMIT: "100000" });
  const body = JSON.stringify({ user: "ada", password });
  const secure = await fetch(`${elsewhere.root}/login`, { method: "POST", headers: { "content-type": "application/json" }, body });
  assert.match(secure.headers.get("set-cookie"), /; Secure/);
  await elsewhere.stop();
});

test("nobody gets in without a session", async () => {
  for (const cookie of [undefined, "session=", "session=AAAAAAAAAAAAAAAAAAAAAA"]) {
    for (const [method, path, json] of [
      ["GET", "/media"],
      ["GET", "/media/ada/a.txt"],
      ["POST", "/credentials"],
      ["POST", "/play", { key: "ada/a.txt" }],
      ["POST", "/uploads", { name: "a.txt", contentType: "text/plain", size: 1 }],
    ]) {
      await expectError(await call(method, path, { cookie, json }), 401, /sign in first/);
    }
  }
  await expectError(await call("GET", "/nowhere"), 404, /no such route/);
  await expectError(await call("GET", "/login"), 405, /no such method/);
});

test("an upload's URL takes just the type and the length that were announced", async () => {
  const json = { name: "clips/a b é.mp4", contentType: "video/mp4", size: 5 };
  const { key, url, signedHeaders } = await expectJson(await call("POST", "/uploads", { cookie: ada, json }));
  assert.equal(key, "ada/clips/a b é.mp4");
  assert.deepEqual(signedHeaders, { "content-type": "video/mp4", "content-length": "5" });
  assert.ok(url.startsWith(`${R2_ENDPOINT}/media/ada/clips/`));
  const put = (contentType, body, to = url) => use("PUT", to, { headers: { "content-type": contentType }, body });
  await expect(await put("text/html", "12345"), 403);
  await expect(await put("video/mp4", "123456"), 403);
  await expect(await put("video/mp4", "12345", url.replace("/ada/", "/bob/")), 403);
  await expect(await call("GET", "/media/ada/clips/a%20b%20%C3%A9.mp4", { cookie: ada }), 404);
  await expect(await put("video/mp4", "12345"), 200);
  const stored = await call("GET", "/media/ada/clips/a%20b%20%C3%A9.mp4", { cookie: ada });
  assert.equal(stored.headers.get("content-type"), "video/mp4");
  assert.equal(await stored.text(), "12345");

  for (const name of ["../bob/a", "a//b", ""]) {
    await expectError(await call("POST", "/uploads", { cookie: ada, json: { ...json, name } }), 400, /the name/);
  }
  for (const size of [0, 2 ** 31]) {
    await expectError(await call("POST", "/uploads", { cookie: ada, json: { ...json, size } }), 400, /the size/);
  }
});

test("credentials read what is the user's and no more", async () => {
  const given = await expectJson(await call("POST", "/credentials", { cookie: ada }));
  assert.deepEqual([given.endpoint, given.bucket, given.prefix], [R2_ENDPOINT, "media", "ada/"]);
  const { accessKeyId, secretAccessKey, sessionToken } = given;
  const client = new S3Client({ endpoint: given.endpoint, region: "auto", forcePathStyle: true, maxAttempts: 1, credentials: { accessKeyId, secretAccessKey, sessionToken } });
  const Bucket = given.bucket;
  const page = await client.send(new ListObjectsV2Command({ Bucket, Prefix: given.prefix }));
  assert.ok(page.Contents.some(({ Key }) => Key === "ada/clips/a b é.mp4"));
  const got = await client.send(new GetObjectCommand({ Bucket, Key: "ada/clips/a b é.mp4" }));
  assert.equal(await got.Body.transformToString(), "12345");
  for (const command of [
    new ListObjectsV2Command({ Bucket }),
    new GetObjectCommand({ Bucket, Key: "bob/a" }),
    new PutObjectCommand({ Bucket, Key: "ada/clips/a b é.mp4", Body: "x" }),
  ]) {
    await assert.rejects(client.send(command), { name: "AccessDenied" });
  }
});

test("a large file goes up in parts", async () => {
  const bytes = randomBytes(9 * 1024 * 1024);
  const json = { name: "film.mp4", contentType: "video/mp4", size: bytes.length };
  const upload = await expectJson(await call("POST", "/uploads/multipart", { cookie: ada, json }));
  assert.equal(upload.key, "ada/film.mp4");
  assert.deepEqual(upload.parts.map(({ partNumber }) => partNumber), [1, 2]);
  const slice = (number) => bytes.subarray((number - 1) * upload.partSize, number * upload.partSize);
  // The length of each part is signed.
  await expect(await use("PUT", upload.parts[1].url, { body: slice(1) }), 403);
  const parts = [];
  for (const { partNumber, url, signedHeaders } of upload.parts) {
    const answer = await use("PUT", url, { headers: signedHeaders, body: slice(partNumber) });
    await expect(answer, 200);
    parts.push({ partNumber, etag: answer.headers.get("etag") });
  }
  const { key, uploadId } = upload;
  const complete = (cookie, body) => call("POST", "/uploads/multipart/complete", { cookie, json: { key, uploadId, ...body } });
  await expectError(await complete(bob, { parts }), 403, /not yours/);
  await expect(await complete(ada, { parts: [{ ...parts[0], etag: "0".repeat(32) }] }), 400);
  const stored = await expectJson(await complete(ada, { parts }));
  assert.equal(stored.key, key);
  assert.match(stored.etag, /^[0-9a-f]{32}-2$/);

  const got = await call("GET", "/media/ada/film.mp4", { cookie: ada });
  assert.ok(bytes.equals(Buffer.from(await got.arrayBuffer())));
  await expect(await complete(ada, { uploadId: "gone", parts }), 404);
});

test("ranges and conditions of an object", async () => {
  await upload(ada, "digits.txt", "text/plain", "0123456789");
  const get = (headers, method = "GET") => call(method, "/media/ada/digits.txt", { cookie: ada, headers });
  const whole = await get({});
  await expect(whole, 200);
  assert.equal(whole.headers.get("accept-ranges"), "bytes");
  assert.equal(whole.headers.get("cache-control"), "private, no-cache");
  assert.equal(whole.headers.get("content-security-policy"), "sandbox");
  const etag = whole.headers.get("etag");

  const some = await get({ range: "bytes=2-4" });
  await expect(some, 206);
  assert.equal(some.headers.get("content-range"), "bytes 2-4/10");
  assert.equal(await some.text(), "234");
  const same = await get({ range: "bytes=-3", "if-range": etag });
  await expect(same, 206);
  assert.equal(await same.text(), "789");
  const changed = await get({ range: "bytes=2-4", "if-range": '"other"' });
  await expect(changed, 200);
  assert.equal(await changed.text(), "0123456789");
  const beyond = await get({ range: "bytes=10-" });
  await expect(beyond, 416);
  assert.equal(beyond.headers.get("content-range"), "bytes */10");
  const unchanged = await get({ "if-none-match": etag });
  await expect(unchanged, 304);
  assert.equal(unchanged.headers.get("etag"), etag);
  assert.equal(unchanged.headers.get("cache-control"), "private, no-cache");
  await expect(await get({ "if-match": '"other"' }), 412);

  const head = await get({}, "HEAD");
  await expect(head, 200);
  assert.equal(head.headers.get("content-length"), "10");
  await expect(await get({ "if-none-match": etag }, "HEAD"), 304);

  await expectError(await call("GET", "/media/ada/nothing", { cookie: ada }), 404, /no such object/);
  await expectError(await call("GET", "/media/ada/digits.txt", { cookie: bob }), 403, /not yours/);
  await expectError(await call("POST", "/play", { cookie: bob, json: { key: "ada/digits.txt" } }), 403, /not yours/);
});

test("everybody lists what is theirs", async () => {
  await upload(bob, "b.txt", "text/plain", "b");
  const [object, ...others] = await expectJson(await call("GET", "/media", { cookie: bob }));
  assert.deepEqual([object.key, object.size, others], ["bob/b.txt", 1, []]);
});

test("a master playlist leads to segments that R2 answers", async () => {
  const segment = randomBytes(1000);
  await upload(ada, "hls/720p/0.ts", "video/mp2t", segment);
  await upload(ada, "hls/720p/video.m3u8", "application/vnd.apple.mpegurl", "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n0.ts\n#EXT-X-ENDLIST\n");
  const master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\n720p/video.m3u8\n";
  const key = await upload(ada, "hls/master.m3u8", "application/vnd.apple.mpegurl", master);

  const { url } = await expectJson(await call("POST", "/play", { cookie: ada, json: { key } }));
  const lines = async (path) => {
    const answer = await call("GET", path);
    await expect(answer, 200);
    assert.equal(answer.headers.get("content-type"), "application/vnd.apple.mpegurl");
    assert.equal(answer.headers.get("cache-control"), "no-store");
    return (await answer.text()).split("\n");
  };
  const [, , media] = await lines(url);
  assert.match(media, /^\/playlists\/ada\/hls\/720p\/video\.m3u8\?expires=\d+&token=/);
  const [, , , signed] = await lines(media);
  assert.ok(signed.startsWith(`${R2_ENDPOINT}/media/ada/hls/720p/0.ts?X-Amz-`));
  const got = await fetch(signed);
  assert.ok(segment.equals(Buffer.from(await got.arrayBuffer())));

  const expires = /expires=(\d+)/.exec(url)[1];
  for (const bad of [
    url.split("?")[0],
    url.replace(/.$/, (last) => (last === "A" ? "E" : "A")),
    url.replace(expires, String(Number(expires) + 1)),
    url.replace("/ada/hls/master", "/ada/hls/720p/video"),
  ]) {
    await expectError(await call("GET", bad), 403, /is invalid/);
  }
  // Uploading a playlist does not get other users' objects signed.
  const theirs = await upload(bob, "theft.m3u8", "application/vnd.apple.mpegurl", "#EXTM3U\n#EXTINF:6,\n../ada/hls/720p/0.ts\n");
  const theft = await expectJson(await call("POST", "/play", { cookie: bob, json: { key: theirs } }));
  await expect(await call("GET", theft.url), 400);
});

test("who has logged out is out", async () => {
  const cookie = await login("eve");
  await expect(await call("GET", "/media", { cookie }), 200);
  const answer = await call("POST", "/logout", { cookie });
  await expect(answer, 204);
  assert.match(answer.headers.get("set-cookie"), /^session=; .*Max-Age=0/);
  await expectError(await call("GET", "/media", { cookie }), 401, /sign in first/);
  await expect(await call("POST", "/logout"), 204);
});

/** A second of sound, which a browser plays without a codec. */
function tone() {
  const [rate, header, samples] = [8000, Buffer.alloc(44), Buffer.alloc(8000)];
  header.write("RIFF\0\0\0\0WAVEfmt ", "latin1");
  header.writeUInt32LE(36 + samples.length, 4);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write("data", 36);
  header.writeUInt32LE(samples.length, 40);
  return Buffer.concat([header, samples.map((_, i) => 128 + Math.round(100 * Math.sin(i / 3)))]);
}

test("the page logs in, uploads and plays", { skip: CHROMIUM ? false : "chromium is not on the PATH" }, async () => {
  // The bucket settings in the README.
  const rule = ["--method", "GET,HEAD,PUT", "--header", "content-type,range", "--expose", "etag"];
  execFileSync(CFSTORE, ["r2", "cors", "set", "--origin", root, ...rule]);
  const file = join(SCRATCH, "tone.wav");
  await writeFile(file, tone());
  const args = ["--no-first-run", "--disable-gpu", "--autoplay-policy=no-user-gesture-required", "--disable-background-networking"];
  const browser = await chromium.launch({ executablePath: CHROMIUM, args });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(15_000);
    const failures = [];
    page.on("pageerror", (error) => failures.push(error));
    await page.goto(root);
    const status = (text) => page.waitForFunction((text) => document.querySelector("#status").textContent === text, text);

    await page.fill("[name=user]", "carol");
    await page.fill("[name=password]", "guess");
    await page.click("text=Log in");
    await status("the password is wrong");
    await page.fill("[name=password]", password);
    await page.click("text=Log in");
    await page.waitForSelector("main:not([hidden])");
    assert.equal(await page.evaluate(() => document.cookie), "");

    await page.setInputFiles("[name=file]", file);
    await page.click("button:text-is('Upload')");
    await page.waitForSelector("text=carol/tone.wav, 8044 bytes");
    await page.click("text=Play");
    await status("Playing carol/tone.wav");
    await page.waitForFunction(() => document.querySelector("video").ended);
    assert.ok((await page.getAttribute("video", "src")).startsWith(`${R2_ENDPOINT}/media/carol/tone.wav?X-Amz-`));

    await page.click("text=Log out");
    await page.waitForSelector("#login:not([hidden])");
    assert.deepEqual(failures, []);
  } finally {
    await browser.close();
  }
});
