import assert from "node:assert/strict";
import { test } from "node:test";
import { stepOfTime, timeOfStep } from "./layout";

const steps = [0, 100, 300, 1000];

test("a step between two snapshots lies between their positions", () => {
  assert.equal(timeOfStep(0, steps), 0);
  assert.equal(timeOfStep(200, steps), 1.5);
  assert.equal(timeOfStep(1000, steps), 3);
  assert.equal(timeOfStep(99999, steps), 3);
  assert.equal(timeOfStep(-5, steps), 0);
  assert.equal(timeOfStep(700, [700]), 0);
});

test("times and steps are inverse to each other", () => {
  for (let time = 0; time <= 3; time += 0.125) assert.ok(Math.abs(timeOfStep(stepOfTime(time, steps), steps) - time) < 1e-9);
  assert.equal(stepOfTime(0.7, [700]), 700);
});
