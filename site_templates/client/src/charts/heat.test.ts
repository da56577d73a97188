import assert from "node:assert/strict";
import { test } from "node:test";
import { heatOrder } from "./heat";
import { filledBins } from "./reliability";
import { valueText } from "./series";

test("rows are sorted by their last value, or by the column of their largest and then by that", () => {
  const values = [
    [1, 0, 5],
    [0, 4, 7],
    [9, 0, null],
    [0, 6, 2],
  ];
  assert.deepEqual(heatOrder(values, "last"), [1, 0, 3, 2]);
  assert.deepEqual(heatOrder(values, "peak"), [2, 3, 1, 0]);
});

test("a value has its digits and unit, and a real minus sign", () => {
  assert.equal(valueText(-1234.5, { unit: "%", digits: 1 }), "−1,234.5 %");
  assert.equal(valueText(3, { unit: "", digits: 2 }), "3.00");
});

test("bins without images are left out, and the others keep their bounds", () => {
  const bins = filledBins({ name: "p", counts: [0, 4], confidence: [null, 0.8], accuracy: [null, 0.5], ece: 30 });
  assert.deepEqual(bins, [{ x0: 0.5, x1: 1, count: 4, sure: 0.8, right: 0.5 }]);
});
