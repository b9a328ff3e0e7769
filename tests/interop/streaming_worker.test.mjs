// Every route of examples/streaming-worker over HTTP, in workerd. STREAMING_WORKER is the folder that worker-build created from it.

import assert from "node:assert/strict";
import { createHash, createHmac, randomBytes } from "node:crypto";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { after, describe, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { altered, inParallel, mintToken, startWorker, use } from "./worker_harness.mjs";

const folder = process.env.STREAMING_WORKER;
assert.ok(folder, "STREAMING_WORKER must name the folder of the built examples/streaming-worker");

const secret = randomBytes(24).toString("hex");
const origin = "https://app.example.com";
const worker = await startWorker({ folder, bindings: { TOKEN_SECRET: secret, ALLOWED_ORIGIN: origin } });
after(() => worker.stop());

const token = (subject, seconds, key = secret) => mintToken(key, subject, seconds);

const me = token("creator-1");
const stranger = token("stranger");
const fan = token("fan");
const md5 = (bytes) => createHash("md5").update(bytes).digest("hex");

function call(method, path, { as = me, json, headers = {}, body } = {}) {
  if (as) headers = { authorization: `Bearer ${as}`, ...headers };
  if (json !== undefined) body = JSON.stringify(json);
  return fetch(worker.root + path, { method, headers: { "accept-encoding": "identity", ...headers }, body });
}

async function expectError(response, status, code) {
  const said = await response.json();
  assert.deepEqual([response.status, said.error?.code], [status, code], JSON.stringify(said));
  assert.ok(said.error.message.length > 10);
  return said.error.message;
}

async function expectJson(response, status) {
  const said = await response.json();
  assert.equal(response.status, status, JSON.stringify(said));
  return said;
}

const bytesOf = async (response) => Buffer.from(await response.arrayBuffer());

/** A request without a Content-Length, whose answer is not decoded. */
function raw(method, path, headers, body) {
  return new Promise((resolve, reject) => {
    const request = httpRequest(worker.root + path, { method, headers }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** An exchange with raw header bytes, which HTTP libraries do not send: text in UTF-8, a `Buffer` unchanged. */
function exchange(method, path, headers, body = "") {
  const { hostname, port } = new URL(worker.root);
  const lines = [["host", "localhost"], ["connection", "close"], ["authorization", `Bearer ${me}`], ["content-length", String(Buffer.byteLength(body))], ...headers];
  // The last header of a name counts.
  const last = new Map(lines.map(([name, value]) => [name, value]));
  const head = [...last].map(([name, value]) => Buffer.concat([Buffer.from(`${name}: `), Buffer.from(value), Buffer.from("\r\n")]));
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let received = Buffer.alloc(0);
    socket.on("error", reject).on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf("\r\n\r\n");
      if (end < 0) return;
      const [status, ...lines] = received.subarray(0, end).toString().split("\r\n");
      const pairs = lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]);
      const headers = Object.fromEntries(pairs);
      const body = received.subarray(end + 4);
      const chunked = headers["transfer-encoding"] === "chunked";
      if (chunked ? !body.includes("0\r\n\r\n") : body.length < Number(headers["content-length"] ?? 0)) return;
      socket.destroy();
      resolve({ status: Number(status.split(" ")[1]), headers, body: body.toString() });
    });
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no answer to ${method} ${path}`)));
    socket.write(Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n`), ...head, Buffer.from(`\r\n${body}`)]));
  });
}

