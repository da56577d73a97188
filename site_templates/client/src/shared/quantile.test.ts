import assert from "node:assert/strict";
import { test } from "node:test";
import { valueAt } from "./quantile";

test("a selected value is that of the sorted values, with ties and with NaN, which comes last", () => {
  for (const count of [1, 2, 3, 10, 1001]) {
    for (const kinds of [3, 1e6]) {
      const values = Float32Array.from({ length: count }, (_, i) => ((i * 7919 + 13) % 1009) % kinds);
      if (count > 3) [values[0], values[count - 2]] = [Number.NaN, Number.NaN];
      const sorted = values.slice().sort();
      for (const k of [0, 1, count >> 1, count - 2, count - 1]) assert.equal(valueAt(values, k) + 0, (sorted[k] ?? Number.NaN) + 0, `${k} of ${count}`);
    }
  }
});
