import assert from "node:assert/strict";
import { test } from "node:test";
import type { PenRule } from "../shared/contract";
import { blockCounts, centered, type GrayImage, meanSquaredError, resize, shrink } from "./preprocess";
import { decodeStrokes, encodeStrokes, extended, fitStrokes, type Point, type Stroke } from "./strokes";

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

test("resizing is linear interpolation, antialiased where it shrinks", () => {
  const ramp = { data: Float32Array.from([0, 1]), width: 2, height: 1 };
  assert.deepEqual([...resize(ramp, 4, 1).data], [0, 0.25, 0.75, 1]); // torch: interpolate(..., align_corners=False)
  const four = { data: Float32Array.from([0, 0, 1, 1]), width: 4, height: 1 };
  const halved = [...resize(four, 2, 1).data].map((value) => Number(value.toFixed(4)));
  assert.deepEqual(halved, [0.1429, 0.8571]); // torch: the same with antialias=True
});

test("the centre of mass goes to the middle", () => {
  const { data } = centered(filled(28, 28, 1, 3, 5, 9));
  const inked = [...data.keys()].filter((i) => data[i] === 1);
  const columns = inked.map((i) => i % 28);
  const rows = inked.map((i) => Math.floor(i / 28));
  assert.deepEqual([Math.min(...columns), Math.max(...columns), Math.min(...rows), Math.max(...rows)], [12, 15, 11, 16]);
});

test("blocks count black and white pixels", () => {
  assert.deepEqual([...blockCounts(filled(8, 4, 0, 0, 3, 4), 4).data], [0.75, 0]);
});

test("an empty drawing stays empty", () => {
  assert.ok(centered(filled(28, 28, 0, 0, 0, 0)).data.every((value) => value === 0));
});

test("the mean squared error is that of hand", () => {
  assert.equal(meanSquaredError([0, 1, 2], [0, 3, 1]), 5 / 3);
});

const span = (strokes: readonly Stroke[], axis: 0 | 1) => {
  const values = strokes.flatMap(({ points }) => points.map((point) => point[axis]));
  return [Math.min(...values), Math.max(...values)].map((value) => Number(value.toFixed(4)));
};
const line = (...points: Point[]): Stroke => ({ points, erases: false });
const rule: PenRule = { field: 40, box: [20, 20], pen: 4, stretch: null, center: "mass", blocks: 1, words: "" };

test("strokes fill the box with their proportions, wherever they were drawn", () => {
  const fitted = fitStrokes([line([0.1, 0.1], [0.2, 0.3])], rule); // twice as tall as wide
  assert.deepEqual([span(fitted, 0), span(fitted, 1)], [[0.4, 0.6], [0.3, 0.7]]);
});

test("strokes that may be stretched fill the box, a bar only by so much", () => {
  const free = { ...rule, stretch: 1.5 };
  const fitted = fitStrokes([line([0.1, 0.1], [0.25, 0.3])], free);
  assert.deepEqual([span(fitted, 0), span(fitted, 1)], [[0.3, 0.7], [0.3, 0.7]]);
  const bar = fitStrokes([line([0.1, 0.1], [0.11, 0.3])], free);
  assert.deepEqual([span(bar, 0), span(bar, 1)], [[0.485, 0.515], [0.3, 0.7]]);
});

test("a dot stays a dot in the middle", () => {
  assert.deepEqual(fitStrokes([line([0.9, 0.2])], rule), [line([0.5, 0.5])]);
});

test("an eraser moves with what it erases from, and does not count as drawn", () => {
  const eraser = { points: [[0.9, 0.2]], erases: true } as const;
  const [drawn, erased] = fitStrokes([line([0.1, 0.1], [0.2, 0.3]), eraser], rule);
  assert.deepEqual(drawn, fitStrokes([line([0.1, 0.1], [0.2, 0.3])], rule)[0]);
  assert.ok(erased!.erases && erased!.points[0]![0] > 1);
});

test("strokes come back from an address as they were drawn", () => {
  let stroke = line();
  for (let i = 0; i <= 50; i++) stroke = extended(stroke, [i / 50, (i * i) / 2500]);
  const strokes = [stroke, line(stroke.points[3]!), { points: [stroke.points[5]!], erases: true }];
  assert.deepEqual(decodeStrokes(encodeStrokes(strokes)), strokes);
  assert.ok(stroke.points.length < 51); // points too near to tell are left out
  assert.deepEqual(decodeStrokes("12..~"), []);
  assert.equal(encodeStrokes(Array.from({ length: 40 }, () => stroke)), "");
});
