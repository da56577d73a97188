import assert from "node:assert/strict";
import { test } from "node:test";
import { axisNumber, axisNumbers, axisTick, branchColor, colorRange, type CurveSeries, dotDomain, type DotMetric, intervalDomain, meansOf, pointsOf, suitsLog } from "./series";

const series = (seed: number, y: Array<number | null>): CurveSeries => ({ node: "a", color: 0, seed, x: [0, 10, 20], y });
const metric = (values: number[], baseline: number | null): DotMetric => ({
  key: "k",
  label: "k",
  unit: "",
  better: "higher",
  percent: false,
  digits: 2,
  baseline,
  rows: [{ node: "a", color: 0, values: values.map((value, i) => [i, value] as const), mean: null, sd: null }],
});

test("the mean curve covers the steps that every seed has", () => {
  const means = meansOf([series(0, [1, 2, 3]), series(1, [3, null, 5])]);
  assert.deepEqual(means.map(({ x, y }) => [x, y]), [[0, 2], [20, 4]]);
});

test("values that were not finite leave gaps, and percentages are scaled", () => {
  assert.deepEqual(pointsOf([series(0, [0.5, null, 1])], 100).map(({ y }) => y), [50, 100]);
});

test("a logarithmic axis needs positive values over a wide range", () => {
  assert.equal(suitsLog(pointsOf([series(0, [1, 10, 100])])), true);
  assert.equal(suitsLog(pointsOf([series(0, [0, 10, 100])])), false);
  assert.equal(suitsLog(pointsOf([series(0, [1, 2, 3])])), false);
  assert.equal(suitsLog([]), false);
});

test("a near baseline is on the axis, a far one is announced at its side", () => {
  const near = dotDomain(metric([10, 12], 9));
  assert.equal(near.far, null);
  assert.ok(near.domain[0] < 9 && near.domain[1] > 12);
  const far = dotDomain(metric([0.97, 0.98], 0.1));
  assert.equal(far.far, "left");
  assert.ok(far.domain[0] > 0.9);
});

test("equal values still get a range", () => {
  const { domain } = dotDomain(metric([5, 5], null));
  assert.ok(domain[0] < 5 && domain[1] > 5);
});

test("branches keep their colour, and the root has its own", () => {
  assert.equal(branchColor(-1), "var(--branch-root)");
  assert.equal(branchColor(9), branchColor(1));
});

test("axis numbers are short", () => {
  assert.deepEqual([12345, 0.97, -2, 0.00012].map(axisNumber), ["12.3k", "0.97", "−2", "1e−4"]);
});

test("ticks that are near get the digits that tell them apart", () => {
  const ticks = [99.1, 99.12, 99.14];
  assert.deepEqual(ticks.map(axisTick), ["99.1", "99.12", "99.14"]);
  assert.deepEqual(axisNumbers([0.00012, 0.000124]), ["1.20e−4", "1.24e−4"]);
  assert.deepEqual(axisNumbers([12_345_000, 12_346_000]), ["12345k", "12346k"]);
  assert.deepEqual(axisNumbers([5, 5]), ["5", "5"]);
});

test("colours leave room for the uncertainty, and noise gets none", () => {
  const cell = (mean: number, sd: number | null, error: number | null = null) => ({ mean, sd, error });
  assert.equal(colorRange([cell(0.991, null, 0.00094), cell(0.9917, null, 0.0009)]), null); // 7 of 10,000 images
  assert.equal(colorRange([cell(0.5, 0.2), cell(0.6, 0.1)]), null);
  const wide = colorRange([cell(0.5, 0.05), cell(0.65, 0.05)])!;
  assert.ok(Math.abs(wide.high - wide.low - 0.2) < 1e-9);
  assert.deepEqual(colorRange([cell(20, 0.1), cell(22, 0.1)]), { low: 20, high: 22 });
  assert.equal(colorRange([cell(20, null)]), null);
  assert.equal(colorRange([]), null);
});

test("wide intervals are cut and narrow ones are not", () => {
  const seeds = [1, 3];
  assert.deepEqual(intervalDomain([{ seeds, y1: -20, y2: 24 }], false), [0.5, 3.5]);
  assert.deepEqual(intervalDomain([{ seeds, y1: 0.5, y2: 3.5 }], true), [0, 3.5]);
  assert.deepEqual(intervalDomain([{ seeds: [2], y1: 2, y2: 2 }], false), [2, 2]);
  assert.deepEqual(intervalDomain([{ seeds: [60, 96], y1: 50, y2: 104 }], false, true), [51, 100]);
});
