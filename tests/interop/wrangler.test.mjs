// Wrangler's `kv` commands against `cfstore serve`, with its variables in the environment, which wrangler uses too.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";

const require = createRequire(import.meta.url);
const program = join(dirname(require.resolve("wrangler/package.json")), "bin/wrangler.js");
const folder = await mkdtemp(join(tmpdir(), "wrangler-"));
const namespace = ["--remote", "--namespace-id", process.env.KV_NAMESPACE_ID];

// Wrangler writes logs and settings below the home folder, which is separate for the test.
const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, CI: "1", NO_COLOR: "1", WRANGLER_SEND_METRICS: "false" };

const attempt = (...args) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { cwd: folder, env });
    const [stdout, stderr] = [[], []];
    child.stdout.on("data", (chunk) => stdout.push(chunk));
    child.stderr.on("data", (chunk) => stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout: Buffer.concat(stdout), output: Buffer.concat([...stdout, ...stderr]).toString() }));
  });

const wrangler = async (...args) => {
  const { code, stdout, output } = await attempt(...args);
  assert.equal(code, 0, output);
  return stdout;
};
const json = async (...args) => JSON.parse(await wrangler(...args));

test("kv namespace create, list, rename and delete", async () => {
  await wrangler("kv", "namespace", "create", "made");
  const titles = async () => (await json("kv", "namespace", "list")).map((ns) => ns.title);
  assert.deepEqual((await titles()).sort(), ["local", "made"]);
  const { id } = (await json("kv", "namespace", "list")).find((ns) => ns.title === "made");
  await wrangler("kv", "namespace", "rename", "--namespace-id", id, "--new-name", "renamed");
  assert.deepEqual((await titles()).sort(), ["local", "renamed"]);
  await wrangler("kv", "namespace", "delete", "--namespace-id", id, "--skip-confirmation");
  assert.deepEqual(await titles(), ["local"]);
});

test("kv key put, get, list and delete", async () => {
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 31) % 256));
  await writeFile(join(folder, "bytes"), bytes);
  await wrangler("kv", "key", "put", "a/b c", "hello", "--ttl", "3600", "--metadata", '{"n":1}', ...namespace);
  await wrangler("kv", "key", "put", "bytes", "--path", "bytes", ...namespace);
  assert.equal((await wrangler("kv", "key", "get", "a/b c", "--text", ...namespace)).toString().trim(), "hello");
  assert.ok((await wrangler("kv", "key", "get", "bytes", ...namespace)).equals(bytes));
  const [first, second] = await json("kv", "key", "list", ...namespace);
  assert.deepEqual([first.name, first.metadata, second], ["a/b c", { n: 1 }, { name: "bytes" }]);
  assert.ok(Math.abs(first.expiration - Date.now() / 1000 - 3600) < 60);
  assert.equal((await json("kv", "key", "list", "--prefix", "a/", ...namespace)).length, 1);
  for (const key of ["a/b c", "bytes"]) await wrangler("kv", "key", "delete", key, ...namespace);
  assert.deepEqual(await json("kv", "key", "list", ...namespace), []);
  const missing = await attempt("kv", "key", "get", "a/b c", "--text", ...namespace);
  assert.match(missing.output, /404|not found/i);
});

test("kv bulk put, get and delete", async () => {
  const pairs = [
    { key: "one", value: "1", metadata: { n: 1 } },
    { key: "two", value: "AP8=", base64: true },
    ...Array.from({ length: 1200 }, (_, i) => ({ key: `many/${i}`, value: String(i) })),
  ];
  await writeFile(join(folder, "pairs.json"), JSON.stringify(pairs));
  await writeFile(join(folder, "keys.json"), JSON.stringify(pairs.map(({ key }) => key)));
  await writeFile(join(folder, "some.json"), JSON.stringify(["one", "many/7", "none"]));
  await wrangler("kv", "bulk", "put", "pairs.json", ...namespace);
  assert.equal((await json("kv", "key", "list", ...namespace)).length, pairs.length);
  const read = (await wrangler("kv", "bulk", "get", "some.json", ...namespace)).toString();
  const values = JSON.parse(read.slice(read.indexOf("{"), read.lastIndexOf("}") + 1));
  assert.deepEqual(Object.entries(values).map(([key, found]) => [key, found?.value ?? found]).sort(), [
    ["many/7", "7"],
    ["none", null],
    ["one", "1"],
  ]);
  await wrangler("kv", "bulk", "delete", "keys.json", "--force", ...namespace);
  assert.deepEqual(await json("kv", "key", "list", ...namespace), []);
});

test("a token that is not the server's is refused", async () => {
  env.CLOUDFLARE_API_TOKEN = "0".repeat(40);
  const { code, output } = await attempt("kv", "key", "list", ...namespace);
  assert.notEqual(code, 0);
  assert.match(output, /Authentication error/);
});
