import assert from "node:assert/strict";
import { test } from "node:test";
import { densestPoints } from "./class_labels";

test("a class is named where most of its points are, not between its parts", () => {
  const x = [0, 0.01, 0.02, 0.9, 5, 5.01]; // class 0: a dense group and a far point; class 1; class 2 is empty
  const positions = Float32Array.from(x.flatMap((value) => [value, 0, 0]));
  const classes = { id: "label", names: ["a", "b", "c"], counts: [4, 2, 0], color: () => "", of: [0, 0, 0, 0, 1, 1] };
  const [a, b, c] = densestPoints(classes, positions);
  assert.equal(a, 1);
  assert.ok(b === 4 || b === 5);
  assert.equal(c, -1);
});
