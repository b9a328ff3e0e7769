// The AWS SDK for JavaScript against `cfstore serve`, plain or with R2's production behaviour: checksums, customer keys, lifecycle rules.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketLifecycleCommand,
  GetBucketLifecycleConfigurationCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListPartsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  paginateListObjectsV2,
} from "@aws-sdk/client-s3";

const { R2_ENDPOINT: endpoint, R2_ACCESS_KEY_ID: accessKeyId, R2_SECRET_ACCESS_KEY: secretAccessKey, R2_BUCKET_MEDIA: Bucket } = process.env;
const client = (more) => new S3Client({ endpoint, region: "auto", forcePathStyle: true, credentials: { accessKeyId, secretAccessKey }, ...more });
const s3 = client({ requestChecksumCalculation: "WHEN_REQUIRED", responseChecksumValidation: "WHEN_REQUIRED" });

const refused = (promise, status, name) =>
  assert.rejects(promise, (error) => {
    assert.deepEqual([error.$metadata.httpStatusCode, error.name], [status, name]);
    return true;
  });
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const bytesOf = async (answer) => Buffer.from(await answer.Body.transformToByteArray());
const PART = 5 * 1024 * 1024;

test("what the SDK sends by default is stored, and compared when it is read", async () => {
  const checking = client({});
  const Key = "checksums/default";
  await checking.send(new PutObjectCommand({ Bucket, Key, Body: "hello" }));
  const got = await checking.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
  assert.equal(await got.Body.transformToString(), "hello");
  assert.equal(got.ChecksumCRC32, "NhCmhg==");
});

test("the checksums of parts make that of the object", async () => {
  const Key = "checksums/composite";
  const { UploadId, ChecksumAlgorithm, ChecksumType } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: "SHA256" }));
  assert.deepEqual([ChecksumAlgorithm, ChecksumType], ["SHA256", "COMPOSITE"]);
  const bodies = [randomBytes(PART), randomBytes(10)];
  const digests = bodies.map(sha256);
  const Parts = [];
  for (const [index, Body] of bodies.entries()) {
    const [PartNumber, ChecksumSHA256] = [index + 1, digests[index].toString("base64")];
    await refused(s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ChecksumSHA256: sha256("x").toString("base64") })), 400, "BadDigest");
    const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ChecksumSHA256 }));
    Parts.push({ PartNumber, ETag, ChecksumSHA256 });
  }
  const listed = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId }));
  assert.deepEqual([listed.ChecksumAlgorithm, listed.ChecksumType], ["SHA256", "COMPOSITE"]);
  assert.deepEqual(listed.Parts.map((part) => part.ChecksumSHA256), Parts.map((part) => part.ChecksumSHA256));
  const complete = (ChecksumSHA256) => s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ChecksumSHA256 }));
  const whole = `${sha256(Buffer.concat(digests)).toString("base64")}-2`;
  await refused(complete(`${sha256("x").toString("base64")}-2`), 400, "BadDigest");
  const completed = await complete(whole);
  assert.deepEqual([completed.ChecksumSHA256, completed.ChecksumType], [whole, "COMPOSITE"]);
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
  assert.deepEqual([head.ChecksumSHA256, head.ChecksumType], [whole, "COMPOSITE"]);
  assert.ok((await bytesOf(await s3.send(new GetObjectCommand({ Bucket, Key })))).equals(Buffer.concat(bodies)));
});

test("the CRC64NVME of the whole is made of those of the parts", async () => {
  const Key = "checksums/whole";
  const { UploadId, ChecksumType } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: "CRC64NVME", ChecksumType: "FULL_OBJECT" }));
  assert.equal(ChecksumType, "FULL_OBJECT");
  const part = { Bucket, Key, UploadId, PartNumber: 1, Body: "123456789" };
  const [crc, wrong] = ["rosUhgp5mIg=", "AAAAAAAAAAA="];
  await refused(s3.send(new UploadPartCommand({ ...part, ChecksumCRC64NVME: wrong })), 400, "BadDigest");
  const { ETag, ChecksumCRC64NVME } = await s3.send(new UploadPartCommand({ ...part, ChecksumCRC64NVME: crc }));
  assert.equal(ChecksumCRC64NVME, crc);
  const complete = (ofPart, ofWhole) => {
    const Parts = [{ PartNumber: 1, ETag, ChecksumCRC64NVME: ofPart }];
    return s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ChecksumCRC64NVME: ofWhole, ChecksumType }));
  };
  await refused(complete(wrong, crc), 400, "InvalidPart");
  await refused(complete(crc, wrong), 400, "BadDigest");
  const completed = await complete(crc, crc);
  assert.deepEqual([completed.ChecksumCRC64NVME, completed.ChecksumType], [crc, "FULL_OBJECT"]);
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
  assert.deepEqual([head.ChecksumCRC64NVME, head.ChecksumType], [crc, "FULL_OBJECT"]);
});

