import assert from "node:assert/strict";
import { test } from "node:test";
import { nextRun, startRuns } from "./choice";

const run = (node: string, seed: number) => ({ key: `runs/r/${node}/seed-${seed}`, label: node });
const runs = [run("naive", 0), run("naive", 1), run("low", 0), run("low", 1), run("deep", 0), run("deep", 1)];

test("the first and the last branch of one seed stand side by side", () => {
  assert.deepEqual(startRuns(runs), ["runs/r/naive/seed-0", "runs/r/deep/seed-0"]);
  assert.deepEqual(startRuns(runs.slice(0, 2)), ["runs/r/naive/seed-0", "runs/r/naive/seed-1"]);
  assert.deepEqual(startRuns(runs.slice(0, 1)), ["runs/r/naive/seed-0"]);
});

test("the next branch is one of the same seed, then any other, then none", () => {
  assert.equal(nextRun(runs, startRuns(runs)), "runs/r/low/seed-0");
  assert.equal(nextRun(runs, ["runs/r/naive/seed-0", "runs/r/low/seed-0", "runs/r/deep/seed-0"]), "runs/r/naive/seed-1");
  assert.equal(nextRun(runs, runs.map(({ key }) => key)), null);
});
