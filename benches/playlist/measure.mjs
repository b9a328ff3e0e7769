// The CPU that workerd takes to sign a playlist, as the kernel counts it for the process: a Worker's own clock stands still.
//
// Arguments: the workerd binary, then `name=folder` of each Worker. Prints JSON, `[{ impl, case, samples: [..] }]`, in
// microseconds for a request, less those of one that signs nothing. The bucket is served from this process: reading from the
// binding counts, what R2 does does not.
//
// `floor` signs nothing: it reads the playlist and answers as many bytes.
//
// `cold` is the first request of an isolate: that of the thread which runs the Worker, since V8 compiles again, and better, what
// is used often on other threads meanwhile. `start` is what the thread takes until the Worker takes requests.

import { spawn } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, get } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const ROUNDS = 15;

const variables = {
  R2_ACCOUNT_ID: "0123456789abcdef0123456789abcdef",
  R2_ACCESS_KEY_ID: "fedcba9876543210fedcba9876543210",
  R2_SECRET_ACCESS_KEY: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
  R2_BUCKET_MEDIA: "media",
  TOKEN_SECRET: "a secret of the bench, 32 bytes or more",
};
const host = `${variables.R2_BUCKET_MEDIA}.${variables.R2_ACCOUNT_ID}.r2.cloudflarestorage.com`;
const folder = "creator-123/hls/media-456/720p";

/** A URL as long as those that are signed. */
const url =
  `https://${host}/${folder}/${nameOf(0)}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=` +
  `${variables.R2_ACCESS_KEY_ID}%2F20270115%2Fauto%2Fs3%2Faws4_request&X-Amz-Date=20270115T080000Z&X-Amz-Expires=3600` +
  `&X-Amz-SignedHeaders=host&X-Amz-Signature=${"0".repeat(64)}`;

/**
 * Playlists, and how many requests a sample of each takes: a film of two hours is 1,200 segments, a window of a day 14,400. The
 * others sign no DASH.
 */
const CASES = [hls(120, 60), hls(1200, 12), hls(6000, 3), hls(14_400, 1), dash(1200, 12)];

variables.FLOOR = JSON.stringify(CASES.map(({ key, urls }) => [key, url, urls]));

/** What an isolate that has just started is asked for first: those of rarely used Workers often have. */
const COLD = CASES[1];

const wasm = { "index.js": "index.js", "index_bg.wasm": "index_bg.wasm" };

/** The modules of each Worker, and the path of a playlist. */
const WORKERS = {
  "cloudflare-clients": { modules: wasm, path: streamingWorkerPath },
  "rusty-s3": { modules: wasm, path: (key) => `/${key}`, hlsAlone: true },
  aws4fetch: {
    modules: { "aws4fetch.mjs": "aws4fetch.mjs", aws4fetch: "node_modules/aws4fetch/dist/aws4fetch.esm.mjs" },
    path: (key) => `/${key}`,
    hlsAlone: true,
  },
  floor: { modules: { "floor.mjs": "floor.mjs" }, path: (key) => `/${key}`, signs: false },
};

const [workerd, ...folders] = process.argv.slice(2);
const bucket = await serveBucket();
const samples = new Map();
const workers = [];
try {
  for (const argument of folders) {
    const [name, source] = argument.split("=");
    workers.push(await start(name, source));
  }
  // The first round compiles.
  for (let round = -1; round < ROUNDS; round++) {
    for (const test of CASES) {
      for (const worker of workers) {
        if (test.isDash && WORKERS[worker.name].hlsAlone) continue;
        const empty = await cpu(worker, 60, () => nothing(worker));
        const full = await cpu(worker, test.requests, () => playlist(worker, test));
        if (round >= 0) sample(worker, test.name, full - empty);
      }
    }
    process.stderr.write(".");
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, source } of workers) {
      const empty = await cold(name, source, nothing);
      const full = await cold(name, source, (worker) => playlist(worker, COLD));
      sample({ name }, `${COLD.name}-cold`, full.thread - empty.thread);
      sample({ name }, `${COLD.name}-cold-all-threads`, full.process - empty.process);
      sample({ name }, "start", full.start);
    }
    process.stderr.write(".");
  }
} finally {
  for (const worker of workers) worker.stop();
}
process.stderr.write("\n");
bucket.close();
console.log(JSON.stringify([...samples.values()]));

