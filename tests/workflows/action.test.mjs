// action.yml with the program in CFSTORE: the variables that it sets lead to a working server.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runAction } from "./composite.mjs";

const { CFSTORE: program, REPOSITORY: root } = process.env;
const started = [];
const folders = [];

after(() => {
  for (const pid of started) kill(pid);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});

function run(inputs, github) {
  const ran = runAction({ root, inputs: { listen: "127.0.0.1:0", ...inputs }, github });
  folders.push(ran.temporary);
  if (ran.outputs.pid) started.push(Number(ran.outputs.pid));
  return ran;
}

function kill(pid) {
  try {
    process.kill(pid, "SIGTERM");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

const masked = (printed) => [...printed.matchAll(/^::add-mask::(.*)$/gm)].map(([, value]) => value);

test("the steps that follow have a server, and its secrets are masked", () => {
  const { success, printed, outputs, env, temporary } = run({ program });
  assert.ok(success, printed);
  assert.deepEqual(Object.keys(env).sort(), [
    "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_SECRET_ACCESS_KEY",
    "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_BASE_URL", "CLOUDFLARE_API_TOKEN", "KV_NAMESPACE_ID",
    "R2_ACCESS_KEY_ID", "R2_ACCOUNT_ID", "R2_BUCKET_MEDIA", "R2_ENDPOINT", "R2_SECRET_ACCESS_KEY",
  ]);
  assert.equal(env.AWS_SECRET_ACCESS_KEY, env.R2_SECRET_ACCESS_KEY);
  assert.equal(env.AWS_ENDPOINT_URL_S3, outputs.endpoint);
  assert.equal(outputs["kv-base-url"], `${outputs.endpoint}/client/v4`);
  // A secret is printed once, where it is masked, and stored only in the file of the variables and the server's own file.
  const secrets = [env.R2_SECRET_ACCESS_KEY, env.CLOUDFLARE_API_TOKEN];
  assert.deepEqual(masked(printed).sort(), [...secrets].sort());
  for (const secret of secrets) assert.equal(printed.split(secret).length, 2);
  const [made] = readdirSync(join(temporary, "temp"));
  assert.deepEqual(readdirSync(join(temporary, "temp", made)).sort(), ["data", "serve.log"]);

  const cfstore = (args, input) => spawnSync(program, args, { env, input, encoding: "utf8" });
  assert.equal(cfstore(["r2", "put", "-", "a.txt"], "hello").status, 0);
  assert.equal(cfstore(["r2", "get", "a.txt", "-"]).stdout, "hello");
  assert.equal(cfstore(["kv", "put", "k", "v"]).status, 0);
  assert.equal(cfstore(["kv", "get", "k"]).stdout, "v");
  assert.match(readFileSync(outputs.log, "utf8"), /serving/);
});

test("arguments, a folder, and none of AWS's variables", () => {
  const folder = mkdtempSync(join(tmpdir(), "action-data-"));
  folders.push(folder);
  const data = join(folder, "with spaces");
  const { success, printed, outputs, env } = run({ program, data, args: "--tls\n\n--fault\nslow=1ms@1%\n", "aws-variables": "false" });
  assert.ok(success, printed);
  assert.match(outputs.endpoint, /^https:/);
  assert.equal(outputs.certificate, join(data, "tls-certificate.pem"));
  assert.ok(!("SSL_CERT_FILE" in env) && !Object.keys(env).some((name) => name.startsWith("AWS_")), JSON.stringify(env));
  const listed = spawnSync(program, ["r2", "ls"], { env: { ...env, SSL_CERT_FILE: outputs.certificate }, encoding: "utf8" });
  assert.equal(listed.status, 0, listed.stderr);
});

test("what fails says why, and shows the log", async () => {
  const refused = (inputs) => {
    const { success, printed, env } = run(inputs);
    assert.ok(!success && Object.keys(env).length === 0, printed);
    return printed;
  };
  assert.match(refused({ program: "no-such-cfstore" }), /::error .*no-such-cfstore is not on this machine/);
  assert.match(refused({ program, timeout: "soon" }), /::error .*timeout is a number of seconds, not soon/);
  assert.match(refused({ program, "aws-variables": "yes" }), /::error .*aws-variables is true or false/);
  for (const args of ["--log-format\njson", "--tls\n--log-format=json"]) {
    assert.match(refused({ program, args }), /::error .*args has --log-format, .*: leave it out/);
  }
  assert.match(refused({ program, args: "--no-such-option" }), /--no-such-option[^]*::error .*ended at once/);

  const taken = createServer();
  await new Promise((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const listen = `127.0.0.1:${taken.address().port}`;
  const printed = refused({ program, listen });
  taken.close(); // an open socket would keep the tests from ending
  assert.match(printed, /cannot listen on [^]*::error .*ended at once/);

  const folder = mkdtempSync(join(tmpdir(), "action-slow-"));
  folders.push(folder);
  const slow = join(folder, "slow");
  writeFileSync(slow, '#!/bin/sh\necho "it takes long" >&2\nexec sleep 60\n', { mode: 0o755 });
  assert.match(refused({ program: slow, timeout: "1" }), /it takes long[^]*::error .*did not start within 1 seconds/);
});

const skip = process.platform !== "linux" && "archives are for Linux";

test("it installs a release, and nothing that differs from its checksum", { skip }, () => {
  const release = mkdtempSync(join(tmpdir(), "action-release-"));
  folders.push(release);
  const machine = { x64: "x86_64", arm64: "aarch64" }[process.arch];
  const name = `cfstore-0.1.0-${machine}-unknown-linux-musl`;
  mkdirSync(join(release, name));
  writeFileSync(join(release, name, "cfstore"), `#!/bin/sh\nexec '${program}' "$@"\n`, { mode: 0o755 });
  const archive = join(release, `${name}.tar.gz`);
  const packed = spawnSync("tar", ["-czf", archive, "-C", release, name]);
  assert.equal(packed.status, 0, String(packed.stderr));
  const sum = (bytes) => createHash("sha256").update(bytes).digest("hex");
  writeFileSync(join(release, "SHA256SUMS"), `${sum(readFileSync(archive))}  ${name}.tar.gz\n`);

  const installed = run({ "base-url": `file://${release}`, version: "v0.1.0" });
  assert.ok(installed.success, installed.printed);
  assert.doesNotMatch(installed.printed, /is not on the PATH/);
  assert.equal(spawnSync(join(installed.path[0], "cfstore"), ["r2", "ls"], { env: installed.env }).status, 0);

  writeFileSync(join(release, "SHA256SUMS"), `${sum("another")}  ${name}.tar.gz\n`);
  const differs = run({ "base-url": `file://${release}`, version: "0.1.0" });
  assert.ok(!differs.success && differs.path.length === 0, differs.printed);
  assert.match(differs.printed, /is not the file that SHA256SUMS names[^]*::error/);
});

test("a release of the action's own repository is found by its tag", () => {
  const github = (ref) => ({ server_url: "file:///no/such/folder", action_repository: "owner/name", action_ref: ref });
  assert.match(run({}, github("v1.2.3")).printed, /::error .*from file:\/\/\/no\/such\/folder\/owner\/name\/releases\/download\/v1\.2\.3:/);
  assert.match(run({ version: "4.5.6" }, github("main")).printed, /releases\/download\/v4\.5\.6:/);
  assert.match(run({}, github("main")).printed, /::error .*instead of main/);
  assert.match(run({}, {}).printed, /::error .*used from a folder/);
});
