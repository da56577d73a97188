import assert from "node:assert/strict";
import { test } from "node:test";
import { batched, type Code, latentOf, mixed, withLatent } from "./code";

const code = (latent: number[], y: number[]): Code => new Map([["latent", Float32Array.from(latent)], ["y", Float32Array.from(y)]]);
const [a, b] = [code([0.1, -2, 7], [1, 0]), code([0.3, 4, 7], [0, 1])];

test("every part is mixed: the ends bit for bit, in the middle the mean", () => {
  assert.deepEqual(mixed(a, b, 0), a);
  assert.deepEqual(mixed(a, b, 1), b);
  assert.deepEqual(mixed(a, b, 0.5), code([0.2, 1, 7], [0.5, 0.5]));
});

test("another latent leaves the other parts, and the code itself, as they are", () => {
  assert.deepEqual(withLatent(a, Float32Array.of(1, 2, 3)), code([1, 2, 3], [1, 0]));
  assert.deepEqual(latentOf(a), Float32Array.of(0.1, -2, 7));
});

test("a batch holds each part of all codes, one after the other", () => {
  assert.deepEqual(batched([a, b, a]), code([0.1, -2, 7, 0.3, 4, 7, 0.1, -2, 7], [1, 0, 0, 1, 1, 0]));
});

test("a code without a latent is told so", () => {
  assert.throws(() => latentOf(new Map([["y", Float32Array.of(1)]])), /no "latent" \(it has: y\)/);
});
