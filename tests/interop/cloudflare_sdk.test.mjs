// Cloudflare's SDK for TypeScript against `cfstore serve`, with its variables in the environment.
import assert from "node:assert/strict";
import { test } from "node:test";

import Cloudflare, { APIError, NotFoundError, PermissionDeniedError } from "cloudflare";

const { CLOUDFLARE_ACCOUNT_ID: account_id, CLOUDFLARE_API_TOKEN: apiToken, KV_NAMESPACE_ID: namespace_id } = process.env;
const baseURL = process.env.CLOUDFLARE_API_BASE_URL;
const client = new Cloudflare({ apiToken, baseURL, maxRetries: 0 });
const { namespaces } = client.kv;
const scope = { account_id, namespace_id };

const collect = async (pages) => {
  const all = [];
  for await (const entry of pages) all.push(entry);
  return all;
};
const text = async (key) => (await namespaces.values.get(key, scope)).text();

test("namespaces are created, listed, renamed and deleted", async () => {
  const created = [];
  for (const title of ["first", "second", "third"]) created.push(await namespaces.create({ account_id, title }));
  assert.equal(created[0].title, "first");
  assert.ok(created[0].supports_url_encoding);
  const titles = async () => (await collect(namespaces.list({ account_id, per_page: 2, order: "title" }))).map((ns) => ns.title);
  assert.deepEqual(await titles(), ["first", "local", "second", "third"]);
  await assert.rejects(namespaces.create({ account_id, title: "first" }), (error) => {
    assert.ok(error instanceof APIError);
    assert.equal(error.status, 400);
    assert.equal(error.errors[0].code, 10014);
    return true;
  });
  const renamed = await namespaces.update(created[0].id, { account_id, title: "renamed" });
  assert.equal((await namespaces.get(renamed.id, { account_id })).title, "renamed");
  for (const { id } of created) await namespaces.delete(id, { account_id });
  assert.deepEqual(await titles(), ["local"]);
  await assert.rejects(namespaces.get(renamed.id, { account_id }), NotFoundError);
});

test("values with metadata and expiry", async () => {
  const key = "a/b c?&é%";
  // The SDK sends an object as separate fields, not as JSON.
  const metadata = JSON.stringify({ n: [1] });
  await namespaces.values.update(key, { ...scope, value: "hello", metadata, expiration_ttl: 600 });
  const response = await namespaces.values.get(key, scope);
  assert.ok(Number(response.headers.get("expiration")) > Date.now() / 1000);
  assert.equal(await response.text(), "hello");
  assert.deepEqual(await namespaces.metadata.get(key, scope), { n: [1] });
  await namespaces.values.update(key, { ...scope, value: "again" });
  assert.equal(await text(key), "again");
  assert.equal(await namespaces.metadata.get(key, scope), null);
  await namespaces.values.delete(key, scope);
  await assert.rejects(namespaces.values.get(key, scope), (error) => {
    assert.ok(error instanceof NotFoundError);
    assert.equal(error.errors[0].code, 10009);
    return true;
  });
});

test("bytes of any kind", async () => {
  const bytes = new Uint8Array(300_000).map((_, i) => (i * 7919) % 256);
  const value = new File([bytes], "bytes");
  await namespaces.values.update("bytes", { ...scope, value });
  const read = new Uint8Array(await (await namespaces.values.get("bytes", scope)).arrayBuffer());
  assert.ok(Buffer.from(read).equals(Buffer.from(bytes)));
});

test("many keys are written, listed in pages, read and deleted", async () => {
  const keys = Array.from({ length: 25 }, (_, i) => `many/${String(i).padStart(2, "0")}`);
  const body = keys.map((key, i) => ({ key, value: JSON.stringify({ i }), metadata: { i } }));
  const written = await namespaces.bulkUpdate(namespace_id, { account_id, body });
  assert.deepEqual(written, { successful_key_count: 25, unsuccessful_keys: [] });
  const listed = await collect(namespaces.keys.list(namespace_id, { account_id, prefix: "many/", limit: 10 }));
  assert.deepEqual(listed, keys.map((name, i) => ({ name, metadata: { i } })));
  const { values } = await namespaces.bulkGet(namespace_id, { account_id, keys: ["many/03", "none"], type: "json" });
  assert.deepEqual(values, { "many/03": { i: 3 }, none: null });
  const withMetadata = await namespaces.bulkGet(namespace_id, { account_id, keys: ["many/04"], withMetadata: true });
  assert.deepEqual(withMetadata.values["many/04"], { value: '{"i":4}', metadata: { i: 4 } });
  const deleted = await namespaces.bulkDelete(namespace_id, { account_id, body: keys });
  assert.equal(deleted.successful_key_count, 25);
  assert.deepEqual(await collect(namespaces.keys.list(namespace_id, { account_id, prefix: "many/" })), []);
});

test("what is refused says why", async () => {
  const put = (params) => namespaces.values.update("k", { ...scope, value: "x", ...params });
  await assert.rejects(put({ expiration_ttl: 59 }), /at least 60/);
  await assert.rejects(put({ metadata: JSON.stringify("m".repeat(1024)) }), /exceeds limit of 1024/);
  const other = new Cloudflare({ apiToken: "0".repeat(40), baseURL, maxRetries: 0 });
  await assert.rejects(other.kv.namespaces.values.get("k", scope), PermissionDeniedError);
});
