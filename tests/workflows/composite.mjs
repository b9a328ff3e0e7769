// Runs the steps of a composite action like GitHub's runner, as far as this repository's action.yml needs it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";

/**
 * Runs the action in the folder `root` with these inputs.
 *
 * `github`: the context with this name. Returns whether all steps succeeded, their output, the outputs, and the variables
 * and PATH folders of the following steps.
 */
export function runAction({ root, inputs = {}, github = {} }) {
  const action = parse(readFileSync(join(root, "action.yml"), "utf8"));
  for (const name of Object.keys(inputs)) assert.ok(name in action.inputs, `the action has no input ${name}`);
  const given = (name) => inputs[name] ?? action.inputs[name].default ?? "";
  const temporary = mkdtempSync(join(tmpdir(), "action-"));
  const contexts = { github, inputs: Object.fromEntries(Object.keys(action.inputs).map((name) => [name, given(name)])), steps: {} };
  const file = (name) => join(temporary, name);
  const fromFile = (name) => Object.fromEntries(lines(file(name)).map((line) => split(line)));
  mkdirSync(file("temp"));
  for (const name of ["env", "path"]) writeFileSync(file(name), "");

  let [success, printed] = [true, ""];
  for (const step of action.runs.steps) {
    assert.equal(step.shell, "bash");
    if (!success || (step.if && !evaluate(step.if, contexts))) continue;
    writeFileSync(file("output"), "");
    const own = Object.entries(step.env ?? {}).map(([name, value]) => [name, expand(value, contexts)]);
    const ran = spawnSync("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", `exec 2>&1\n${step.run}`], {
      encoding: "utf8",
      env: {
        PATH: process.env.PATH,
        HOME: file("temp"),
        GITHUB_ACTION_PATH: root,
        GITHUB_ENV: file("env"),
        GITHUB_OUTPUT: file("output"),
        GITHUB_PATH: file("path"),
        RUNNER_TEMP: file("temp"),
        ...Object.fromEntries(own),
      },
    });
    if (ran.error) throw ran.error;
    printed += ran.stdout;
    success = ran.status === 0;
    if (step.id) contexts.steps[step.id] = { outputs: fromFile("output") };
  }
  const outputs = Object.entries(action.outputs).map(([name, { value }]) => [name, expand(value, contexts)]);
  return { success, printed, outputs: Object.fromEntries(outputs), env: fromFile("env"), path: lines(file("path")), temporary };
}

const lines = (path) => readFileSync(path, "utf8").split("\n").filter(Boolean);
const split = (line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)];
const expand = (text, contexts) => String(text).replaceAll(/\$\{\{(.*?)\}\}/g, (_, expression) => evaluate(expression, contexts));

/** Evaluates the expressions `a.b`, `a || b`, and `a == ''`. Unset values are empty. */
function evaluate(expression, contexts) {
  const empty = expression.match(/^(.*)== ''$/);
  if (empty) return evaluate(empty[1], contexts) === "";
  const value = (path) => path.trim().split(".").reduce((found, name) => found?.[name], contexts) ?? "";
  return expression.split("||").map(value).find((found) => found !== "") ?? "";
}
