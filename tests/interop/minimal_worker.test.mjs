// The README's Worker, in workerd. MINIMAL_WORKER is the folder that worker-build made of examples/minimal-worker.

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