test("types that R2 does not have are refused", async () => {
  const begin = (ChecksumAlgorithm, ChecksumType) => s3.send(new CreateMultipartUploadCommand({ Bucket, Key: "checksums/refused", ChecksumAlgorithm, ChecksumType }));
  await refused(begin("CRC64NVME", "COMPOSITE"), 400, "InvalidRequest");
  await refused(begin("CRC32", "FULL_OBJECT"), 501, "NotImplemented");
  const { UploadId, ChecksumType } = await begin("CRC64NVME");
  assert.equal(ChecksumType, "FULL_OBJECT");
  await s3.send(new AbortMultipartUploadCommand({ Bucket, Key: "checksums/refused", UploadId }));
});

test("keys of the customer encrypt objects, parts and copies", async () => {
  const named = (key, prefix = "SSECustomer") => ({
    [`${prefix}Algorithm`]: "AES256",
    [`${prefix}Key`]: key,
  });
  const [key, other] = ["k".repeat(32), "o".repeat(32)];
  const [Key, Body] = ["sse-c/a", randomBytes(300_000)];
  await s3.send(new PutObjectCommand({ Bucket, Key, Body, ...named(key) }));
  assert.ok((await bytesOf(await s3.send(new GetObjectCommand({ Bucket, Key, ...named(key) })))).equals(Body));
  const range = await s3.send(new GetObjectCommand({ Bucket, Key, Range: "bytes=262127-262129", ...named(key) }));
  assert.ok((await bytesOf(range)).equals(Body.subarray(262127, 262130)));
  assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key, ...named(key) }))).ContentLength, Body.length);
  await refused(s3.send(new GetObjectCommand({ Bucket, Key })), 400, "InvalidRequest");
  await refused(s3.send(new GetObjectCommand({ Bucket, Key, ...named(other) })), 403, "AccessDenied");
  const copy = { Bucket, Key: "sse-c/b", CopySource: `${Bucket}/${Key}`, ...named(key, "CopySourceSSECustomer"), ...named(other) };
  await s3.send(new CopyObjectCommand(copy));
  assert.ok((await bytesOf(await s3.send(new GetObjectCommand({ Bucket, Key: "sse-c/b", ...named(other) })))).equals(Body));
  const upload = { Bucket, Key: "sse-c/parts", ...named(key) };
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(upload));
  const { ETag } = await s3.send(new UploadPartCommand({ ...upload, UploadId, PartNumber: 1, Body }));
  await s3.send(new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } }));
  assert.ok((await bytesOf(await s3.send(new GetObjectCommand(upload)))).equals(Body));
});

test("lifecycle rules are kept", async () => {
  const Rules = [
    { ID: "logs", Status: "Enabled", Filter: { Prefix: "logs/" }, Expiration: { Days: 90 } },
    { ID: "cold", Status: "Disabled", Filter: { Prefix: "cold/" }, Transitions: [{ Days: 30, StorageClass: "STANDARD_IA" }] },
    { ID: "uploads", Status: "Enabled", Filter: { Prefix: "" }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
  ];
  await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
  const kept = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
  assert.deepEqual(kept.Rules, Rules);
  const { Expiration } = await s3.send(new PutObjectCommand({ Bucket, Key: "logs/today", Body: "x" }));
  assert.match(Expiration, /expiry-date=".*", rule-id="logs"/);
  await s3.send(new DeleteBucketLifecycleCommand({ Bucket }));
  await refused(s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket })), 404, "NoSuchLifecycleConfiguration");
});

test("a head of a range, and buckets in pages", async () => {
  await s3.send(new PutObjectCommand({ Bucket, Key: "range", Body: "0123456789" }));
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "range", Range: "bytes=2-4" }));
  assert.deepEqual([head.$metadata.httpStatusCode, head.ContentLength], [206, 3]);
  const names = ["page-a", "page-b", "page-c"];
  for (const name of names) {
    await s3.send(new CreateBucketCommand({ Bucket: name }));
  }
  const found = [];
  let ContinuationToken;
  do {
    const page = await s3.send(new ListBucketsCommand({ Prefix: "page-", MaxBuckets: 2, ContinuationToken }));
    found.push(...page.Buckets.map(({ Name }) => Name));
    ({ ContinuationToken } = page);
  } while (ContinuationToken);
  assert.deepEqual(found, names);
  for (const name of names) {
    await s3.send(new DeleteBucketCommand({ Bucket: name }));
  }
});

test("the SDK writes one key often and lists all keys, in production too", async () => {
  const patient = client({ maxAttempts: 20 });
  for (const Body of ["1", "2"]) {
    await patient.send(new PutObjectCommand({ Bucket, Key: "often/a", Body }));
  }
  const names = Array.from({ length: 25 }, (_, n) => `often/b${String(n).padStart(2, "0")}`);
  await Promise.all(names.map((Key) => patient.send(new PutObjectCommand({ Bucket, Key, Body: "x" }))));
  const listed = [];
  for await (const page of paginateListObjectsV2({ client: patient, pageSize: 4 }, { Bucket, Prefix: "often/" })) {
    listed.push(...(page.Contents ?? []).map(({ Key }) => Key));
  }
  assert.deepEqual(listed, ["often/a", ...names]);
});
