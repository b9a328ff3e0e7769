// Cloudflare's own simulator of R2, with the S3 endpoint over its bucket `media`. Prints its address as one
// line of JSON and runs until its stdin ends or it is stopped.

import { randomBytes } from "node:crypto";
import { Miniflare } from "miniflare";

const bucket = "media";
const accessKeyId = randomBytes(16).toString("hex");
const secretAccessKey = randomBytes(32).toString("hex");

const miniflare = new Miniflare({
  host: "127.0.0.1",
  port: 0,
  modules: true,
  script: "export default { fetch: () => new Response(null, { status: 404 }) }",
  r2Buckets: { MEDIA: { id: bucket, s3Credentials: { accessKeyId, secretAccessKey } } },
});

const address = await miniflare.ready;
const endpoint = new URL("/cdn-cgi/local/r2/s3", address).href;
console.log(JSON.stringify({ endpoint, bucket, accessKeyId, secretAccessKey }));

async function stop() {
  await miniflare.dispose();
  process.exit();
}
process.stdin.on("close", stop).resume();
process.on("SIGTERM", stop);
