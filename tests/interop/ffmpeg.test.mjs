// ffmpeg decodes signed playlists: every frame is the same as without a server.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { FRAMES, SHAPES, makeFilms, presigned, reference, sign, storeFilms } from "./films.mjs";

await makeFilms();
await storeFilms();

/** The hashes of all decoded frames of all streams, and ffmpeg's messages. Playlists may lead to plain HTTP. */
function decode(input, ...options) {
  const allowed = ["-protocol_whitelist", "file,http,tcp,crypto,data", "-allowed_extensions", "ALL"];
  const args = ["-loglevel", "error", ...options, "-nostdin", ...allowed, "-i", input, "-map", "0", "-fps_mode", "passthrough", "-f", "framemd5", "-"];
  return new Promise((resolve) => {
    execFile("ffmpeg", args, { timeout: 60_000, killSignal: "SIGKILL" }, (_, stdout, stderr) => {
      const frames = stdout.split("\n").filter((line) => line && !line.startsWith("#"));
      resolve({ frames, stderr });
    });
  });
}

for (const [name, shape] of Object.entries(SHAPES).filter(([, { decodes }]) => decodes !== false)) {
  test(`every frame: ${name}`, async () => {
    const expected = await decode(reference(shape));
    const decoded = await decode(await sign(shape));
    assert.equal(decoded.stderr, "");
    assert.deepEqual(decoded.frames, expected.frames);
    // Each video stream has this number of frames; audio streams have other numbers.
    const counts = new Map();
    for (const line of decoded.frames) counts.set(line.split(",")[0], 1 + (counts.get(line.split(",")[0]) ?? 0));
    assert.equal([...counts.values()].filter((count) => count === FRAMES).length, shape.multivariant ? 2 : 1);
  });

  test(`nothing without signatures: ${name}`, async () => {
    const { frames, stderr } = await decode(await presigned(shape), "-loglevel", "warning");
    assert.deepEqual(frames, []);
    // R2's answer to an unsigned request.
    assert.match(stderr, /HTTP error 400 Bad Request/);
  });
}

test("nothing once it has expired", async () => {
  const file = await sign(Object.values(SHAPES)[0], "--expires", "1s");
  await sleep(2_100);
  const { frames, stderr } = await decode(file, "-loglevel", "warning");
  assert.deepEqual(frames, []);
  assert.match(stderr, /HTTP error 403 Forbidden/);
});
