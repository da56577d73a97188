import assert from "node:assert/strict";
import { test } from "node:test";
import { cameraAround, evenSample, FOCUSED, neighborhood } from "./focus_set";

test("an even sample spreads over all points", () => {
  assert.deepEqual(evenSample(3), [0, 1, 2]);
  const sample = evenSample(10_000);
  assert.equal(new Set(sample).size, FOCUSED);
  assert.equal(sample[0], 0);
  assert.ok(sample.at(-1)! > 9_900);
});

test("a neighbourhood grows along the stored graph, and stops where it ends", () => {
  const chain = { step: 0, k: 1, indices: [1, 2, 1, 0], distances: new Float32Array(4) }; // 3 -> 0 -> 1 <-> 2
  assert.deepEqual(neighborhood(chain, 3), [0, 1, 2, 3]);
  assert.deepEqual(neighborhood(chain, 1), [1, 2]);
});

test("the camera goes to the middle of the set, and as near as it allows", () => {
  const home = { target: [0, 0, 0], distance: 4, azimuth: 0, polar: 1 } as const;
  const camera = cameraAround([0, 1], Float32Array.from([0, 0, 0, 1, 0, 0, 9, 9, 9]), home);
  assert.deepEqual(camera.target, [0.5, 0, 0]);
  assert.ok(Math.abs(camera.distance - 4 * 0.5 * 1.08) < 1e-9);
});