/** An upload of `size` bytes that takes two seconds. */
function slowUpload(path, size) {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${me}`, "content-length": size };
    const request = httpRequest(worker.root + path, { method: "PUT", headers }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    });
    request.on("error", reject);
    for (let piece = 0; piece < 8; piece += 1) {
      setTimeout(() => (piece < 7 ? request.write(Buffer.alloc(size / 8)) : request.end(Buffer.alloc(size / 8))), piece * 280);
    }
  });
}

test("nobody gets in without a good token", async () => {
  const good = me;
  const routes = [
    ["POST", "/streaming-url"],
    ["POST", "/upload-url"],
    ["POST", "/credentials"],
    ["GET", "/media"],
    ["GET", "/media/creator-1/videos/a"],
    ["PUT", "/manifests/creator-1/m"],
    ["POST", "/uploads"],
  ];
  const bad = [
    null,
    "nonsense",
    `${good}x`,
    good.split(".")[0],
    token("creator-1", -1),
    token("creator-1", 3600, "another secret of thirty-two bytes"),
  ];
  for (const [method, path] of routes) {
    for (const as of bad) {
      const response = await call(method, path, { as });
      assert.equal(response.headers.get("www-authenticate"), "Bearer");
      await expectError(response, 401, "unauthenticated");
    }
  }
});

test("routes and methods that there are not", async () => {
  await expectError(await call("GET", "/nothing"), 404, "not_found");
  for (const [method, path, allow] of [
    ["GET", "/streaming-url", "POST"],
    ["DELETE", "/upload-url", "POST"],
    ["GET", "/credentials", "POST"],
    ["PUT", "/media", "GET"],
    ["POST", "/media/creator-1/videos/a", "GET, HEAD, PUT, DELETE"],
    ["DELETE", "/manifests/creator-1/m", "GET, HEAD, PUT"],
    ["GET", "/uploads", "POST, DELETE"],
    ["POST", "/uploads/parts", "PUT"],
    ["GET", "/uploads/complete", "POST"],
  ]) {
    const response = await call(method, path);
    assert.equal(response.headers.get("allow"), allow);
    await expectError(response, 405, "method_not_allowed");
  }
});

describe("/media", () => {
  const sizes = { "0 B": 0, "1 B": 1, "20 MiB": 20 * 1024 * 1024 };
  for (const [name, size] of Object.entries(sizes)) {
    test(`${name} up and down`, async () => {
      const content = randomBytes(size);
      const path = `/media/creator-1/videos/${size}%20%C3%A4%2B.mp4`;
      const put = await call("PUT", path, { body: content, headers: { "content-type": "video/mp4" } });
      const stored = await expectJson(put, 201);
      assert.deepEqual(stored, { key: `creator-1/videos/${size} ä+.mp4`, etag: md5(content), size });
      const got = await call("GET", path);
      assert.deepEqual([got.status, got.headers.get("content-type")], [200, "video/mp4"]);
      assert.equal(got.headers.get("etag"), `"${md5(content)}"`);
      assert.ok((await bytesOf(got)).equals(content));
      const head = await call("HEAD", path);
      assert.deepEqual([head.status, head.headers.get("content-length")], [200, String(size)]);
      assert.equal((await bytesOf(head)).length, 0);
      assert.equal((await call("DELETE", path)).status, 204);
      assert.equal((await call("DELETE", path)).status, 204);
      await expectError(await call("GET", path), 404, "not_found");
    });
  }

  test("ranges and conditions", async () => {
    const path = "/media/creator-1/videos/ranges";
    await call("PUT", path, { body: "0123456789" });
    const etag = `"${md5("0123456789")}"`;
    const get = (headers) => call("GET", path, { headers });
    const part = await get({ range: "bytes=2-4" });
    assert.deepEqual([part.status, part.headers.get("content-range")], [206, "bytes 2-4/10"]);
    assert.equal(await part.text(), "234");
    assert.equal(await (await get({ range: "bytes=-3" })).text(), "789");
    const outside = await get({ range: "bytes=10-" });
    assert.equal(outside.headers.get("content-range"), "bytes */10");
    await expectError(outside, 416, "range_not_satisfiable");
    const unchanged = await get({ "if-none-match": etag });
    assert.deepEqual([unchanged.status, unchanged.headers.get("etag")], [304, etag]);
    assert.equal((await bytesOf(unchanged)).length, 0);
    const since = part.headers.get("last-modified");
    assert.equal((await get({ "if-modified-since": since })).status, 304);
    assert.equal((await get({ "if-match": etag })).status, 200);
    await expectError(await get({ "if-match": '"other"' }), 412, "precondition_failed");
    await expectError(await get({ "if-none-match": 'nonsense"' }), 400, "bad_request");
  });

  test("what one client sends in a header is nobody else's concern", async () => {
    const path = "/media/creator-1/videos/headers";
    const name = "inline; filename=\"é🎬.mp4\"";
    const hostile = ['"é"', '"🎬"', Buffer.from([0x22, 0xe9, 0x22]), Buffer.from([0x22, 0xff, 0x80, 0x22]), '"\x01"', '"\x7f"', '"a\tb"', '"', "*, *", '"a"'.repeat(500)];
    const names = ["if-match", "if-none-match", "if-range", "range", "if-modified-since", "if-unmodified-since"];
    const written = ["content-type", "content-disposition", "content-language", "content-encoding", "cache-control", "if-match", "if-none-match"];
    await call("PUT", path, { body: "0123456789" });
    // Uploads that are in progress all the time.
    const slow = Array.from({ length: 20 }, (_, i) => slowUpload(`/media/creator-1/videos/slow-${i}`, 64 * 1024));
    for (const value of hostile) {
      for (const header of names) {
        const answer = await exchange("GET", path, [[header, value], ["range", "bytes=0-1"]]);
        assert.ok([200, 206, 304, 400, 412, 416].includes(answer.status), `${header}: ${value}: ${answer.status} ${answer.body}`);
        if (header === "if-range") assert.ok([200, 400].includes(answer.status), `${value} ${answer.status}`);
      }
      for (const header of written) {
        const target = `${path}-${written.indexOf(header)}-${hostile.indexOf(value)}`;
        const put = await exchange("PUT", target, [[header, value]], "x");
        assert.ok([201, 400, 412].includes(put.status), `${header}: ${value}: ${put.status} ${put.body}`);
        const got = await exchange("GET", target, []);
        assert.equal(got.status, put.status === 201 ? 200 : 404, `${header}: ${value}: ${got.body}`);
      }
      for (const header of ["authorization", "origin", "access-control-request-headers"]) {
        assert.ok((await exchange("OPTIONS", path, [[header, value]])).status < 500);
      }
    }
    assert.equal((await exchange("PUT", path, [["content-disposition", name]], "x")).status, 201);
    const got = await exchange("GET", path, []);
    assert.deepEqual([got.status, got.headers["content-disposition"]], [200, name]);
    assert.equal(got.headers["x-content-type-options"], "nosniff");
    assert.deepEqual(await Promise.all(slow), slow.map(() => 201));
  });

  test("conditional uploads", async () => {
    const path = "/media/creator-1/videos/conditional";
    const put = (headers) => call("PUT", path, { body: "x", headers });
    await expectError(await put({ "if-match": '"other"' }), 412, "precondition_failed");
    assert.equal((await put({ "if-none-match": "*" })).status, 201);
    await expectError(await put({ "if-none-match": "*" }), 412, "precondition_failed");
  });

  test("what is stored with an encoding is not encoded again", async () => {
    const encoded = gzipSync("0123456789".repeat(1000));
    const headers = { "content-type": "text/plain", "content-encoding": "gzip" };
    assert.equal((await call("PUT", "/media/creator-1/audio/gzip", { body: encoded, headers })).status, 201);
    const got = await raw("GET", "/media/creator-1/audio/gzip", { authorization: `Bearer ${me}`, "accept-encoding": "gzip" });
    assert.equal(got.headers["content-encoding"], "gzip");
    assert.ok(got.body.equals(encoded));
  });

  test("uploads of unknown length are refused", async () => {
    const headers = { authorization: `Bearer ${me}`, "transfer-encoding": "chunked" };
    const refused = await raw("PUT", "/media/creator-1/videos/chunked", headers, "abc");
    assert.deepEqual([refused.status, JSON.parse(refused.body).error.code], [411, "length_required"]);
    await expectError(await call("GET", "/media/creator-1/videos/chunked"), 404, "not_found");
  });

  test("folders keep to their owners", async () => {
    const path = "/media/creator-1/videos/mine";
    await call("PUT", path, { body: "x" });
    for (const method of ["GET", "PUT", "DELETE"]) {
      const body = method === "PUT" ? "x" : undefined;
      await expectError(await call(method, path, { as: stranger, body }), 403, "forbidden");
    }
    assert.equal((await call("GET", path)).status, 200);
    await expectError(await call("PUT", "/media/public/shared-resources/logo.svg", { body: "x" }), 403, "forbidden");
    await expectError(await call("GET", "/media/public/shared-resources/logo.svg"), 404, "not_found");
    const bucket = await worker.worker.getR2Bucket("MEDIA_BUCKET");
    await bucket.put("public/shared-resources/logo.svg", "<svg/>");
    assert.equal(await (await call("GET", "/media/public/shared-resources/logo.svg", { as: stranger })).text(), "<svg/>");
  });

  test("keys that are none", async () => {
    for (const key of ["creator-1", "creator-1/secrets/a", "creator-1/videos/", "creator-1/videos/a%2F..%2Fb", "creator-1/videos/%5C", "creator-1/videos/%00", "creator-1/videos/%FF", "public/videos/a"]) {
      await expectError(await call("GET", `/media/${key}`), 400, "bad_request");
    }
  });

  test("lists", async () => {
    for (const name of ["b/1", "b/2", "a", "c"]) await call("PUT", `/media/creator-2/hls/${name}`, { as: token("creator-2"), body: "x" });
    const list = async (query, as = token("creator-2")) => call("GET", `/media?${new URLSearchParams(query)}`, { as });
    const page = await expectJson(await list({ prefix: "creator-2/hls/", delimiter: "/" }), 200);
    assert.deepEqual(page.objects.map((object) => object.key), ["creator-2/hls/a", "creator-2/hls/c"]);
    assert.deepEqual([page.delimitedPrefixes, page.truncated, page.cursor], [["creator-2/hls/b/"], false, null]);
    assert.deepEqual([page.objects[0].size, page.objects[0].etag], [1, md5("x")]);
    assert.ok(Math.abs(Date.parse(page.objects[0].uploaded) - Date.now()) < 60_000);

    const keys = [];
    let cursor = "";
    do {
      const page = await expectJson(await list({ limit: 3, cursor }), 200);
      keys.push(...page.objects.map((object) => object.key));
      cursor = page.cursor;
    } while (cursor);
    assert.deepEqual(keys, ["a", "b/1", "b/2", "c"].map((name) => `creator-2/hls/${name}`));

    for (const prefix of ["creator-2", "creator-1/", "public/", ""]) await expectError(await list({ prefix }), 403, "forbidden");
    assert.equal((await list({ prefix: "public/shared-resources/" })).status, 200);
    for (const limit of ["0", "1001", "x"]) await expectError(await list({ limit }), 400, "bad_request");
  });
});

test("manifests", async () => {
  const path = "/manifests/creator-1/film";
  const manifest = { key: "creator-1/videos/film.mp4", type: "video/mp4", viewers: ["fan"] };
  await expectError(await call("GET", path), 404, "not_found");
  assert.equal((await expectJson(await call("PUT", path, { json: manifest }), 201)).key, "creator-1/metadata/film.json");
  const got = await call("GET", path);
  assert.match(got.headers.get("etag"), /^"[0-9a-f]{32}"$/);
  assert.deepEqual(await got.json(), { ...manifest, owner: "creator-1" });
  for (const method of ["GET", "PUT"]) await expectError(await call(method, path, { as: stranger, ...(method === "PUT" && { json: manifest }) }), 403, "forbidden");
  for (const bad of [{ ...manifest, key: "other/videos/film.mp4" }, { ...manifest, key: "x" }, { ...manifest, owner: "other" }, { key: 1 }, []]) {
    await expectError(await call("PUT", path, { json: bad }), 400, "bad_request");
  }
  await expectError(await call("PUT", path, { body: "no json" }), 400, "bad_request");
  await expectError(await call("PUT", path, { body: `"${"x".repeat(70_000)}"` }), 413, "too_large");
  await expectError(await call("PUT", "/manifests/creator-1/..%2Fx", { json: manifest }), 400, "bad_request");
});

describe("/playlists", () => {
  const segments = Array.from({ length: 23 }, (_, i) => `${"x".repeat(i * 7)}segment ${i}.ts`);
  const master = "#EXTM3U\r\n#EXT-X-STREAM-INF:BANDWIDTH=1\r\n720p/video.m3u8\r\n";
  const media =
    "#EXTM3U\n#EXT-X-MAP:URI=\"init.mp4\"\n" +
    segments.map((name) => `#EXTINF:6,\n${encodeURIComponent(name)}\n`).join("") +
    "https://other.example/ad.ts\n#EXT-X-ENDLIST";
  const put = (path, body) => call("PUT", `/media/creator-1/hls/m/${path}`, { body });
  const streamingUrl = async (id, more) => {
    const answer = await expectJson(await call("POST", "/streaming-url", { json: { contentId: `creator-1/${id}`, ...more } }), 200);
    return answer.streamingUrl;
  };
  const play = (url, init) => fetch(url, { headers: { origin }, ...init });

  test("a player gets from the master playlist to every segment", async () => {
    await put("master.m3u8", master);
    await put("720p/video.m3u8", media);
    await put("720p/init.mp4", "init");
    for (const name of segments) await put(`720p/${encodeURIComponent(name)}`, `content of ${name}`);
    const type = "application/vnd.apple.mpegurl";
    await call("PUT", "/manifests/creator-1/hls", { json: { key: "creator-1/hls/m/master.m3u8", type } });

    const url = await streamingUrl("hls", { expirySeconds: 600 });
    assert.ok(url.startsWith(`${worker.root}/playlists/creator-1/hls/m/master.m3u8?expires=`), url);
    const answer = await play(url);
    assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, type]);
    assert.equal(answer.headers.get("access-control-allow-origin"), origin);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.equal((await play(url, { method: "HEAD" })).status, 200);
    const text = await answer.text();
    const child = text.split("\r\n")[2];
    assert.equal(text.replace(child, "720p/video.m3u8"), master);

    const lines = (await (await play(new URL(child, url))).text()).split("\n");
    assert.deepEqual(lines.filter((line) => line.startsWith("#EXT")), media.split("\n").filter((line) => line.startsWith("#EXT")).with(1, lines[1]));
    const urls = lines.filter((line) => line.startsWith(worker.endpoint));
    assert.equal(urls.length, segments.length);
    assert.ok(lines.includes("https://other.example/ad.ts"));
    const init = lines[1].match(/URI="([^"]*)"/)[1];
    assert.equal(await (await use("GET", init)).text(), "init");
    for (const [i, url] of urls.entries()) {
      const played = await use("GET", url);
      assert.deepEqual([played.status, await played.text()], [200, `content of ${segments[i]}`]);
      assert.equal(new URL(url).searchParams.get("X-Amz-Expires") > 590, true);
      assert.equal((await use("GET", altered(url))).status, 403);
    }
  });

  test("what has no good token is refused", async () => {
    const url = await streamingUrl("hls", { expirySeconds: 2 });
    for (const bad of [
      altered(url),
      url.split("?")[0],
      url.replace("master", "other"),
      url.replace(/expires=\d+/, "expires=9999999999"),
      url.replace("creator-1", "creator-2"),
    ]) {
      await expectError(await play(bad), 403, "forbidden");
    }
    await expectError(await play(url, { method: "POST" }), 405, "method_not_allowed");
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    await expectError(await play(url), 403, "forbidden");
  });

  test("what cannot be signed says why", async () => {
    for (const [text, reason] of [
      ["<html>", /line 1: this is not an HLS playlist/],
      ["#EXTM3U\n/creator-2/hls/m/secret.ts", /line 2: "creator-2\/hls\/m\/secret.ts" lies outside "creator-1\/"/],
    ]) {
      await put("master.m3u8", text);
      assert.match(await expectError(await play(await streamingUrl("hls")), 422, "unprocessable"), reason);
    }
    await call("DELETE", "/media/creator-1/hls/m/master.m3u8");
    await expectError(await play(await streamingUrl("hls")), 404, "not_found");
  });

  const gzipped = (path, body, encoding = "gzip") =>
    call("PUT", `/media/creator-1/hls/m/${path}`, { body, headers: { "content-encoding": encoding } });

  test("what is stored as gzip is decoded", async () => {
    await gzipped("master.m3u8", gzipSync(master));
    assert.match(await (await play(await streamingUrl("hls"))).text(), /\r\n\/playlists\/creator-1\/hls\/m\/720p\/video.m3u8\?expires=/);
  });

  test("what is not text is the store's fault", async () => {
    const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024), { level: 9 });
    for (const [store, reason] of [
      [() => put("master.m3u8", Buffer.from("#EXTM3U\n\xff.ts", "latin1")), /not UTF-8/],
      [() => gzipped("master.m3u8", master), /not complete gzip/],
      [() => gzipped("master.m3u8", gzipSync(master).subarray(0, -9)), /not complete gzip/],
      [() => gzipped("master.m3u8", gzipSync(master), "br"), /Content-Encoding "br"/],
      [() => gzipped("master.m3u8", bomb), /more than 8388608 bytes/],
    ]) {
      assert.equal((await store()).status, 201);
      assert.match(await expectError(await play(await streamingUrl("hls")), 422, "unprocessable"), reason);
    }
    const bucket = await worker.worker.getR2Bucket("MEDIA_BUCKET");
    for (const broken of ["{", '{"key": 1}', Buffer.from([0x22, 0xff, 0x22])]) {
      await bucket.put("creator-1/metadata/broken.json", broken);
      await expectError(await call("GET", "/manifests/creator-1/broken"), 422, "unprocessable");
    }
  });

  test("what is long is compressed for clients that take it", async () => {
    const long = "#EXTM3U\n" + "#EXTINF:6,\na.ts\n".repeat(10) + "#EXT-X-ENDLIST\n";
    const short = "#EXTM3U\nhttps://other.example/a.ts\n";
    for (const [text, accepted, encoding] of [
      [long, "gzip, deflate, br", "gzip"],
      [long, "gzip;q=0, identity", undefined],
      [long, "identity", undefined],
      [long, undefined, undefined],
      [short, "gzip", undefined],
    ]) {
      await put("master.m3u8", text);
      const { pathname, search } = new URL(await streamingUrl("hls"));
      const headers = accepted === undefined ? {} : { "accept-encoding": accepted };
      const answer = await raw("GET", pathname + search, headers);
      const what = `${accepted}: ${text.length}`;
      assert.deepEqual([answer.status, answer.headers["content-encoding"]], [200, encoding], what);
      assert.match(answer.headers.vary, /Accept-Encoding/, what);
      const body = encoding ? gunzipSync(answer.body) : answer.body;
      assert.equal(body.toString().split("\n").length, text.split("\n").length, what);
      if (encoding) assert.ok(answer.body.length * 4 < body.length, `${answer.body.length} of ${body.length}`);
    }
  });

  const tokenUrl = async (key) => {
    await call("PUT", "/manifests/creator-1/any", { json: { key: `creator-1/hls/m/${key}`, type: "application/vnd.apple.mpegurl" } });
    return streamingUrl("any");
  };

  test("asset lists and steering manifests lead on to playlists", async () => {
    const ads = { ASSETS: [{ URI: "../ads/spot.m3u8", DURATION: 15 }, { URI: "https://ads.example/spot.m3u8", DURATION: 5 }] };
    const steering = { VERSION: 1, TTL: 300, "RELOAD-URI": "steering.json", "PATHWAY-PRIORITY": ["A"] };
    await put("live.m3u8", '#EXTM3U\n#EXT-X-DATERANGE:ID="a",CLASS="com.apple.hls.interstitial",START-DATE="2026-01-01T00:00:00Z",X-ASSET-LIST="ads.json"\n#EXTINF:6,\na.ts\n');
    await put("master.m3u8", '#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI="steering.json"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlive.m3u8\n');
    await put("ads.json", JSON.stringify(ads));
    await gzipped("steering.json", gzipSync(JSON.stringify(steering)));
    const follow = async (url, name) => {
      const text = await (await play(url)).text();
      return new URL(text.match(new RegExp(`"(/playlists/[^"]*/${name}\\?[^"]*)"`))[1], url);
    };
    const master = await tokenUrl("master.m3u8");
    const live = await tokenUrl("live.m3u8");
    // Players add their own parameters.
    const list = await play(`${await follow(live, "ads.json")}&_HLS_start_offset=0&_HLS_primary_id=x`);
    assert.deepEqual([list.status, list.headers.get("content-type")], [200, "application/json"]);
    const { ASSETS } = await list.json();
    assert.match(ASSETS[0].URI, /^\/playlists\/creator-1\/hls\/ads\/spot.m3u8\?expires=/);
    assert.deepEqual(ASSETS[1], ads.ASSETS[1]);
    const steered = await play(`${await follow(master, "steering.json")}&_HLS_pathway=A&_HLS_throughput=1`);
    const said = await steered.json();
    assert.match(said["RELOAD-URI"], /^\/playlists\/creator-1\/hls\/m\/steering.json\?expires=/);
    assert.deepEqual({ ...said, "RELOAD-URI": "steering.json" }, steering);

    await put("ads.json", "{");
    await expectError(await play(await follow(live, "ads.json")), 422, "unprocessable");
    // A playlist that refers to a metadata file does not expose it.
    await put("live.m3u8", '#EXTM3U\n#EXT-X-DATERANGE:ID="a",START-DATE="2026-01-01T00:00:00Z",X-ASSET-LIST="../../metadata/any.json"\n#EXTINF:6,\na.ts\n');
    await expectError(await play(await follow(live, "any.json")), 404, "not_found");
  });

  test("a DASH manifest lists a presigned URL for each segment", async () => {
    const template = (media) =>
      '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT8S"><Period><AdaptationSet>' +
      `<SegmentTemplate media="${media}" initialization="init.mp4" duration="2"/><Representation id="1" bandwidth="1"/>` +
      "</AdaptationSet></Period></MPD>";
    await put("film.mpd", template("chunk-$Number$.m4s"));
    for (const name of ["init.mp4", "chunk-1.m4s", "chunk-2.m4s", "chunk-3.m4s", "chunk-4.m4s"]) await put(name, `content of ${name}`);
    const answer = await play(await tokenUrl("film.mpd"));
    assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "application/dash+xml"]);
    const text = await answer.text();
    const urls = [...text.matchAll(/(?:sourceURL|media)="([^"]*)"/g)].map(([, url]) => url.replaceAll("&amp;", "&"));
    const played = await Promise.all(urls.map(async (url) => (await use("GET", url)).text()));
    assert.deepEqual(played, ["init.mp4", "chunk-1.m4s", "chunk-2.m4s", "chunk-3.m4s", "chunk-4.m4s"].map((name) => `content of ${name}`));

    await put("film.mpd", template("/creator-2/chunk-$Number$.m4s"));
    assert.match(await expectError(await play(await tokenUrl("film.mpd")), 422, "unprocessable"), /outside "creator-1\/"/);
  });

  test("a request for what is still to come waits for it", async () => {
    const live = (segments, control = "CAN-BLOCK-RELOAD=YES") =>
      `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-SERVER-CONTROL:${control}\n#EXT-X-MEDIA-SEQUENCE:5\n` +
      Array.from({ length: segments }, (_, i) => `#EXTINF:1,\n${5 + i}.ts\n`).join("");
    await put("live.m3u8", live(2));
    const url = await tokenUrl("live.m3u8");
    const timed = async (query) => {
      const begin = Date.now();
      const answer = await play(`${url}${query}`);
      return { answer, waited: Date.now() - begin };
    };
    const at = timed("&_HLS_msn=7");
    setTimeout(() => put("live.m3u8", live(3)), 1_000);
    const came = await at;
    assert.equal(came.answer.status, 200);
    assert.match(await came.answer.text(), /media\/creator-1\/hls\/m\/7.ts\?/);
    assert.ok(came.waited > 900 && came.waited < 2_500, `${came.waited} ms`);

    const there = await timed("&_HLS_msn=7&_HLS_skip=YES");
    assert.ok(there.answer.status === 200 && there.waited < 900, `${there.answer.status}, ${there.waited} ms`);

    const late = await timed("&_HLS_msn=8");
    assert.ok(Number(late.answer.headers.get("retry-after")) >= 1);
    await expectError(late.answer, 503, "not_yet");
    assert.ok(late.waited > 2_900 && late.waited < 4_500, `${late.waited} ms`);

    for (const query of ["&_HLS_msn=100", "&_HLS_msn=x", "&_HLS_part=1"]) {
      const { answer, waited } = await timed(query);
      await expectError(answer, 400, "bad_request");
      assert.ok(waited < 900, `${query}: ${waited} ms`);
    }
    await put("live.m3u8", live(2, "CAN-SKIP-UNTIL=12"));
    assert.equal((await timed("&_HLS_msn=100")).answer.status, 200);
    setTimeout(() => call("DELETE", "/media/creator-1/hls/m/live.m3u8"), 500);
    await put("live.m3u8", live(2));
    await expectError((await timed("&_HLS_msn=7")).answer, 404, "not_found");
  });

  test("a live playlist is as long as DVR_WINDOW says", async () => {
    const live = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n" + Array.from({ length: 100 }, (_, i) => `#EXTINF:6,\n${i}.ts\n`).join("");
    const segmentsOf = async (bindings, text) => {
      const other = await startWorker({ folder, bindings: { TOKEN_SECRET: secret, ...bindings } });
      try {
        const bucket = await other.worker.getR2Bucket("MEDIA_BUCKET");
        await bucket.put("creator-1/hls/live.m3u8", text);
        const content = { key: "creator-1/hls/live.m3u8", type: "application/vnd.apple.mpegurl", owner: "creator-1" };
        await bucket.put("creator-1/metadata/live.json", JSON.stringify(content));
        const init = { method: "POST", headers: { authorization: `Bearer ${me}` }, body: JSON.stringify({ contentId: "creator-1/live" }) };
        const asked = await fetch(`${other.root}/streaming-url`, init);
        if (asked.status !== 200) return await expectError(asked, 503, "not_configured");
        const said = await (await fetch((await asked.json()).streamingUrl)).text();
        return said.split("\n").filter((line) => line.startsWith("http")).length;
      } finally {
        await other.stop();
      }
    };
    assert.equal(await segmentsOf({}, live), 100);
    assert.equal(await segmentsOf({ DVR_WINDOW: "60" }, live), 10);
    assert.equal(await segmentsOf({ DVR_WINDOW: "60" }, `${live}#EXT-X-ENDLIST\n`), 100);
    for (const malformed of ["0", "10m", "-1"]) assert.match(await segmentsOf({ DVR_WINDOW: malformed }, live), /DVR_WINDOW/);
  });
});

