// The library inside a Worker, in workerd: the contract, faults of the bindings, bodies, presigned URLs, and
// what many requests leave over. CONTRACT_WORKER is the folder that worker-build created from tests/worker.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { after, before, describe, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { altered, inParallel, startWorker, use } from "./worker_harness.mjs";

const folder = process.env.CONTRACT_WORKER;
assert.ok(folder, "CONTRACT_WORKER must name the folder of the built tests/worker");
const entry = readFileSync(new URL("faulty_entry.mjs", import.meta.url), "utf8");
// One test per case; the cases are known only when the Worker runs.
const numbered = (name) => Array.from({ length: 100 }, (_, index) => `${name}_${index}`);
const namespaces = ["SESSIONS", ...numbered("KV")];
const ratelimits = { LIMITER: { namespace_id: "1", simple: { limit: 3, period: 60 } } };
const worker = await startWorker({ folder, entry, buckets: numbered("BUCKET"), namespaces, ratelimits });
after(() => worker.stop());

const url = (path, query = {}) => `${worker.root}${path}?${new URLSearchParams(query)}`;
const call = (path, query, init) => fetch(url(path, query), init);

async function perform(path, query, init) {
  const response = await call(path, query, init);
  const said = await response.json();
  return response.ok ? { ok: said } : { error: said };
}

const r2 = (operation, query, init) => perform(`/r2/${operation}`, query, init);
const kv = (operation, query, init) => perform(`/kv/${operation}`, query, init);

const put = (key, body, query = {}) => r2("put", { key, ...query }, { method: "PUT", body });
const setFaults = (plan) => call("/faults", {}, { method: "POST", body: JSON.stringify(plan) });
const calls = async () => (await call("/faults")).json();
const md5 = (bytes) => createHash("md5").update(bytes).digest("hex");

async function bytesOf(response) {
  return Buffer.from(await response.arrayBuffer());
}

for (const suite of ["r2", "kv"]) {
  const cases = await (await call(`/cases/${suite}`)).json();
  describe(`contract of ${suite}`, () => {
    for (const name of cases) {
      test(name, async () => {
        const response = await call(`/cases/${suite}/${name}`, {}, { method: "POST" });
        assert.equal(await response.text(), "passed");
      });
    }
  });
}

