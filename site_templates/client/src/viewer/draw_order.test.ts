import assert from "node:assert/strict";
import { test } from "node:test";
import { orderOf, shuffledRows } from "./draw_order";
import { EMPHASIS } from "./emphasis";

const COUNT = 60_000;
const CLASSES = 10;
const shuffled = shuffledRows(COUNT);

/** The rows in the order in which they are drawn, with an emphasis each. */
function drawn(emphasis: (row: number) => number): Uint32Array {
  const tints = new Uint8Array(COUNT * 4);
  for (let row = 0; row < COUNT; row++) tints[row * 4 + 3] = emphasis(row);
  const order = new Uint32Array(COUNT);
  return order.subarray(0, orderOf(shuffled, tints, order));
}

test("each row is drawn once, and each beginning is a fair sample of rows that are sorted by class", () => {
  const rows = drawn(() => EMPHASIS.normal);
  assert.deepEqual(rows.slice().sort(), Uint32Array.from({ length: COUNT }, (_, row) => row));
  for (const size of [1_000, 7_000, 30_000]) {
    const counts = new Array<number>(CLASSES).fill(0);
    for (const row of rows.subarray(0, size)) counts[Math.floor((row * CLASSES) / COUNT)]!++;
    const expected = size / CLASSES;
    for (const found of counts) assert.ok(Math.abs(found - expected) < 4.5 * Math.sqrt(expected), `${found} of ${expected}`);
  }
});

test("hidden points are not drawn, and the few that stand out come first", () => {
  const rows = drawn((row) => (row % 3 === 0 ? EMPHASIS.hidden : row === 59_999 ? EMPHASIS.strong : row < 50 ? EMPHASIS.normal : EMPHASIS.faded));
  assert.equal(rows.length, COUNT - COUNT / 3 + (59_999 % 3 === 0 ? 1 : 0));
  assert.ok(rows.every((row) => row % 3 !== 0));
  const first = Array.from({ length: 50 }, (_, row) => row).filter((row) => row % 3 !== 0);
  assert.deepEqual([...rows.subarray(0, first.length)], first);
  assert.equal(new Set(rows).size, rows.length);
  assert.ok(drawn((row) => (row === 59_999 ? EMPHASIS.strong : EMPHASIS.normal)).subarray(0, 1).includes(59_999));
});

test("a large selection is sampled as all points are, so that what lies around it is seen", () => {
  const rows = drawn((row) => (row < COUNT / 2 ? EMPHASIS.normal : EMPHASIS.faded)).subarray(0, 4_000);
  const selected = rows.filter((row) => row < COUNT / 2).length;
  assert.ok(Math.abs(selected - 2_000) < 200, String(selected));
});