describe("/streaming-url", () => {
  const want = (contentId, { as, ...more } = {}) => call("POST", "/streaming-url", { as, json: { contentId, ...more } });

  test("owners and viewers play, on R2 itself", async () => {
    await call("PUT", "/media/creator-1/videos/film.mp4", { body: "film", headers: { "content-type": "video/mp4" } });
    await call("PUT", "/manifests/creator-1/film", { json: { key: "creator-1/videos/film.mp4", type: "video/mp4", viewers: ["fan"] } });
    for (const as of [me, fan]) {
      const { streamingUrl, expiresAt, contentType } = await expectJson(await want("creator-1/film", { as, expirySeconds: 60 }), 200);
      assert.equal(contentType, "video/mp4");
      assert.ok(Math.abs(Date.parse(expiresAt) - Date.now() - 60_000) < 5_000, expiresAt);
      const played = await use("GET", streamingUrl);
      assert.deepEqual([played.status, await played.text()], [200, "film"]);
      assert.equal((await use("HEAD", streamingUrl)).status, 403, "it is a URL for GET");
      assert.equal((await use("GET", altered(streamingUrl))).status, 403);
      assert.equal((await use("DELETE", streamingUrl)).status, 403);
    }
    const { streamingUrl } = await expectJson(await want("creator-1/film", { expirySeconds: 1 }), 200);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const expired = await use("GET", streamingUrl);
    assert.equal(expired.status, 403);
    assert.match(await expired.text(), /ExpiredRequest/);
  });

  test("what is not there answers as what is forbidden", async () => {
    const bucket = await worker.worker.getR2Bucket("MEDIA_BUCKET");
    const manifest = (content) => JSON.stringify({ type: "video/mp4", owner: "creator-1", ...content });
    await bucket.put("creator-1/metadata/private.json", manifest({ key: "creator-1/videos/film.mp4" }));
    await bucket.put("creator-1/metadata/greedy.json", manifest({ key: "other/videos/a", viewers: ["stranger"] }));
    await bucket.put("creator-1/metadata/broken.json", "{");
    const answers = [];
    for (const id of ["creator-1/private", "creator-1/unknown", "nobody/unknown", "creator-1/greedy", "creator-1/broken"]) {
      const response = await want(id, { as: stranger });
      const headers = Object.fromEntries(response.headers);
      delete headers.date;
      answers.push(JSON.stringify([response.status, headers, await response.text()]));
    }
    assert.deepEqual([...new Set(answers)], [answers[0]]);
    assert.match(answers[0], /^\[403/);
  });

  test("bad input", async () => {
    for (const [id, more] of [
      ["film", {}],
      ["creator-1/../x", {}],
      ["creator-1/", {}],
      ["/film", {}],
      ["public/film", {}],
      ["creator-1/film", { expirySeconds: 0 }],
      ["creator-1/film", { expirySeconds: 604_801 }],
      ["creator-1/film", { expirySeconds: "1" }],
      ["creator-1/film", { expiry: 1 }],
    ]) {
      await expectError(await want(id, more), 400, "bad_request");
    }
  });
});

describe("/upload-url", () => {
  const want = (json, as) => call("POST", "/upload-url", { as, json });

  test("a browser uploads to R2 itself", async () => {
    const key = "creator-1/thumbnails/a b.png";
    const { uploadUrl, method, headers } = await expectJson(await want({ key, contentType: "image/png", contentLength: 3 }), 200);
    assert.deepEqual([method, headers], ["PUT", { "content-type": "image/png", "content-length": "3" }]);
    const upload = (url, type, body) => use("PUT", url, { headers: { "content-type": type }, body });
    assert.equal((await upload(uploadUrl, "text/html", "png")).status, 403);
    assert.equal((await upload(uploadUrl, "image/png", "longer")).status, 403);
    assert.equal((await upload(altered(uploadUrl), "image/png", "png")).status, 403);
    assert.equal((await use("GET", uploadUrl)).status, 403);
    assert.equal((await upload(uploadUrl, "image/png", "png")).status, 200);
    const got = await call("GET", "/media/creator-1/thumbnails/a%20b.png");
    assert.deepEqual([got.headers.get("content-type"), await got.text()], ["image/png", "png"]);

    const short = await expectJson(await want({ key, contentType: "image/png", expirySeconds: 1 }), 200);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    assert.equal((await upload(short.uploadUrl, "image/png", "png")).status, 403);
  });

  test("bad input and other people's folders", async () => {
    const good = { key: "creator-1/videos/a", contentType: "video/mp4" };
    await expectError(await want(good, stranger), 403, "forbidden");
    await expectError(await want({ ...good, key: "public/shared-resources/a" }), 403, "forbidden");
    for (const bad of [{}, { ...good, key: "creator-1/../a" }, { ...good, contentType: "a\nb" }, { ...good, contentLength: -1 }, { ...good, expirySeconds: 0 }]) {
      await expectError(await want(bad), 400, "bad_request");
    }
  });
});

// Miniflare does not support session tokens: their form is compared.
test("/credentials", async () => {
  const given = await expectJson(await call("POST", "/credentials"), 200);
  const { accountId, accessKeyId, secretAccessKey, endpoint } = worker;
  assert.deepEqual([given.accessKeyId, given.bucket, given.prefix, given.endpoint], [accessKeyId, "media", "creator-1/", endpoint]);
  const [, jwt] = Buffer.from(given.sessionToken, "base64").toString().split("jwt/");
  const [header, claims, signature] = jwt.split(".");
  assert.equal(signature, createHmac("sha256", secretAccessKey).update(`${header}.${claims}`).digest("base64url"));
  assert.equal(given.secretAccessKey, createHash("sha256").update(jwt).digest("hex"));
  const { iat, exp, ...allowed } = JSON.parse(Buffer.from(claims, "base64url"));
  const paths = { prefixPaths: ["creator-1/"], objectPaths: [] };
  const parent = { sub: accountId, iss: accessKeyId, aud: new URL(endpoint).host };
  assert.deepEqual(allowed, { bucket: "media", scope: "object-read-only", paths, ...parent });
  assert.ok(Math.abs(iat - Date.now() / 1000) < 60 && exp - iat === 900);
  assert.equal(given.expiresAt, new Date(exp * 1000).toISOString());
});

test("/uploads in parts", async () => {
  const key = "creator-1/videos/parts.mp4";
  const whole = randomBytes(5 * 1024 * 1024 + 1000);
  const start = () => call("POST", "/uploads", { json: { key, contentType: "video/mp4" } });
  const { uploadId } = await expectJson(await start(), 201);
  const path = (query) => `/uploads/parts?${new URLSearchParams({ key, uploadId, ...query })}`;
  const part = async (partNumber, body) => expectJson(await call("PUT", path({ partNumber }), { body }), 200);
  const second = await part(2, whole.subarray(5 * 1024 * 1024));
  const first = await part(1, whole.subarray(0, 5 * 1024 * 1024));
  await expectError(await call("PUT", path({ partNumber: 0 }), { body: "x" }), 400, "bad_request");
  await expectError(await call("PUT", `/uploads/parts?key=${key}`, { body: "x" }), 400, "bad_request");
  await expectError(await call("PUT", path({ partNumber: 1 }), { as: stranger, body: "x" }), 403, "forbidden");
  const complete = (parts, id = uploadId) => call("POST", "/uploads/complete", { json: { key, uploadId: id, parts } });
  await expectError(await complete([]), 400, "bad_request");
  const made = await expectJson(await complete([second, first]), 200);
  assert.match(made.etag, /-2$/);
  const got = await call("GET", `/media/${key}`);
  assert.equal(got.headers.get("content-type"), "video/mp4");
  assert.ok((await bytesOf(got)).equals(whole));

  const other = (await expectJson(await start(), 201)).uploadId;
  const abort = () => call("DELETE", `/uploads?${new URLSearchParams({ key, uploadId: other })}`);
  assert.equal((await abort()).status, 204);
  assert.equal((await abort()).status, 204);
  await expectError(await complete([first], other), 404, "not_found");
});

test("pages of the allowed origin", async () => {
  const preflight = await call("OPTIONS", "/media/creator-1/videos/a", { as: null, headers: { origin, "access-control-request-method": "PUT" } });
  assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-origin")], [204, origin]);
  assert.match(preflight.headers.get("access-control-allow-headers"), /authorization/);
  const refused = await call("GET", "/media", { as: null, headers: { origin } });
  assert.deepEqual([refused.status, refused.headers.get("access-control-allow-origin")], [401, origin]);
  const stranger = await call("OPTIONS", "/media", { as: null, headers: { origin: "https://elsewhere.example", "access-control-request-method": "GET" } });
  assert.match(await expectError(stranger, 403, "origin_refused"), /https:\/\/elsewhere\.example.*ALLOWED_ORIGIN/);
  const elsewhere = await call("GET", "/media", { headers: { origin: "https://elsewhere.example" } });
  assert.deepEqual([elsewhere.status, elsewhere.headers.get("access-control-allow-origin")], [200, null]);
});

describe("when R2 fails", () => {
  const broken = async (message, bindings) => {
    const entry = `
      import Worker from "./index.js";
      import { WorkerEntrypoint } from "cloudflare:workers";
      export default class extends WorkerEntrypoint {
        fetch(request) {
          const failing = (target, name) => name === "constructor" ? target.constructor : () => { throw new Error(${JSON.stringify(message)}); };
          const MEDIA_BUCKET = new Proxy(this.env.MEDIA_BUCKET, { get: failing });
          return new Worker(this.ctx, { ...this.env, MEDIA_BUCKET }).fetch(request);
        }
      }`;
    return startWorker({ folder, entry, bindings: { TOKEN_SECRET: secret, ...bindings } });
  };

  for (const [message, status, code] of [
    ["get: We encountered an internal error. Please try again. (10001)", 502, "storage_unavailable"],
    ["Network connection lost.", 502, "storage_unavailable"],
    ["get: Reduce your rate. (10058)", 503, "storage_unavailable"],
    ["get: Access denied. (10003)", 500, "internal"],
  ]) {
    test(`${message} is ${status}`, async () => {
      const failing = await broken(message, {});
      try {
        const response = await fetch(`${failing.root}/media/creator-1/videos/a`, { headers: { authorization: `Bearer ${me}` } });
        if (status !== 500) assert.ok(Number(response.headers.get("retry-after")) >= 1);
        const said = await expectError(response, status, code);
        assert.doesNotMatch(said, /1000|1005|denied/);
      } finally {
        await failing.stop();
      }
    });
  }

  test("a Worker without its secrets says which ones it needs", async () => {
    const bare = await startWorker({ folder, bindings: { TOKEN_SECRET: "short" } });
    try {
      assert.match(await expectError(await fetch(`${bare.root}/media`), 503, "not_configured"), /TOKEN_SECRET/);
    } finally {
      await bare.stop();
    }
    const bindings = { TOKEN_SECRET: secret, R2_ACCESS_KEY_ID: "", R2_SECRET_ACCESS_KEY: "" };
    const unsigning = await startWorker({ folder, bindings });
    const at = (path, init) => fetch(unsigning.root + path, { headers: { authorization: `Bearer ${me}` }, ...init });
    try {
      assert.equal((await at("/media/creator-1/videos/a", { method: "PUT", body: "x" })).status, 201);
      const body = JSON.stringify({ key: "creator-1/videos/a", contentType: "video/mp4" });
      const refused = await expectError(await at("/upload-url", { method: "POST", body }), 503, "not_configured");
      assert.match(refused, /R2_ACCESS_KEY_ID/);
    } finally {
      await unsigning.stop();
    }
  });
});

test("1,000 requests, 32 at a time", async () => {
  const content = randomBytes(50_000);
  await inParallel(50, 8, (i) => call("PUT", `/media/creator-1/audio/load-${i}`, { body: content }));
  await inParallel(1000, 32, async (i) => {
    const path = `/media/creator-1/audio/load-${i % 50}`;
    if (i % 5 === 0) {
      assert.equal((await expectJson(await call("PUT", path, { body: content }), 201)).etag, md5(content));
    } else if (i % 5 === 1) {
      await expectJson(await call("POST", "/upload-url", { json: { key: "creator-1/audio/x", contentType: "audio/mp4" } }), 200);
    } else {
      const got = await call("GET", path);
      assert.equal(got.status, 200);
      assert.ok((await bytesOf(got)).equals(content));
    }
  });
});
