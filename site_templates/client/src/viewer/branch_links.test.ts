import assert from "node:assert/strict";
import { test } from "node:test";
import { carriedFragment, isOfData } from "./branch_links";

test("another branch opens with the same view, seed and points", () => {
  const carried = carriedFragment("run=runs%2Fr%2Fa%2Fseed-1&color=outcome&point=5", "runs/r/a/seed-1", "digits", "toString");
  assert.equal(carried, "run=runs%2Fr%2FtoString%2Fseed-1&color=outcome&point=5&data=digits");
  assert.equal(carriedFragment("proj=pca", "runs/r/a/seed-0", "digits", "b"), "proj=pca");
  assert.equal(carriedFragment("", "runs/r/a/seed-0", "digits", "b"), "");
});

test("points of other data do not count", () => {
  assert.ok(isOfData("#point=5&data=digits", "digits"));
  assert.ok(isOfData("#point=5", "digits"));
  assert.ok(!isOfData("#point=5&data=mnist", "digits"));
});
