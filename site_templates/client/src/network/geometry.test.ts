import assert from "node:assert/strict";
import { test } from "node:test";
import { boxText, clamped, type ConvolutionGeometry, inputBox, type Pair, paddedPlace, tapsAt } from "./geometry";

const geometry = (parts: Partial<ConvolutionGeometry>): ConvolutionGeometry => ({
  kernel: [3, 3],
  stride: [1, 1],
  padding: [0, 0],
  dilation: [1, 1],
  transposed: false,
  ...parts,
});

/** A convolution done the long way round: every output from its taps. */
function convolve(g: ConvolutionGeometry, map: number[][], kernel: number[][], [height, width]: Pair): number[][] {
  const size: Pair = [map.length, map[0]!.length];
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) =>
      tapsAt(g, y, x, size).reduce((sum, tap) => sum + (tap.inside ? map[tap.y]![tap.x]! * kernel[tap.row]![tap.column]! : 0), 0),
    ),
  );
}

const map = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]];
const kernel = [[1, 0, -1], [2, 0, -2], [1, 1, 1]];
const PLAIN = [[7, 17], [1, 39]];
const TURNED = [
  [0, 2, 0, 2, 0, 2, 0, -8],
  [1, 4, 2, 6, 3, 8, 4, -4],
  [0, 2, 0, 2, 0, 2, 0, -16],
  [5, 12, 6, 14, 7, 16, 8, -4],
  [0, 2, 0, 2, 0, 2, 0, -24],
  [9, 20, 10, 22, 11, 24, 12, -4],
  [0, 2, 0, 2, 0, 2, 0, -32],
  [13, 27, 14, 29, 15, 31, 16, 16],
];

test("without padding the first patch is the corner of the map", () => {
  const taps = tapsAt(geometry({}), 0, 0, [4, 4]);
  assert.deepEqual(taps.map(({ y, x }) => [y, x]), [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2], [2, 0], [2, 1], [2, 2]]);
  assert.ok(taps.every(({ inside }) => inside));
});

test("padding lies outside of the map, and stride and dilation spread the patch", () => {
  const padded = tapsAt(geometry({ padding: [1, 1], stride: [2, 2] }), 0, 1, [4, 4]);
  assert.deepEqual(padded.filter(({ inside }) => !inside).map(({ row }) => row), [0, 0, 0]);
  assert.deepEqual([padded[4]!.y, padded[4]!.x], [0, 2]);
  const dilated = tapsAt(geometry({ kernel: [2, 2], dilation: [2, 3] }), 1, 0, [4, 4]);
  assert.deepEqual(dilated.map(({ y, x }) => [y, x]), [[1, 0], [1, 3], [3, 0], [3, 3]]);
});

// The numbers are those of torch.nn.functional.conv2d and conv_transpose2d for the same map and kernel.
test("sums over taps are what torch computes", () => {
  const plain = convolve(geometry({ padding: [1, 1], stride: [2, 2] }), map, kernel, [2, 2]);
  assert.deepEqual(plain, PLAIN);
  const turned = convolve(geometry({ padding: [1, 1], stride: [2, 2], transposed: true }), map, kernel, [8, 8]);
  assert.deepEqual(turned, TURNED);
});

test("the inputs of a box are those of all its outputs", () => {
  for (const g of [geometry({}), geometry({ stride: [2, 1], padding: [1, 2] }), geometry({ transposed: true, stride: [2, 2], padding: [1, 1] }), geometry({ kernel: [4, 4], transposed: true, stride: [3, 3] })]) {
    const box = { top: 2, left: 1, bottom: 5, right: 4 };
    const read = [2, 3, 4, 5].flatMap((y) => [1, 2, 3, 4].flatMap((x) => tapsAt(g, y, x, [99, 99])));
    const range = (values: number[]) => [Math.min(...values), Math.max(...values)];
    const found = inputBox(g, box);
    assert.deepEqual([found.top, found.bottom], range(read.map(({ y }) => y)));
    assert.deepEqual([found.left, found.right], range(read.map(({ x }) => x)));
  }
});

test("a field that reaches into the padding ends at the edge of the picture", () => {
  const box = clamped({ top: -1, left: 3, bottom: 5, right: 30 }, [28, 28]);
  assert.deepEqual(box, { top: 0, left: 3, bottom: 5, right: 27 });
  assert.equal(boxText(box), "rows 0 to 5, columns 3 to 27");
  assert.equal(boxText({ top: 4, left: 2, bottom: 4, right: 2 }), "row 4, column 2");
});

test("padding repeats the places that torch repeats", () => {
  const row = (mode: string) => [-2, -1, 0, 3, 4, 5].map((place) => paddedPlace(place, 4, mode));
  assert.deepEqual(row("reflect"), [2, 1, 0, 3, 2, 1]); // torch: F.pad(torch.arange(4.0)[None], (2, 2), mode)
  assert.deepEqual(row("replicate"), [0, 0, 0, 3, 3, 3]);
  assert.deepEqual(row("circular"), [2, 3, 0, 3, 0, 1]);
  assert.deepEqual(row("zeros"), [null, null, 0, 3, null, null]);
});