describe("faults of the binding", () => {
  const internal = { message: "get: We encountered an internal error. Please try again. (10001)" };
  const rate = { message: "put: Reduce your concurrent request rate for the same object. (10058)" };
  const lost = { message: "Network connection lost." };
  const reference = { message: "internal error; reference = abc123" };
  const unspecified = { message: "get: Unspecified error (0)" };
  const operations = {
    head: [(key) => r2("head", { key }), "head"],
    get: [(key) => r2("read", { key }), "get"],
    put: [(key) => r2("put-bytes", { key }, { method: "PUT", body: "abc" }), "put"],
    delete: [(key) => r2("delete", { key }), "delete"],
    deleteMany: [(key) => r2("delete-many", { key }), "delete"],
    list: [(key) => r2("list", { key }), "list"],
    create: [(key) => r2("create", { key }), "createMultipartUpload"],
  };

  for (const [name, [perform, method]] of Object.entries(operations)) {
    test(`${name} is called again until it works`, async () => {
      for (const [fault, kind] of [
        [internal, "Server"],
        [rate, "RateLimited"],
        [lost, "Connection"],
        [reference, "Server"],
        [unspecified, "Server"],
        [{ message: "something new", retryable: true }, "Connection"],
      ]) {
        for (const failures of [1, 2]) {
          await setFaults({ failures: Array(failures).fill(fault) });
          const outcome = await perform("faults/a");
          assert.ok(!outcome.error, `${fault.message}: ${JSON.stringify(outcome)}`);
          const made = (await calls()).filter((call) => call.method === method);
          assert.equal(made.length, failures + 1, fault.message);
        }
        // Once is enough to see that it stops: the waits are real.
        if (name !== "head" && fault !== lost) continue;
        await setFaults({ always: fault });
        const { error } = await perform("faults/a");
        // A throttling service is asked more often.
        const attempts = kind === "RateLimited" ? 11 : 4;
        assert.deepEqual([error.kind, error.attempts, error.retryable], [kind, attempts, true], error.text);
        assert.ok(error.text.includes(fault.message.replace("get: ", "").replace("put: ", "")), error.text);
        assert.equal((await calls()).length, attempts);
      }
    });
  }

  test("what cannot get better is called once", async () => {
    for (const [fault, kind, code] of [
      [{ message: "head: Unauthorized. (10002)" }, "Credentials", "Unauthorized"],
      [{ message: "head: Access denied. (10003)" }, "Forbidden", "AccessDenied"],
      [{ message: "head: The specified bucket does not exist. (10006)" }, "NoSuchBucket", "NoSuchBucket"],
      [{ message: "head: The key is too long. (10020)" }, "InvalidInput", "InvalidObjectName"],
      [{ name: "TypeError", message: "Illegal invocation" }, "InvalidInput", null],
      [{ name: "RangeError", message: "Out of range" }, "InvalidInput", null],
      [{ message: "something new" }, "UnexpectedResponse", null],
    ]) {
      await setFaults({ always: fault });
      const { error } = await r2("head", { key: "faults/a" });
      assert.deepEqual([error.kind, error.code, error.attempts], [kind, code, 1], error.text);
      assert.equal((await calls()).length, 1);
    }
  });

  test("delays are waited for", async () => {
    await setFaults({ failures: [internal, internal, internal] });
    const begun = performance.now();
    await r2("head", { key: "faults/a" });
    // 100, 200 and 400 ms, each with 50% jitter.
    assert.ok(performance.now() - begun > 340, "three retries take 350 ms at least");
  });

  test("a request's stream is sent once", async () => {
    await setFaults({ failures: [lost] });
    const { error } = await put("faults/stream", "abc");
    assert.equal(error.kind, "BodyNotReplayable");
    assert.match(error.text, /stream .* Network connection lost/);
    assert.equal((await calls()).length, 1);
  });

  test("a download that is cut off goes on", async () => {
    const content = randomBytes(3_000_000);
    await put("faults/cut", content);
    await setFaults({ cut: [1_000_000, 500_000] });
    const response = await call("/r2/read", { key: "faults/cut" });
    assert.ok((await bytesOf(response)).equals(content));
    const gets = await calls();
    assert.deepEqual(gets.map((call) => call.options.range?.offset), [undefined, 1_000_000, 1_500_000]);
    assert.equal(gets[1].options.onlyIf.headers["if-match"], `"${md5(content)}"`);
  });

  test("damaged bytes are fetched again, once", async () => {
    await put("faults/flip", "0123456789");
    await setFaults({ flip: 1 });
    assert.equal((await bytesOf(await call("/r2/read", { key: "faults/flip" }))).toString(), "0123456789");
    assert.equal((await calls()).length, 2);
    await setFaults({ flip: 2 });
    const { error } = await r2("read", { key: "faults/flip" });
    assert.equal(error.kind, "Integrity");
    assert.equal((await calls()).length, 2);
  });

  test("what the binding does not have is not called", async () => {
    await setFaults({});
    const key = "faults/a";
    for (const operation of ["copy", "list-parts", "list-uploads", "conditional-complete", "put-crc"]) {
      const { error } = await r2(operation, { key, to: "b", uploadId: "u" });
      assert.equal(error.kind, "Unsupported", `${operation}: ${error.text}`);
    }
    assert.deepEqual(await calls(), []);
  });
});

