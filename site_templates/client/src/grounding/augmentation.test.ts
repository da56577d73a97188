import assert from "node:assert/strict";
import { test } from "node:test";
import { augment, noiseField, UNCHANGED } from "./augmentation";

const SIZE = 9;
const dot = (x: number, y: number) => Float32Array.from({ length: SIZE * SIZE }, (_, i) => Number(i === y * SIZE + x));
const brightest = (picture: Float32Array) => {
  const i = picture.indexOf(Math.max(...picture));
  return [i % SIZE, Math.floor(i / SIZE)];
};
const field = noiseField(1, SIZE * SIZE);

test("settings that change nothing give the same bits", () => {
  const picture = Float32Array.from({ length: SIZE * SIZE }, (_, i) => (i % 7) / 7);
  assert.deepEqual(augment(picture, SIZE, UNCHANGED, field), picture);
});

test("shift goes right and down, rotation turns counter-clockwise about the middle, scale grows", () => {
  assert.deepEqual(augment(dot(4, 4), SIZE, { ...UNCHANGED, shiftX: 2, shiftY: 1 }, field), dot(6, 5));
  assert.deepEqual(brightest(augment(dot(6, 4), SIZE, { ...UNCHANGED, rotation: 90 }, field)), [4, 2]);
  assert.deepEqual(brightest(augment(dot(6, 4), SIZE, { ...UNCHANGED, scale: 1.5 }, field)), [7, 4]);
  const half = augment(dot(4, 4), SIZE, { ...UNCHANGED, shiftX: 0.5 }, field);
  assert.deepEqual([half[4 * SIZE + 4], half[4 * SIZE + 5]], [0.5, 0.5]); // bilinear
  assert.equal(Math.max(...augment(dot(4, 4), SIZE, { ...UNCHANGED, shiftX: 8 }, field)), 0); // moved out
});

test("every channel moves alike", () => {
  const two = new Float32Array(2 * SIZE * SIZE);
  two.set(dot(1, 1), 0);
  two.set(dot(1, 1), SIZE * SIZE);
  const out = augment(two, SIZE, { ...UNCHANGED, shiftX: 3 }, noiseField(1, two.length));
  assert.deepEqual(out.subarray(0, SIZE * SIZE), dot(4, 1));
  assert.deepEqual(out.subarray(SIZE * SIZE), dot(4, 1));
});

test("a seed gives the same noise, another seed other noise", () => {
  assert.deepEqual(noiseField(7, 100), noiseField(7, 100));
  assert.notDeepEqual(noiseField(7, 100), noiseField(8, 100));
  const { normal, uniform } = noiseField(3, 20000);
  const mean = normal.reduce((sum, x) => sum + x, 0) / normal.length;
  const variance = normal.reduce((sum, x) => sum + (x - mean) ** 2, 0) / normal.length;
  assert.ok(Math.abs(mean) < 0.03 && Math.abs(variance - 1) < 0.05);
  assert.ok(Math.abs(uniform.filter((u) => u < 0.08).length / uniform.length - 0.08) < 0.01);
});

test("noise and mask stay put while another slider moves", () => {
  const gray = new Float32Array(SIZE * SIZE).fill(0.5);
  const settings = { ...UNCHANGED, noise: 0.1, masking: 0.3 };
  const masked = (picture: Float32Array) => [...picture].map((value) => value === 0);
  const before = augment(gray, SIZE, settings, field);
  const after = augment(gray, SIZE, { ...settings, intensity: 1.1 }, field);
  assert.deepEqual(masked(after), masked(before));
  before.forEach((value, i) => value > 0 && assert.ok(Math.abs(after[i]! - value - 0.05) < 1e-6)); // only brighter
  const more = augment(gray, SIZE, { ...settings, masking: 0.6 }, field);
  before.forEach((value, i) => value === 0 && assert.equal(more[i], 0)); // a larger mask holds the smaller one
});

test("values stay in 0..1", () => {
  const out = augment(new Float32Array(SIZE * SIZE).fill(0.9), SIZE, { ...UNCHANGED, intensity: 1.5, noise: 0.5 }, field);
  assert.ok(out.every((value) => value >= 0 && value <= 1));
});
