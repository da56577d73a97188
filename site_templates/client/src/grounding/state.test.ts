import assert from "node:assert/strict";
import { test } from "node:test";
import { UNCHANGED } from "./augmentation";
import { decodeGrounding, encodeGrounding, type GroundingState, START } from "./state";

const through = (state: GroundingState) => {
  const out = new URLSearchParams();
  encodeGrounding(state, out);
  return { ...START, ...decodeGrounding(new URLSearchParams(out.toString())) };
};

test("the start has an empty fragment", () => {
  const out = new URLSearchParams();
  encodeGrounding(START, out);
  assert.equal(out.toString(), "");
});

test("every part survives the way through the URL", () => {
  const probe = { ...START, settings: { ...UNCHANGED, rotation: -12.5, noise: 0.08, masking: 0.2 }, seed: 99 };
  assert.deepEqual(through(probe), probe);
  const between = { ...START, mode: "interpolate" as const, a: 17, b: 9999, t: 0.625 };
  assert.deepEqual(through(between), between);
});

test("nonsense in a link is left out", () => {
  const state = decodeGrounding(new URLSearchParams("rot=abc&scale=-3&mode=fly&ends=1-x&t=7"));
  assert.deepEqual(state, { settings: UNCHANGED, t: 1 });
});
