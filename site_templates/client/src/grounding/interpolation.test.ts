import assert from "node:assert/strict";
import { test } from "node:test";
import { LATENT, latentOf } from "../model/code";
import { weightsOf } from "./barycentric";
import { distance, PATH_SAMPLES, pathCodes } from "./interpolation";
import { pairMean, sharedNeighbors, voteDistance, votesOf } from "./votes";

const [a, b] = [Float32Array.of(0.1, -2, 7), Float32Array.of(0.3, 4, 7)];

test("a path has even steps from one end to the other", () => {
  const path = latentOf(pathCodes(new Map([[LATENT, a]]), new Map([[LATENT, b]])));
  assert.deepEqual(path.subarray(0, 3), a);
  assert.deepEqual(path.subarray(-3), b);
  const steps = Array.from({ length: PATH_SAMPLES - 1 }, (_, s) => distance(path.subarray(s * 3, s * 3 + 3), path.subarray(s * 3 + 3, s * 3 + 6)));
  steps.forEach((step) => assert.ok(Math.abs(step - distance(a, b) / (PATH_SAMPLES - 1)) < 1e-6));
});

test("votes are weighted, and their distance is 0 for the same and 1 for disjoint ones", () => {
  const distances = Float64Array.of(2, 4, 4); // weights 1/2, 1/4, 1/4
  const placement = (rows: number[]) => ({ rows: Int32Array.from(rows), distances, weights: weightsOf(distances) });
  const none = new Set<number>();
  const labels = [4, 9, 9, 1];
  const nine = votesOf(placement([1, 2, 0]), labels, 10, none);
  assert.equal(nine.best, 9);
  assert.ok(Math.abs(nine.shares[9]! - 0.75) < 1e-12);
  assert.equal(voteDistance(nine, nine), 0);
  assert.ok(Math.abs(voteDistance(nine, votesOf(placement([3, 3, 3]), labels, 10, none)) - 1) < 1e-12);
  assert.ok(Math.abs(voteDistance(nine, votesOf(placement([0, 1, 2]), labels, 10, none)) - 0.25) < 1e-12);
});

test("the point of the picture itself does not vote, though it takes all of the place", () => {
  const distances = Float64Array.of(0, 1, 3);
  const placement = { rows: Int32Array.of(7, 1, 2), distances, weights: weightsOf(distances) };
  assert.deepEqual([...placement.weights], [1, 0, 0]);
  const labels = [0, 4, 9, 0, 0, 0, 0, 5];
  assert.deepEqual([...votesOf(placement, labels, 10, new Set([7])).shares], [0, 0, 0, 0, 0.75, 0, 0, 0, 0, 0.25]);
  assert.equal(votesOf(placement, labels, 10, new Set([1, 2, 7])).best, 5); // nobody is left: all vote
});

test("means over pairs, and neighbours in common", () => {
  assert.equal(pairMean([1, 2, 4], (x, y) => y - x), 2);
  assert.ok(Number.isNaN(pairMean([1], () => 1)));
  assert.equal(sharedNeighbors([1, 2, 3, 4], [3, 4, 5, 6]), 0.5);
});
