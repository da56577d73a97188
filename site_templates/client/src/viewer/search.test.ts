import assert from "node:assert/strict";
import { test } from "node:test";
import { type Searchable, suggest } from "./search";

const digits: Searchable = {
  count: 6,
  classes: ["0", "1", "2"],
  labels: [0, 1, 2, 1, 0, 2],
  predictions: [0, 1, 1, 1, 2, 2],
};
const texts = (query: string, data = digits) => suggest(query, data).map(({ text, indices }) => [text, indices]);

test("a number is a label, a prediction and a point", () => {
  assert.deepEqual(texts("2"), [
    ["Label 2", [2, 5]],
    ["Predicted 2", [4, 5]],
    ["Label 2, predicted wrong", [2]],
    ["Point 2", [2]],
  ]);
});

test("a number sign means a point, and one that is not there finds nothing", () => {
  assert.deepEqual(texts("#5"), [["Point 5", [5]]]);
  assert.deepEqual(texts("#6"), []);
  assert.deepEqual(texts("  "), []);
});

test("classes are found by a part of their name, wrong ones by the word", () => {
  const clothes = { ...digits, classes: ["Trouser", "Sandal", "Sneaker"], predictions: null };
  assert.deepEqual(texts("sa", clothes), [["Label Sandal", [1, 3]]]);
  assert.deepEqual(texts("wrong"), [["All wrong predictions", [2, 4]]]);
  assert.deepEqual(texts("wrong", clothes), []);
});
