// The module against whatever Docker it finds: `cargo xtask test testcontainers/node` gives it ../docker.py.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsClient } from "aws4fetch";
import { CfstoreContainer } from "cfstore-testcontainers";

const image = process.env.CFSTORE_IMAGE || "cfstore:test";

const s3 = ({ accessKeyId, secretAccessKey }) => new AwsClient({ accessKeyId, secretAccessKey, service: "s3", region: "auto", retries: 0 });

test("objects and values come back", async () => {
  const container = await new CfstoreContainer(image).start();
  try {
    const { endpoint, bucket, apiBaseUrl, accountId, namespaceId, apiToken, ...keys } = container.connection;
    const client = s3(keys);
    const object = `${endpoint}/${bucket}/a%20b`;
    assert.equal((await client.fetch(object, { method: "PUT", body: "hello" })).status, 200);
    assert.equal(await (await client.fetch(object)).text(), "hello");

    const value = `${apiBaseUrl}/accounts/${accountId}/storage/kv/namespaces/${namespaceId}/values/k`;
    const headers = { authorization: `Bearer ${apiToken}` };
    assert.equal((await fetch(value, { method: "PUT", body: "v", headers })).status, 200);
    assert.equal(await (await fetch(value, { headers })).text(), "v");

    assert.equal(container.variables.R2_ENDPOINT, endpoint);
    assert.equal(container.variables.KV_NAMESPACE_ID, namespaceId);
  } finally {
    await container.stop();
  }
});

test("each has a store and arguments of its own", async () => {
  const one = await new CfstoreContainer(image).start();
  const other = await new CfstoreContainer(image).withArguments("--fault", "404=100%").start();
  try {
    const list = ({ connection }) => s3(connection).fetch(`${connection.endpoint}/${connection.bucket}?list-type=2`);
    assert.notEqual(one.connection.secretAccessKey, other.connection.secretAccessKey);
    assert.match(await (await list(one)).text(), /<KeyCount>0<\/KeyCount>/);
    assert.equal((await list(other)).status, 404);
  } finally {
    await Promise.all([one.stop(), other.stop()]);
  }
});

test("a server that does not start is an error", async () => {
  await assert.rejects(new CfstoreContainer(image).withArguments("--no-such-option").start(), /was not received|exited/);
});

test("the image has to be named", () => {
  const { CFSTORE_IMAGE } = process.env;
  delete process.env.CFSTORE_IMAGE;
  assert.throws(() => new CfstoreContainer(), /CFSTORE_IMAGE/);
  if (CFSTORE_IMAGE) process.env.CFSTORE_IMAGE = CFSTORE_IMAGE;
});
