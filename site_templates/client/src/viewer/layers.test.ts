import assert from "node:assert/strict";
import { test } from "node:test";
import { layerOf, spacingOf } from "./layers";

test("the spacing is the median distance to the nearest point", () => {
  const x = [0, 1, 3, 6, 106]; // nearest: 1, 1, 2, 3, 100
  assert.equal(spacingOf(Float32Array.from(x.flatMap((value) => [value, 0, 0]))), 2);
});

test("a layer is the map moved to the origin, with 99 of 100 points within radius 1", () => {
  const count = 1000;
  const map = Float32Array.from({ length: count * 2 }, (_, i) => 500 + 40 * Math.sin(i * i));
  const { points, fit } = layerOf(map, 2);
  const radii = Array.from({ length: count }, (_, i) => Math.hypot(points[i * 3]!, points[i * 3 + 1]!)).sort((a, b) => a - b);
  assert.ok(Math.abs(radii[990]! - 1) < 1e-5);
  for (const i of [0, 17, 999]) {
    for (const d of [0, 1]) assert.ok(Math.abs((map[i * 2 + d]! - fit.center[d]!) * fit.scale - points[i * 3 + d]!) < 1e-5);
    assert.equal(points[i * 3 + 2], 0);
  }
});
