import assert from "node:assert/strict";
import { test } from "node:test";
import { RunLog, until, type RunEvent } from "./log";

let id = 0;
const event = (kind: string, step?: number): RunEvent => ({ id: ++id, event: kind, time: "", ...(step === undefined ? {} : { step }) });
const kinds = (log: RunLog) => log.standing.map((one) => `${one.event} ${one.step ?? ""}`.trim());

test("what a build goes back on stands no more, and what is told again changes nothing", () => {
  id = 0;
  const log = new RunLog();
  const told = [event("run.created"), event("run.started", 0), event("train.metrics", 2), event("train.metrics", 4)];
  assert.equal(log.add(told), true);
  assert.equal(log.add(told.slice(1)), false);
  assert.equal(log.status, "running");
  log.add([event("run.failed", 4), event("run.resumed", 2), event("train.metrics", 4), event("run.completed", 4)]);
  assert.deepEqual(kinds(log), ["run.created", "run.started 0", "train.metrics 2", "run.resumed 2", "train.metrics 4", "run.completed 4"]);
  assert.equal(log.status, "completed");
  log.add([event("run.created")]);
  assert.deepEqual(kinds(log), ["run.created"]);
});

test("a log that was thrown away and begun anew is read anew", () => {
  id = 0;
  const log = new RunLog();
  log.add([event("run.created"), event("run.started", 0), event("train.metrics", 2)]);
  id = 0;
  log.add([event("run.created"), event("run.started", 0)]);
  assert.deepEqual(kinds(log), ["run.created", "run.started 0"]);
});

test("what comes after a step has no part in it, with or without a step of its own", () => {
  id = 0;
  const events = [event("run.created"), event("train.metrics", 2), event("run.message"), event("train.metrics", 4), event("asset.failed")];
  assert.deepEqual(until(events, 3).map((one) => one.id), [1, 2, 3]);
  assert.deepEqual(until(events, 4).map((one) => one.id), [1, 2, 3, 4, 5]);
});
