// `GET /{key}`: an HLS playlist of the bucket, its segments presigned with aws4fetch. `GET /`: nothing.

import { AwsClient } from "aws4fetch";

let client;

export default {
  async fetch(request, env) {
    const key = new URL(request.url).pathname.slice(1);
    if (!key) return new Response("");
    client ??= new AwsClient({
      accessKeyId: env.R2_ACCESS_KEY_ID,
      secretAccessKey: env.R2_SECRET_ACCESS_KEY,
      service: "s3",
      region: "auto",
    });
    const object = await env.MEDIA_BUCKET.get(key);
    const folder = key.slice(0, key.lastIndexOf("/") + 1);
    const bucket = `https://${env.R2_BUCKET_MEDIA}.${env.R2_ACCOUNT_ID}.r2.cloudflarestorage.com`;
    const lines = (await object.text()).split("\n");
    const signed = await Promise.all(
      lines.map(async (line) => {
        if (!line || line.startsWith("#")) return line;
        const url = `${bucket}/${folder}${line}?X-Amz-Expires=3600`;
        return (await client.sign(url, { aws: { signQuery: true } })).url;
      }),
    );
    return new Response(signed.join("\n"), { headers: { "content-type": "application/vnd.apple.mpegurl" } });
  },
};
