// A Worker in Cloudflare's own runtime, workerd, under Miniflare with its S3 endpoint over the bucket `media`.

import { createHmac, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Miniflare } from "miniflare";

/**
 * Starts the Worker that worker-build created in `folder`.
 *
 * `entry`: an ES module that wraps the Worker and imports it as `./index.js`. `buckets`: further bindings, each with a
 * separate bucket. `namespaces`: the same for KV. `ratelimits`: the platform's limiters. `bindings`: variables.
 */
export async function startWorker({ folder, entry, buckets = [], namespaces = [], ratelimits = {}, bindings = {} }) {
  const accessKeyId = randomBytes(16).toString("hex");
  const secretAccessKey = randomBytes(32).toString("hex");
  const accountId = randomBytes(16).toString("hex");
  const port = await freePort();
  const root = `http://127.0.0.1:${port}`;
  const endpoint = `${root}/cdn-cgi/local/r2/s3`;
  const modules = [
    { type: "ESModule", path: join(folder, "index.js"), contents: readFileSync(join(folder, "index.js"), "utf8") },
    { type: "CompiledWasm", path: join(folder, "index_bg.wasm"), contents: readFileSync(join(folder, "index_bg.wasm")) },
  ];
  if (entry) modules.unshift({ type: "ESModule", path: join(folder, "entry.mjs"), contents: entry });
  const worker = new Miniflare({
    host: "127.0.0.1",
    port,
    modulesRoot: folder,
    modules,
    compatibilityDate: "2026-07-01",
    r2Buckets: {
      MEDIA_BUCKET: { id: "media", s3Credentials: { accessKeyId, secretAccessKey } },
      ...Object.fromEntries(buckets.map((name) => [name, { id: name.toLowerCase().replaceAll("_", "-") }])),
    },
    kvNamespaces: Object.fromEntries(namespaces.map((name) => [name, name.toLowerCase()])),
    ratelimits,
    bindings: {
      R2_ENDPOINT: endpoint,
      R2_ACCOUNT_ID: accountId,
      R2_ACCESS_KEY_ID: accessKeyId,
      R2_SECRET_ACCESS_KEY: secretAccessKey,
      R2_BUCKET_MEDIA: "media",
      ...bindings,
    },
  });
  await worker.ready;
  return { worker, root, endpoint, accountId, accessKeyId, secretAccessKey, stop: () => worker.dispose() };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A token of the streaming Worker as its `src/access.rs` describes it, created without its code. */
export function mintToken(secret, subject, seconds = 3600) {
  const payload = `${Math.floor(Date.now() / 1000) + seconds}.${subject}`;
  const signature = createHmac("sha256", secret).update(`streaming-worker token\n${payload}`).digest("base64url");
  return `${Buffer.from(payload).toString("base64url")}.${signature}`;
}

/** Runs `task(i)` for i in 0..count, `concurrency` at a time. */
export async function inParallel(count, concurrency, task) {
  let next = 0;
  const lane = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}

/** Uses a presigned URL. The simulator closes connections whose upload it rejects, maybe before its answer is read. */
export async function use(method, url, init = {}) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await fetch(url, { method, ...init });
    } catch (error) {
      if (attempt === 8) throw error;
    }
  }
}

/** The URL with a different last character of its signature. */
export const altered = (url) => url.slice(0, -1) + (url.endsWith("0") ? "1" : "0");