function sample({ name }, what, microseconds) {
  const key = `${name} ${what}`;
  if (!samples.has(key)) samples.set(key, { impl: name, case: what, samples: [] });
  samples.get(key).samples.push(Math.round(microseconds));
}

/** Microseconds of CPU for the first request, of the Worker's thread and of all, and those of the thread before it. */
async function cold(name, source, request) {
  const worker = await start(name, source);
  const thread = () => threadNanoseconds(worker.pid, worker.pid) / 1000;
  try {
    const start = thread();
    const process = await cpu(worker, 1, () => request(worker));
    return { start, thread: thread() - start, process };
  } finally {
    worker.stop();
  }
}

/** Microseconds of CPU for each call of `request`. */
async function cpu({ pid }, requests, request) {
  const before = nanoseconds(pid);
  for (let i = 0; i < requests; i++) await request();
  return (nanoseconds(pid) - before) / 1000 / requests;
}

/** What all threads of a process have run. */
function nanoseconds(pid) {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + threadNanoseconds(pid, thread), 0);
}

/** What a thread has run; the Worker's has the number of the process. */
function threadNanoseconds(pid, thread) {
  return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
}

async function nothing({ port }) {
  await answer(port, "/");
}

async function playlist({ name, port, path, checked }, test) {
  const signed = await answer(port, path(test.key));
  const urls = test.isDash && (WORKERS[name].signs ?? true) ? urlsOfDash(signed) : urlsOfHls(signed);
  if (urls.length !== test.urls) throw new Error(`${name} answered ${signed.slice(0, 300)}`);
  if (checked.has(test)) return;
  if (WORKERS[name].signs ?? true) urls.forEach(check);
  checked.add(test);
}

/** On a connection of its own: one that is kept may be closed just when it is used again. */
async function answer(port, path) {
  const [response] = await once(get({ host: "127.0.0.1", port, path, agent: false }), "response");
  return text(response);
}

function check(url, segment) {
  const { origin, pathname, searchParams } = new URL(url);
  const date = searchParams.get("X-Amz-Date");
  const signature = searchParams.get("X-Amz-Signature");
  searchParams.delete("X-Amz-Signature");
  searchParams.sort();
  const expected = `/${folder}/${nameOf(segment)}`;
  const request = `GET\n${expected}\n${searchParams}\nhost:${host}\n\nhost\nUNSIGNED-PAYLOAD`;
  const scope = `${date.slice(0, 8)}/auto/s3/aws4_request`;
  const hash = createHash("sha256").update(request).digest("hex");
  const hmac = (key, text) => createHmac("sha256", key).update(text).digest();
  const key = scope.split("/").reduce(hmac, `AWS4${variables.R2_SECRET_ACCESS_KEY}`);
  const good = hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash}`).toString("hex");
  if (origin !== `https://${host}` || pathname !== expected || signature !== good) throw new Error(`not signed: ${url}`);
}

function urlsOfHls(signed) {
  return signed.split("\n").filter((line) => line.startsWith("https:"));
}

function urlsOfDash(signed) {
  return [...signed.matchAll(/<SegmentURL media="([^"]*)"/g)].map(([, url]) => url.replaceAll("&amp;", "&"));
}

function nameOf(segment) {
  return `segment_${String(segment).padStart(5, "0")}.ts`;
}

function hls(segments, requests) {
  const lines = Array.from({ length: segments }, (_, segment) => `#EXTINF:6.000000,\n${nameOf(segment)}\n`);
  const head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n";
  const text = `${head}${lines.join("")}#EXT-X-ENDLIST\n`;
  return { name: String(segments), key: `${folder}/${segments}.m3u8`, text, urls: segments, requests };
}

