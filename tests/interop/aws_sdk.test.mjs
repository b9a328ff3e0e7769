// The AWS SDK for JavaScript with temporary credentials against `cfstore serve`, with its variables in the environment.
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";

import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const { R2_ENDPOINT: endpoint, R2_ACCOUNT_ID, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, R2_BUCKET_MEDIA: Bucket } = process.env;

const client = (credentials) =>
  new S3Client({ endpoint, region: "auto", forcePathStyle: true, maxAttempts: 1, requestChecksumCalculation: "WHEN_REQUIRED", credentials });
const first = client({ accessKeyId: R2_ACCESS_KEY_ID, secretAccessKey: R2_SECRET_ACCESS_KEY });

// Follows Cloudflare's description, without code of this repository: https://developers.cloudflare.com/r2/api/s3/temporary-credentials/
const temporary = (prefix, more = {}) => {
  const encoded = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const iat = Math.floor(Date.now() / 1000);
  const paths = { prefixPaths: [prefix], objectPaths: [] };
  const claims = { bucket: Bucket, scope: "object-read-write", paths, sub: R2_ACCOUNT_ID, iss: R2_ACCESS_KEY_ID, aud: new URL(endpoint).host, iat, exp: iat + 900, ...more };
  const signed = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded(claims)}`;
  const jwt = `${signed}.${createHmac("sha256", R2_SECRET_ACCESS_KEY).update(signed).digest("base64url")}`;
  return client({
    accessKeyId: R2_ACCESS_KEY_ID,
    secretAccessKey: createHash("sha256").update(jwt).digest("hex"),
    sessionToken: Buffer.from(`jwt/${jwt}`).toString("base64"),
  });
};

const denied = (promise) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.$metadata.httpStatusCode, 403);
    return true;
  });

test("they do what they allow", async () => {
  const limited = temporary("team/");
  await limited.send(new PutObjectCommand({ Bucket, Key: "team/ü a", Body: "hello" }));
  const got = await limited.send(new GetObjectCommand({ Bucket, Key: "team/ü a" }));
  assert.equal(await got.Body.transformToString(), "hello");
  await limited.send(new CopyObjectCommand({ Bucket, Key: "team/copy", CopySource: encodeURI(`${Bucket}/team/ü a`) }));
  const page = await limited.send(new ListObjectsV2Command({ Bucket, Prefix: "team/" }));
  assert.deepEqual(page.Contents.map(({ Key }) => Key), ["team/copy", "team/ü a"]);
  const url = await getSignedUrl(limited, new GetObjectCommand({ Bucket, Key: "team/copy" }), { expiresIn: 60 });
  assert.match(url, /X-Amz-Security-Token=/);
  assert.equal(await (await fetch(url)).text(), "hello");
  const upload = await getSignedUrl(limited, new PutObjectCommand({ Bucket, Key: "team/new" }), { expiresIn: 60 });
  assert.equal((await fetch(upload, { method: "PUT", body: "x" })).status, 200);
});

test("they do no more", async () => {
  await first.send(new PutObjectCommand({ Bucket, Key: "secret", Body: "x" }));
  const limited = temporary("team/");
  await denied(limited.send(new GetObjectCommand({ Bucket, Key: "secret" })));
  await denied(limited.send(new HeadObjectCommand({ Bucket, Key: "secret" })));
  await denied(limited.send(new PutObjectCommand({ Bucket, Key: "secret", Body: "altered" })));
  await denied(limited.send(new ListObjectsV2Command({ Bucket })));
  await denied(limited.send(new ListBucketsCommand({})));
  await denied(limited.send(new CopyObjectCommand({ Bucket, Key: "team/stolen", CopySource: `${Bucket}/secret` })));
  const Delete = { Objects: [{ Key: "secret" }, { Key: "team/copy" }] };
  const { Deleted, Errors } = await limited.send(new DeleteObjectsCommand({ Bucket, Delete }));
  assert.deepEqual([Deleted.map(({ Key }) => Key), Errors.map(({ Key, Code }) => [Key, Code])], [["team/copy"], [["secret", "AccessDenied"]]]);
  const url = await getSignedUrl(limited, new GetObjectCommand({ Bucket, Key: "secret" }), { expiresIn: 60 });
  assert.equal((await fetch(url)).status, 403);
  const reader = temporary("team/", { scope: "object-read-only" });
  await denied(reader.send(new PutObjectCommand({ Bucket, Key: "team/new", Body: "altered" })));
});

test("they expire", async () => {
  const exp = Math.floor(Date.now() / 1000);
  await denied(temporary("team/", { iat: exp - 900, exp }).send(new ListObjectsV2Command({ Bucket, Prefix: "team/" })));
});
