import assert from "node:assert/strict";
import { test } from "node:test";
import { boundsOf, choiceOf, choicesOf, inWords, kindOf, problemOf, type Schema } from "./schema";
import { forkCommand, isSame } from "./settings";

const RAMP: Schema = { type: "object", title: "LinearRamp", properties: { start: { type: "number" }, type: { const: "linear_ramp" } } };
const COSINE: Schema = { type: "object", title: "CosineRamp", properties: { start: { type: "number" }, type: { const: "cosine_ramp" } } };
const WEIGHT: Schema = { anyOf: [{ type: "number", minimum: 0 }, { oneOf: [{ $ref: "#/$defs/LinearRamp" }, { $ref: "#/$defs/CosineRamp" }] }, { type: "null" }] };

test("a value is of the choice that its type and its kind name", () => {
  const choices = choicesOf(WEIGHT, { LinearRamp: RAMP, CosineRamp: COSINE });
  assert.deepEqual(choices.map(kindOf), ["number", "linear ramp", "cosine ramp", "none"]);
  assert.deepEqual([2, { type: "cosine_ramp", start: 1 }, null, "x", { type: "linear_ramp", end: 1 }].map((value) => choiceOf(value, choices)), [0, 2, 3, -1, -1]);
  assert.equal(inWords("HeadClassifierTask"), "head classifier task");
});

test("what is wrong is said with what is allowed", () => {
  const share: Schema = { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 };
  assert.equal(boundsOf(share), "> 0, < 1");
  assert.deepEqual([0, 0.5, 1, undefined].map((value) => problemOf(share, value) === ""), [false, true, false, false]);
  const steps: Schema = { type: "integer", minimum: 1, maximum: 1e9 };
  assert.equal(problemOf(steps, 1.5), "Give a whole number ≥ 1.");
  const pair: Schema = { type: "array", prefixItems: [steps, steps] };
  assert.deepEqual([[1, 2], [1], [1, 0], [1, "x"]].map((value) => problemOf(pair, value) === ""), [true, false, false, false]);
  const name: Schema = { type: "string", pattern: "^[a-z]+$", not: { enum: ["plain"] }, description: "Use letters." };
  assert.deepEqual(["other", "plain", "../x"].map((value) => problemOf(name, value)), ["", "‘plain’ is taken.", "Use letters."]);
});

test("a command line is what the shell and YAML read as the same values", () => {
  const settings = { "train.lr": 1e-4, "train.optimizer": "sgd", "task.kl.factor_name": "no", "train.augment": { shift_px: 2 }, "train.clip_norm": null };
  assert.equal(
    forkCommand("tiny", { name: "x", checkpoint: "plain", settings, steps: 7 }),
    `acc fork tiny plain x --set train.lr=0.0001 --set train.optimizer=sgd --set 'task.kl.factor_name="no"' --set 'train.augment={"shift_px":2}' --set train.clip_norm=null --steps 7`,
  );
  assert.ok(isSame({ a: [1, 2], b: null }, { b: null, a: [1, 2] }) && !isSame([1], { 0: 1 }) && !isSame({ a: 1 }, { a: 1, b: 2 }));
});
