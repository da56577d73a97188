import assert from "node:assert/strict";
import { test } from "node:test";
import { edgesOf, extentRadii, gate } from "./edges";

const layer = Float32Array.from([0, 0, 0, 1, 0, 0, 3, 0, 0, 3, 4, 0]); // on the map: 1, 2 and 4 apart
const neighbors = { step: 0, k: 1, indices: [1, 0, 1, 2], distances: Float32Array.from([0.5, 0.5, 2, 9]) };

test("the extent of a point grows with its distance in latent space, whatever the map makes of it", () => {
  const radii = extentRadii(neighbors, layer);
  assert.deepEqual([...radii], [0.5, 0.5, 2, 9].map((d) => d * (2 / 2))); // median length on the map 2, in latent space 2
});

test("an edge fades beyond its extent without a step", () => {
  assert.equal(gate(0.9, 1), 1);
  assert.ok(Math.abs(gate(1 + 1e-6, 1) - 1) < 1e-4);
  const fading = [1, 1.2, 1.5, 2, 4].map((length) => gate(length, 1));
  assert.deepEqual(fading, [...fading].sort((a, b) => b - a));
  assert.ok(fading.at(-1)! < 1e-3);
  assert.equal(gate(5, Number.POSITIVE_INFINITY), 1);
});

test("edges go from a point to its neighbours, nearest first", () => {
  assert.deepEqual(edgesOf(neighbors, 3, 2), [{ from: 3, to: 2, weight: 1, reach: 2 }]);
  assert.deepEqual(edgesOf(null, 3), []);
});
