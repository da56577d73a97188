import assert from "node:assert/strict";
import { test } from "node:test";
import { inkOn, scaleLabels, signedScale, valueColor } from "./colors";
import { shortNumber } from "./numbers";

test("numbers of a cell are short", () => {
  assert.deepEqual([0, 0.004, 0.123, -0.5, 1.26, -12.6, 0.999].map(shortNumber), ["0", "0", ".12", "−.50", "1.3", "−13", "1.00"]);
});

test("zero recedes into the page, and signs have the colours of either end", () => {
  const scale = signedScale([-1, 0.5]);
  assert.deepEqual(scale, { kind: "signed", limit: 1, isPositive: false });
  assert.deepEqual(valueColor(0, scale, "dark"), [0x20, 0x24, 0x2a]);
  assert.deepEqual(valueColor(-3, scale, "light"), [0x9a, 0x34, 0x12]);
  assert.deepEqual(valueColor(1, scale, "light"), [0x0b, 0x3c, 0x78]);
  assert.equal(inkOn(valueColor(1, scale, "light")), "#ffffff");
});

test("a legend begins at zero where no value is negative, and a layer of zeros has one", () => {
  assert.deepEqual(scaleLabels(signedScale([0, 2])), ["0", "1.00", "2.00"]);
  assert.deepEqual(scaleLabels(signedScale([-2, 1])), ["−2.00", "0", "2.00"]);
  assert.deepEqual(scaleLabels(signedScale([0, 0])), ["0", "0.500", "1.00"]);
});
