import assert from "node:assert/strict";
import { test } from "node:test";
import { centerLikeMnist, type GrayImage, meanSquaredError, shrink } from "./preprocess";

function filled(width: number, height: number, x0: number, y0: number, x1: number, y1: number): GrayImage {
  const data = new Float32Array(width * height);
  for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) data[y * width + x] = 1;
  return { data, width, height };
}

test("shrinking keeps the mean, by whole and by broken factors", () => {
  for (const size of [10, 7, 16]) {
    const small = shrink(filled(40, 40, 10, 5, 30, 40), size, size);
    const mean = small.data.reduce((sum, x) => sum + x, 0) / small.data.length;
    assert.ok(Math.abs(mean - (20 * 35) / 1600) < 1e-6);
  }
  assert.deepEqual([...shrink(filled(4, 2, 0, 0, 1, 2), 2, 1).data], [0.5, 0]);
});

test("a drawing in a corner goes to the middle with 20 of 28 parts as its longest side", () => {
  const { data } = centerLikeMnist(filled(280, 280, 3, 7, 33, 67), 28);
  const rows = new Set<number>();
  const columns = new Set<number>();
  data.forEach((value, i) => {
    if (value > 0.5) {
      rows.add(Math.floor(i / 28));
      columns.add(i % 28);
    }
  });
  assert.deepEqual([Math.min(...rows), Math.max(...rows)], [4, 23]);
  assert.deepEqual([Math.min(...columns), Math.max(...columns)], [9, 18]);
});

test("an empty drawing stays empty", () => {
  assert.ok(centerLikeMnist(filled(50, 50, 0, 0, 0, 0), 32).data.every((value) => value === 0));
});

test("the mean squared error is that of hand", () => {
  assert.equal(meanSquaredError([0, 1, 2], [0, 3, 1]), 5 / 3);
});
