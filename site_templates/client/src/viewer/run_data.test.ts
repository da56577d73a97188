import assert from "node:assert/strict";
import { test } from "node:test";
import { spacingOf } from "./run_data";

test("the spacing is the median distance to the nearest point", () => {
  const x = [0, 1, 3, 6, 106]; // nearest: 1, 1, 2, 3, 100
  assert.equal(spacingOf(Float32Array.from(x.flatMap((value) => [value, 0, 0]))), 2);
});