describe("the binding of KV", () => {
  const put = (key, body, operation = "put-bytes") => kv(operation, { key }, { method: "PUT", body });
  const failed = (text) => ({ message: `KV ${text}` });

  test("a 429 is waited for, a second and then longer", async () => {
    await setFaults({ failures: [failed("PUT failed: 429 Too Many Requests")] });
    const begun = performance.now();
    assert.deepEqual(await put("limited", "x"), { ok: null });
    assert.ok(performance.now() - begun > 990, "one retry takes a second at least");
    assert.equal((await calls()).length, 2);
  });

  test("what may pass is tried again, what cannot get better is not", async () => {
    await put("faults", "x");
    for (const [fault, kind, attempts] of [
      [failed("GET failed: 500 Internal Server Error"), "Server", 4],
      // A throttling service is asked more often.
      [failed("GET failed: 503 Service Unavailable"), "Server", 11],
      [{ message: "Network connection lost." }, "Connection", 4],
      [failed("GET failed: 400 Invalid cache_ttl of 1."), "InvalidInput", 1],
      [failed("GET failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512."), "InvalidInput", 1],
      [failed("GET failed: 401 Unauthorized"), "Credentials", 1],
      [{ name: "TypeError", message: "Key name cannot be empty." }, "InvalidInput", 1],
      [{ message: "something new" }, "UnexpectedResponse", 1],
    ]) {
      await setFaults({ always: fault });
      const { error } = await kv("text", { key: "faults" });
      assert.deepEqual([error.kind, error.attempts], [kind, attempts], error.text);
      assert.ok(error.text.includes(fault.message.replace("KV GET failed: ", "")), error.text);
      if (attempts === 1) continue;
      await setFaults({ failures: [fault] });
      assert.deepEqual(await kv("text", { key: "faults" }), { ok: "x" });
    }
  });

  test("every operation is tried again", async () => {
    const lost = { message: "Network connection lost." };
    for (const [operation, method, again] of [
      ["bytes", "get", 1],
      ["stream", "get", 1],
      ["metadata", "getWithMetadata", 1],
      ["many", "get", 1],
      ["delete", "delete", 1],
      ["list", "list", 1],
      ["put-many", "put", 2],
      ["delete-many", "delete", 2],
    ]) {
      await setFaults({ failures: [lost] });
      const response = await call(`/kv/${operation}`, { key: "again" });
      assert.equal(response.status, 200, operation);
      assert.deepEqual((await calls()).map((call) => call.method), Array(again + 1).fill(method));
    }
  });

  test("what the binding is given", async () => {
    await setFaults({});
    await put("given", "x");
    assert.deepEqual((await calls())[0].options, { expirationTtl: 90, metadata: { n: ["v"] } });
    await setFaults({});
    assert.deepEqual(await kv("metadata", { key: "given" }), { ok: { value: "x", metadata: { n: ["v"] } } });
    assert.deepEqual(await kv("many", { key: "given" }), { ok: ["x", null] });
    const given = (await calls()).map((call) => call.options);
    assert.deepEqual(given, [{ type: "arrayBuffer", cacheTtl: 60 }, { type: "text" }]);
  });

  test("a request's stream of any length passes by, and is sent once", async () => {
    await setFaults({});
    const content = randomBytes(3_000_000);
    assert.deepEqual(await put("stream/known", content, "put"), { ok: null });
    const chunkedPut = await chunked(url("/kv/put", { key: "stream/unknown" }), content);
    assert.equal(chunkedPut, "null");
    for (const key of ["stream/known", "stream/unknown"]) {
      for (const read of ["bytes", "stream"]) {
        assert.ok((await bytesOf(await call(`/kv/${read}`, { key }))).equals(content), `${key}, ${read}`);
      }
    }
    await setFaults({ failures: [failed("PUT failed: 500 Internal Server Error")] });
    const { error } = await put("stream/once", "x", "put");
    assert.equal(error.kind, "BodyNotReplayable");
    assert.equal((await calls()).length, 1);
  });

  test("listings go on over empty pages", async () => {
    for (const key of ["pages/a", "pages/b"]) await put(key, "x");
    await setFaults({ emptyPages: 3 });
    assert.deepEqual(await kv("list", { key: "pages/" }), { ok: ["pages/a", "pages/b"] });
    assert.equal((await calls()).length, 4);
  });

  test("a binding that is none is refused", async () => {
    const isNamespace = async (name) => (await call(`/kv-of/${name}`)).text();
    assert.equal(await isNamespace("SESSIONS"), "true");
    for (const other of ["MISSING", "MEDIA_BUCKET", "R2_ENDPOINT"]) assert.equal(await isNamespace(other), "false");
  });
});

