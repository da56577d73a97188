import assert from "node:assert/strict";
import { test } from "node:test";
import { rangeOf } from "../shared/scale";
import { keysOf } from "./keys";
import { csvOf, type Line, saidBy, wrongName } from "./lines";
import { Outbox } from "./outbox";
import { countLabels, nextOpen } from "./walk";

const line = (index: number, label: string, person = "ann"): Line => ({ person, time: "2026-01-01T00:00:00.000Z", index, label });

test("lines are the label file's, quoted where CSV needs it", () => {
  const text = csvOf([line(3, "7"), line(4, 'a, "b"', "Ann, B.")]);
  assert.equal(text, 'person,time,index,label\nann,2026-01-01T00:00:00.000Z,3,7\n"Ann, B.",2026-01-01T00:00:00.000Z,4,"a, ""b"""\n');
});

test("of one person the later line counts, and an empty label takes back", () => {
  const said = saidBy("ann", new Map([[1, "0"], [2, "5"]]), [line(1, ""), line(3, "7"), line(3, "8"), line(4, "1", "bob")]);
  assert.deepEqual([...said], [[2, "5"], [3, "8"]]);
  assert.deepEqual([...countLabels(new Map([[1, "a"], [2, "b"], [3, "a"]]))], [["a", 2], ["b", 1]]);
});

test("a name is what the label file takes", () => {
  assert.equal(wrongName("Ann Ö. O'Neil"), "");
  for (const wrong of ["", "a\nb", "x".repeat(81)]) assert.notEqual(wrongName(wrong), "");
});

test("every class has its digit, and letters follow", () => {
  assert.deepEqual(keysOf(["cat", "dog"]), ["0", "1"]);
  assert.deepEqual(keysOf(["1", "2", "A"]), ["1", "2", "a"]);
  const many = keysOf(Array.from({ length: 40 }, (_, i) => `class ${i}`));
  assert.deepEqual([many[9], many[10], many[35], many[36]], ["9", "a", "z", null]);
});

test("the next open image is behind, then from the start", () => {
  const open = (images: number[]) => (image: number) => images.includes(image);
  assert.equal(nextOpen([5, 6, 7], 0, open([5, 7])), 2);
  assert.equal(nextOpen([5, 6, 7], 2, open([6])), 1);
  assert.equal(nextOpen([5, 6, 7], 1, open([6])), 1);
  assert.equal(nextOpen([5, 6, 7], 0, open([])), -1);
  assert.equal(nextOpen([], -1, open([])), -1);
  assert.deepEqual(rangeOf([2, 2]), { low: 2, high: 3 });
  assert.deepEqual(rangeOf([Number.NaN, 0, 1]), { low: 0, high: 1 });
});

/** A store in the place of the browser's, and a server that takes a line unless `refuses` says why not. */
function outboxOf(refuses: (lines: readonly Line[]) => Error | null) {
  let lines: Line[] = [];
  const taken: Line[] = [];
  const kept = { lines: () => lines, remove: (gone: readonly Line[]) => (lines = lines.filter((one) => !gone.includes(one))) };
  const outbox = new Outbox(
    kept,
    async (sent) => {
      const why = refuses(sent);
      if (why) throw why;
      taken.push(...sent);
    },
    (error) => error instanceof Error && error.message === "never",
    () => {},
  );
  return { outbox, taken, add: (...more: Line[]) => (lines = [...lines, ...more]), left: () => lines };
}

test("labels that cannot be sent stay, and go when the server is back", async () => {
  let isDown = true;
  const { outbox, taken, add, left } = outboxOf(() => (isDown ? new Error("down") : null));
  add(line(1, "1"), line(2, "2"));
  await outbox.send();
  assert.deepEqual([outbox.trouble, left().length, taken.length], ["down", 2, 0]);
  isDown = false;
  await outbox.send();
  assert.deepEqual([outbox.trouble, left().length, taken.length], ["", 0, 2]);
});

test("what could not be sent goes by itself after a wait", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let isDown = true;
  const { outbox, add, left } = outboxOf(() => (isDown ? new Error("down") : null));
  add(line(1, "1"));
  await outbox.send();
  isDown = false;
  context.mock.timers.tick(999);
  await new Promise(setImmediate);
  assert.equal(left().length, 1);
  context.mock.timers.tick(1);
  await new Promise(setImmediate);
  assert.deepEqual([outbox.trouble, left().length], ["", 0]);
});

test("a label that is refused is named and stays, and holds up no other", async () => {
  const { outbox, taken, add, left } = outboxOf((lines) => (lines.some(({ index }) => index === 2) ? new Error("never") : null));
  add(line(1, "1"), line(2, "2"), line(3, "3"));
  await outbox.send();
  assert.deepEqual([taken.map(({ index }) => index), left().map(({ index }) => index)], [[1, 3], [2]]);
  assert.deepEqual(outbox.refused.map(({ line: { index }, why }) => [index, why]), [[2, "never"]]);
});
