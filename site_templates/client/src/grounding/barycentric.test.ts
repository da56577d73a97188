import assert from "node:assert/strict";
import { test } from "node:test";
import { l2Normalized, nearestLatents, type Placement, positionOf, spreadOf } from "./barycentric";

const reference = Float32Array.of(0, 0, 1, 0, 0, 1, 5, 5); // four latents in the plane
const points = Float32Array.of(0, 0, 0, 10, 0, 0, 0, 10, 0, 9, 9, 9);

test("weights are proportional to 1 / distance over the k nearest", () => {
  const placement = nearestLatents(Float32Array.of(0.25, 0), reference, 2);
  assert.deepEqual([...placement.rows], [0, 1]);
  assert.deepEqual([...placement.distances], [0.25, 0.75]);
  assert.deepEqual([...placement.weights], [0.75, 0.25]);
  assert.deepEqual(positionOf(placement, points), [2.5, 0, 0]);
});

test("an exact hit takes all, and coinciding references share it", () => {
  assert.deepEqual(positionOf(nearestLatents(Float32Array.of(1, 0), reference, 3), points), [10, 0, 0]);
  const twice = Float32Array.of(1, 0, 1, 0, 0, 0);
  assert.deepEqual(positionOf(nearestLatents(Float32Array.of(1, 0), twice, 3), points.subarray(0, 9)), [5, 0, 0]);
});

test("k beyond the reference is cut, and of equal distances the lower row comes first", () => {
  const placement = nearestLatents(Float32Array.of(0, 0), Float32Array.of(0, 1, 1, 0, 0, -1), 12);
  assert.deepEqual([...placement.rows], [0, 1, 2]);
  assert.deepEqual([...nearestLatents(Float32Array.of(0, 0), Float32Array.of(0, 1, 1, 0, 0, -1), 2).rows], [0, 1]);
});

test("the k nearest are those of a full sort", () => {
  const [count, width] = [400, 8];
  const values = Float32Array.from({ length: count * width }, (_, i) => Math.sin(i * 12.9898) * 3);
  const latent = Float32Array.from({ length: width }, (_, d) => Math.cos(d));
  const far = (row: number) => Math.hypot(...latent.map((x, d) => x - values[row * width + d]!));
  const sorted = Array.from({ length: count }, (_, row) => row).sort((a, b) => far(a) - far(b) || a - b);
  const placement = nearestLatents(latent, values, 12);
  assert.deepEqual([...placement.rows], sorted.slice(0, 12));
  assert.ok(Math.abs(placement.weights.reduce((a, b) => a + b) - 1) < 1e-12);
});

test("normalising gives length 1, and leaves zeros alone", () => {
  assert.deepEqual([...l2Normalized(Float32Array.of(3, 4))], [Math.fround(0.6), Math.fround(0.8)]);
  assert.deepEqual([...l2Normalized(Float32Array.of(0, 0))], [0, 0]);
});

test("a stray neighbour shows in the spread", () => {
  const points = Float32Array.from([0, 0, 0, 0.1, 0, 0, 2, 0, 0]);
  const near: Placement = { rows: Int32Array.from([0, 1]), distances: new Float64Array(2), weights: Float64Array.from([0.5, 0.5]) };
  const stray: Placement = { ...near, rows: Int32Array.from([0, 2]) };
  assert.ok(Math.abs(spreadOf(near, points, positionOf(near, points)) - 0.05) < 1e-6);
  assert.ok(Math.abs(spreadOf(stray, points, positionOf(stray, points)) - 1) < 1e-6);
});