describe("the rate-limiting binding", () => {
  const limited = (binding, key) => perform(`/limited/${binding}`, { key });

  test("refuses what is over its limit, for each key", async () => {
    // Its periods start at whole minutes: one may end in between.
    const seconds = 60 - (Math.floor(Date.now() / 1000) % 60);
    if (seconds < 5) await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    for (const ok of [true, true, true, false, false]) assert.deepEqual(await limited("LIMITER", "a"), { ok });
    assert.deepEqual(await limited("LIMITER", "b"), { ok: true });
  });

  test("a binding that is none is refused", async () => {
    for (const other of ["MISSING", "SESSIONS", "R2_ENDPOINT"]) {
      const { error } = await limited(other, "a");
      assert.equal(error.kind, "InvalidInput", error.text);
      assert.match(error.text, /`ratelimits`/);
    }
  });
});

describe("what the binding is given and gives", () => {
  before(() => setFaults({}));

  test("listed objects without metadata", async () => {
    await put("bare/a", "x");
    await setFaults({ bare: true });
    const { ok } = await r2("list", { key: "bare/" });
    assert.deepEqual(ok, [{ key: "bare/a", contentType: null, metadata: null }]);
  });

  test("storage classes and metadata", async () => {
    await setFaults({ storageClass: "InfrequentAccess" });
    await r2("put-bytes", { key: "class/a" }, { method: "PUT", body: "x" });
    const [{ options }] = await calls();
    assert.deepEqual(options, { storageClass: "InfrequentAccess", customMetadata: { n: "v" } });
    assert.equal((await r2("head", { key: "class/a" })).ok.storageClass, "InfrequentAccess");
    await setFaults({});
    assert.equal((await r2("head", { key: "class/a" })).ok.storageClass, null);
  });

  test("conditions", async () => {
    const etag = (await put("conditions/a", "x")).ok;
    await setFaults({});
    const { error } = await r2("list-conditions", { key: "conditions/a", etags: `"other", W/"${etag}"` });
    assert.equal(error.kind, "NotModified");
    const conditions = (await calls())[0].options.onlyIf;
    assert.deepEqual(conditions, { headers: { "if-none-match": `"other", W/"${etag}"` } });
    assert.equal((await r2("list-conditions", { key: "conditions/a", etags: '"other"' })).ok, 1);

    await setFaults({});
    assert.equal((await r2("milliseconds", { key: "conditions/a" })).error.kind, "NotModified");
    assert.deepEqual(Object.keys((await calls())[1].options.onlyIf), ["uploadedAfter"]);
  });
});