function dash(segments, requests) {
  const text =
    `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT${6 * segments}S"><Period><AdaptationSet>` +
    `<SegmentTemplate media="segment_$Number%05d$.ts" startNumber="0" duration="6"/><Representation id="720p" bandwidth="3000000"/>` +
    "</AdaptationSet></Period></MPD>\n";
  return { name: `${segments}-dash`, key: `${folder}/${segments}.mpd`, text, urls: segments, requests, isDash: true };
}

/** A URL of the streaming Worker, with a token that lasts an hour. */
function streamingWorkerPath(key) {
  const expires = Math.floor(Date.now() / 1000) + 3600;
  const seconds = Buffer.alloc(8);
  seconds.writeBigUInt64BE(BigInt(expires));
  const hmac = createHmac("sha256", variables.TOKEN_SECRET).update("cloudflare-clients playlist\n");
  const token = hmac.update(seconds).update(key).digest("base64url");
  return `/playlists/${key}?expires=${expires}&token=${token}`;
}

/** A bucket with a playlist for each case, for the binding of a Worker: what the binding sends is workerd's `r2-api.capnp`. */
async function serveBucket() {
  const objects = new Map(CASES.map(({ key, text }) => [key, Buffer.from(text)]));
  const server = createServer((request, response) => {
    const { method, object } = JSON.parse(request.headers["cf-r2-request"]);
    const content = objects.get(object);
    if (method !== "get" || !content) {
      const error = JSON.stringify({ version: 1, v4code: 10007, message: "The specified key does not exist." });
      response.writeHead(404, { "cf-r2-error": error }).end();
      return;
    }
    const metadata = Buffer.from(
      JSON.stringify({
        name: object,
        version: "1",
        size: String(content.length),
        etag: createHash("md5").update(content).digest("hex"),
        uploaded: "1800000000000",
        httpFields: { contentType: "application/vnd.apple.mpegurl" },
        customFields: [],
      }),
    );
    const headers = { "cf-r2-metadata-size": metadata.length, "content-length": metadata.length + content.length };
    response.writeHead(200, headers).end(Buffer.concat([metadata, content]));
  });
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** Starts a Worker in a workerd of its own. Nothing has been asked of it yet. */
async function start(name, source) {
  const home = mkdtempSync(join(tmpdir(), "playlist-bench-"));
  const { modules, path } = WORKERS[name];
  for (const file of Object.values(modules)) cpSync(join(source, file), join(home, file));
  const kind = (file) => (file.endsWith(".wasm") ? "wasm" : "esModule");
  const port = await freePort();
  writeFileSync(
    join(home, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      compatibilityDate = "2026-07-01",
      modules = [${Object.entries(modules).map(([name, file]) => `(name = "${name}", ${kind(file)} = embed "${file}")`)}],
      bindings = [
        (name = "MEDIA_BUCKET", r2Bucket = "bucket"),
        ${Object.entries(variables).map(([name, value]) => `(name = "${name}", text = ${JSON.stringify(value)})`)},
      ],
    )),
    (name = "bucket", external = (address = "127.0.0.1:${bucket.address().port}", http = ())),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`,
  );
  const child = spawn(workerd, ["serve", join(home, "config.capnp")], { stdio: ["ignore", "inherit", "inherit"] });
  const stop = () => {
    child.kill("SIGKILL");
    rmSync(home, { recursive: true });
  };
  const deadline = Date.now() + 20_000;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      stop();
      throw new Error(`workerd does not start with the Worker ${name}`);
    }
    await sleep(50);
  }
  await idle(child.pid);
  return { name, source, path, port, pid: child.pid, checked: new Set(), stop };
}

/** Until a process has nothing to do. */
async function idle(pid) {
  for (let before = -1, now = nanoseconds(pid); now !== before; now = nanoseconds(pid)) {
    before = now;
    await sleep(100);
  }
}

async function accepts(port) {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}
