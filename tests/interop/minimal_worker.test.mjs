// examples/minimal-worker, which the README shows in part, in workerd. MINIMAL_WORKER is the folder that worker-build made of it.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startWorker } from "./worker_harness.mjs";

const folder = process.env.MINIMAL_WORKER;
assert.ok(folder, "MINIMAL_WORKER must name the folder of the built examples/minimal-worker");
const worker = await startWorker({ folder });
after(() => worker.stop());

test("what is put is got", async () => {
  const url = `${worker.root}/notes/a.txt`;
  assert.equal((await fetch(url)).status, 404);
  const put = await fetch(url, { method: "PUT", body: "hello" });
  assert.deepEqual([put.status, await put.text()], [200, "5d41402abc4b2a76b9719d911017c592"]);
  const got = await fetch(url);
  assert.deepEqual([got.status, await got.text()], [200, "hello"]);
  assert.equal((await fetch(url, { method: "DELETE" })).status, 405);
});

test("keys are what the path says, decoded", async () => {
  const put = (path, init) => fetch(worker.root + path, { method: "PUT", body: "hello", ...init });
  const { MEDIA_BUCKET: bucket } = await worker.worker.getBindings();
  for (const [path, key] of [["/a%20b.txt", "a b.txt"], ["/%C3%A9%2Fc", "é/c"], ["//d", "/d"], ["/e%2525", "e%25"]]) {
    assert.equal((await put(path)).status, 200, path);
    assert.equal(await (await bucket.get(key)).text(), "hello", key);
    assert.equal(await (await fetch(worker.root + path)).text(), "hello", path);
  }
  for (const path of ["/", `/${"x".repeat(1025)}`, "/%ff"]) assert.equal((await put(path)).status, 400, path.slice(0, 9));
  const stream = new Blob(["hello"]).stream();
  assert.equal((await put("/stream", { body: stream, duplex: "half" })).status, 411);
});

test("ranges and conditions", async () => {
  const url = `${worker.root}/ranges`;
  await fetch(url, { method: "PUT", body: "0123456789" });
  const part = await fetch(url, { headers: { range: "bytes=2-4" } });
  assert.deepEqual([part.status, await part.text()], [206, "234"]);
  const etag = part.headers.get("etag");
  const unchanged = await fetch(url, { headers: { "if-none-match": etag } });
  assert.deepEqual([unchanged.status, unchanged.headers.get("etag")], [304, etag]);
  assert.equal((await fetch(url, { headers: { "if-none-match": '"\u00e9"' } })).status, 200);
  const outside = await fetch(url, { headers: { range: "bytes=10-" } });
  assert.deepEqual([outside.status, outside.headers.get("content-range")], [416, "bytes */10"]);
  assert.equal((await fetch(url, { method: "HEAD" })).headers.get("content-length"), "10");
});