describe("bodies", () => {
  before(() => setFaults({}));
  const sizes = { "0 B": 0, "1 B": 1, "20 MiB": 20 * 1024 * 1024 };

  for (const [name, size] of Object.entries(sizes)) {
    test(`${name} up and down`, async () => {
      const content = randomBytes(size);
      for (const operation of ["put", "put-bytes", "put-stream"]) {
        const key = `bodies/${operation}/${size}`;
        const stored = await r2(operation, { key }, { method: "PUT", body: content });
        assert.equal(stored.ok, md5(content), JSON.stringify(stored));
        for (const read of ["get", "read", "stream"]) {
          const response = await call(`/r2/${read}`, { key });
          assert.equal(response.status, 200);
          assert.ok((await bytesOf(response)).equals(content), `${operation}, ${read}`);
        }
        assert.equal((await r2("copy-through", { key, to: `${key}/copy` })).ok, md5(content));
      }
    });
  }

  test("headers, ranges and conditions of a request", async () => {
    const etag = `"${(await put("bodies/ranges", "0123456789")).ok}"`;
    // The simulator would compress the body.
    const plain = { "accept-encoding": "identity" };
    const get = (headers) => call("/r2/get", { key: "bodies/ranges" }, { headers: { ...plain, ...headers } });
    const whole = await get({});
    assert.equal(whole.status, 200);
    assert.deepEqual([whole.headers.get("etag"), whole.headers.get("content-length")], [etag, "10"]);
    assert.equal(whole.headers.get("accept-ranges"), "bytes");
    const part = await get({ range: "bytes=2-4" });
    assert.deepEqual([part.status, part.headers.get("content-range")], [206, "bytes 2-4/10"]);
    assert.deepEqual([part.headers.get("content-length"), await part.text()], ["3", "234"]);
    for (const range of ["bytes=5-2", "bytes=0-1,3-4", "lines=1-2"]) {
      assert.equal((await get({ range })).status, 200, range);
    }
    assert.equal((await get({ range: "bytes=0-1", "if-range": etag })).status, 206);
    assert.equal((await get({ range: "bytes=0-1", "if-range": '"another"' })).status, 200);
    for (const [headers, kind] of [
      [{ range: "bytes=10-" }, "RangeNotSatisfiable"],
      [{ range: "bytes=-0" }, "RangeNotSatisfiable"],
      [{ "if-none-match": etag }, "NotModified"],
      [{ "if-match": '"other"' }, "PreconditionFailed"],
      [{ "if-none-match": "nonsense\"" }, "InvalidInput"],
    ]) {
      assert.equal((await (await get(headers)).json()).kind, kind);
    }
  });

  test("a body of unknown length is refused before anything is sent", async () => {
    await setFaults({});
    const response = await chunked(url("/r2/put", { key: "bodies/unknown" }), "abc");
    const error = JSON.parse(response);
    assert.deepEqual([error.kind, error.attempts], ["InvalidInput", 0]);
    assert.match(error.text, /needs the length of the body: pass the stream's length/);
    assert.deepEqual(await calls(), []);
  });

  test("what is stored with an encoding is not encoded again", async () => {
    const text = "0123456789".repeat(1000);
    const encoded = gzipSync(text);
    await put("bodies/gzip", encoded, { contentEncoding: "gzip" });
    const raw = await new Promise((resolve, reject) => {
      const headers = { "accept-encoding": "gzip" };
      httpRequest(url("/r2/get", { key: "bodies/gzip" }), { headers }, (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
      })
        .on("error", reject)
        .end();
    });
    assert.equal(raw.headers["content-encoding"], "gzip");
    assert.ok(raw.body.equals(encoded));
    assert.equal(gunzipSync(raw.body).toString(), text);
  });
});

/** A PUT without a Content-Length. */
function chunked(target, body) {
  return new Promise((resolve, reject) => {
    const request = httpRequest(target, { method: "PUT", headers: { "transfer-encoding": "chunked" } }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve(Buffer.concat(chunks).toString()));
    });
    request.on("error", reject);
    request.end(body);
  });
}

test("uploads in parts", async () => {
  await setFaults({});
  const key = "parts/a";
  const whole = randomBytes(5 * 1024 * 1024 + 1000);
  const uploadId = (await r2("create", { key })).ok;
  const part = async (number, body) => {
    const { ok } = await r2("part", { key, uploadId, number }, { method: "PUT", body });
    assert.equal(ok.partNumber, number);
    return ok;
  };
  const second = await part(2, whole.subarray(5 * 1024 * 1024));
  const first = await part(1, whole.subarray(0, 5 * 1024 * 1024));
  const completed = await r2("complete", { key, uploadId }, { method: "POST", body: JSON.stringify([second, first]) });
  assert.match(completed.ok, /-2$/);
  await setFaults({});
  assert.ok((await bytesOf(await call("/r2/read", { key }))).equals(whole));
  // The binding returns the size: no head is needed after the last byte.
  assert.deepEqual((await calls()).map((call) => call.method), ["get"]);
  const aborted = (await r2("create", { key })).ok;
  assert.deepEqual(await r2("abort", { key, uploadId: aborted }), { ok: null });
});

