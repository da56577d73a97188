import assert from "node:assert/strict";
import { test } from "node:test";
import { keyOf, sortedIndices } from "./sorting";

test("a cell is sorted by the number it begins with, else by its text", () => {
  assert.deepEqual(["97.90 ± 0.12 %", "−0.5 dB", "5,000", "2e-5", "  root "].map(keyOf), [97.9, -0.5, 5000, 2e-5, "root"]);
  assert.deepEqual(["—", "", "  "].map(keyOf), [null, null, null]);
});

test("rows without a value stay last, and equal rows keep their order", () => {
  const keys = [2, null, 10, 2];
  assert.deepEqual(sortedIndices(keys, false), [0, 3, 2, 1]);
  assert.deepEqual(sortedIndices(keys, true), [2, 0, 3, 1]);
});

test("names with numbers are sorted as people count", () => {
  assert.deepEqual(sortedIndices(["b", "seed 10", "seed 2", "a"], false), [3, 0, 2, 1]);
});