test("an upload that many requests make", async () => {
  await setFaults({});
  const key = "parts/resumable";
  const whole = randomBytes(45 * 1024 * 1024 + 1000);
  const part = 8 * 1024 * 1024;
  const step = async (body, query = {}) => {
    const state = answer.state ? { state: JSON.stringify(answer.state) } : {};
    const response = await call("/resumable", { key, ...state, ...query }, { method: "PUT", body });
    answer = await response.json();
    return answer;
  };
  let answer = {};
  // The first one has no length, and less than a part.
  answer = JSON.parse(await chunked(url("/resumable", { key }), whole.subarray(0, 1000)));
  assert.deepEqual([answer.state, answer.position, await calls()], [null, 0, []]);
  await step(whole.subarray(0, 20 * 1024 * 1024));
  assert.deepEqual([answer.position, answer.kept, answer.error], [2 * part, 2, null]);
  // A failed request keeps the parts that have arrived.
  await setFaults({ failures: [...Array(4).fill({ message: "uploadPart: Internal. (10001)" })] });
  await step(whole.subarray(answer.position, answer.position + part));
  assert.match(answer.error, /10001/);
  assert.deepEqual([answer.position, answer.state.parts.length], [2 * part, 2]);
  await setFaults({});
  await step(whole.subarray(answer.position), { last: "" });
  assert.deepEqual([answer.error, answer.position, answer.etag.split("-")[1]], [null, 5 * part, "6"]);
  const methods = (await calls()).map((call) => call.method);
  assert.deepEqual(methods, [...Array(4).fill("uploadPart"), "complete"]);
  // The answer was lost: the request is repeated.
  const { etag } = answer;
  await step(whole.subarray(answer.position), { last: "" });
  assert.deepEqual([answer.error, answer.etag], [null, etag]);
  assert.equal((await r2("head", { key })).ok.contentType, "video/mp4");
  assert.equal(md5(await bytesOf(await call("/r2/get", { key }))), md5(whole));
});

test("a large body in parts takes the memory of two", async () => {
  // A separate instance: memory that was used before is not released.
  const alone = await startWorker({ folder, namespaces });
  after(() => alone.stop());
  const body = randomBytes(95 * 1024 * 1024);
  const sent = await fetch(`${alone.root}/resumable?key=a&last`, { method: "PUT", body });
  const { etag, error } = await sent.json();
  assert.deepEqual([error, etag.split("-")[1]], [null, "12"]);
  const memory = Number(await (await fetch(`${alone.root}/memory`)).text());
  assert.ok(memory < 32 * 1024 * 1024, `${memory} bytes of memory`);
});

describe("a Worker's secrets", () => {
  const secrets = {
    R2_ACCOUNT_ID: "abc123",
    R2_ACCESS_KEY_ID: "id",
    R2_SECRET_ACCESS_KEY: "secret",
    R2_BUCKET_MEDIA: "media",
  };
  const refusal = async (secrets) => {
    const response = await call("/signing-with", secrets);
    assert.equal(response.status, 500);
    const { kind, text } = await response.json();
    assert.equal(kind, "MissingSigningConfig", text);
    return text;
  };

  test("sign when they are whole", async () => {
    const response = await call("/signing-with", secrets);
    assert.equal(await response.text(), "https://abc123.r2.cloudflarestorage.com");
  });

  test("are named when something is to be signed, not when the bucket is opened", async () => {
    assert.match(await refusal({}), /with_signing/);
    const { R2_SECRET_ACCESS_KEY, ...incomplete } = secrets;
    assert.match(await refusal(incomplete), /Missing R2 environment variables: R2_SECRET_ACCESS_KEY/);
    assert.match(await refusal({ ...secrets, R2_BUCKET_MEDIA: "Media" }), /R2_BUCKET_MEDIA: "Media"/);
  });
});

describe("URLs signed inside the Worker, used from outside on the simulator's S3 endpoint", () => {
  const sign = async (method, query) => {
    const response = await call(`/sign/${method}`, query);
    assert.equal(response.status, 200);
    return response.text();
  };

  test("every method", async () => {
    for (const key of ["signed/plain", "signed/a b+c%2F!'()*~ä🎬&=?#;:@,$", "signed//double//"]) {
      assert.equal((await use("PUT", await sign("PUT", { key }), { body: "hello" })).status, 200, key);
      assert.equal(await (await use("GET", await sign("GET", { key }))).text(), "hello", key);
      assert.equal((await use("HEAD", await sign("HEAD", { key }))).status, 200, key);
      assert.equal(await (await call("/r2/get", { key })).text(), "hello", "the binding has the same object");
      for (const method of ["PUT", "GET", "DELETE"]) {
        const refused = await use(method, altered(await sign(method, { key })), method === "PUT" ? { body: "x" } : {});
        assert.equal(refused.status, 403, key);
        assert.match(await refused.text(), /SignatureDoesNotMatch/);
      }
      assert.equal((await use("DELETE", await sign("GET", { key }))).status, 403);
      assert.equal((await use("DELETE", await sign("DELETE", { key }))).status, 204);
      assert.equal((await use("GET", await sign("GET", { key }))).status, 404);
    }
  });

  test("expired ones are refused", async () => {
    const expired = await sign("GET", { key: "signed/expired", expires: 60, ago: 3600 });
    const refused = await use("GET", expired);
    assert.equal(refused.status, 403);
    assert.match(await refused.text(), /ExpiredRequest/);
  });

  test("another content type is refused", async () => {
    const target = await sign("PUT", { key: "signed/type", type: "video/mp4" });
    const upload = (type) => use("PUT", target, { body: "x", headers: { "content-type": type } });
    assert.equal((await upload("text/html")).status, 403);
    assert.equal((await upload("video/mp4")).status, 200);
    assert.equal((await r2("head", { key: "signed/type" })).ok.contentType, "video/mp4");
  });

  test("objects exist or do not", async () => {
    await put("exists/a", "x");
    await put("exists/empty", "");
    const exists = async (query) => (await call("/exists", query)).json();
    assert.equal(await exists({ key: "exists/a" }), true);
    assert.equal(await exists({ key: "exists/empty" }), true);
    assert.equal(await exists({ key: "exists/missing" }), false);
    assert.equal((await exists({ key: "a", bucket: "no-such-bucket" })).kind, "NoSuchBucket");
    assert.equal((await exists({ key: "exists/a", secret: "wrong" })).kind, "Credentials");
  });
});

test("requests that contend for locks, and of which some never release theirs, never hold one together", async () => {
  // The share of calls that take effect, and whose answers do not arrive.
  await setFaults({ loseAnswers: 0.02 });
  const names = ["locks/a", "locks/b", "locks/c", "locks/d"];
  const turns = new Map(names.map((name) => [name, []]));
  await inParallel(160, 16, async (i) => {
    const name = names[i % names.length];
    const response = await call("/locks", { name, count: 12, ...(i % 20 < 4 ? { abandon: "" } : {}) });
    const said = await response.json();
    assert.equal(response.status, 200, JSON.stringify(said));
    turns.get(name).push(...said);
  });
  await setFaults({});
  for (const [name, all] of turns) {
    assert.equal(all.length, 480);
    all.sort((a, b) => a.entered - b.entered || a.token - b.token);
    for (const [i, turn] of all.entries()) {
      if (i === 0) continue;
      assert.ok(turn.token > all[i - 1].token, `${name}: token ${turn.token} after ${all[i - 1].token}`);
      assert.ok(turn.entered >= all[i - 1].left, `${name}: token ${turn.token} began before the one before was done`);
    }
  }
});

test("1,000 requests at once, 32 at a time, leave no memory behind", async () => {
  await setFaults({});
  const content = randomBytes(100_000);
  const memory = async () => Number(await (await call("/memory")).text());
  const round = async (i) => {
    const key = `load/${i % 50}`;
    if (i % 2 === 0) {
      const operation = i % 4 === 0 ? "put" : "put-bytes";
      const stored = await r2(operation, { key }, { method: "PUT", body: content });
      assert.equal(stored.ok, md5(content), JSON.stringify(stored));
    } else {
      const response = await call(i % 3 === 0 ? "/r2/get" : "/r2/read", { key: `load/${i % 50 - 1}` });
      assert.equal(response.status, 200);
      assert.ok((await bytesOf(response)).equals(content));
    }
  };
  for (let key = 0; key < 50; key++) await put(`load/${key}`, content);
  await inParallel(200, 32, round);
  const warm = await memory();
  await inParallel(800, 32, round);
  assert.ok((await memory()) <= warm, `${await memory()} bytes after 1,000 requests, ${warm} after 200`);
});
