import assert from "node:assert/strict";
import { test } from "node:test";
import { Store } from "../shared/store";
import { decodeState, encodeState, type ViewerState } from "./state";

const start: ViewerState = {
  run: "runs/r/a/seed-0", method: "umap", dimensions: 2, step: 700, color: "label", marks: "auto", size: 1,
  filterBy: "label", hidden: [], focus: null, selection: [], only: false, ground: "", opacity: 0.7,
  edges: "top", extent: 1, part: null, camera: null,
};

test("a state that equals the start has an empty fragment", () => {
  assert.equal(encodeState(start, start), "");
});

test("every part of the state survives the way through the URL", () => {
  const state: ViewerState = {
    run: "runs/r/b & c/seed-1", method: "pca", dimensions: 3, step: 150.5, color: "factor:free", marks: "pictures", size: 1.5,
    filterBy: "prediction", hidden: [3, 5], focus: 9999, selection: [0, 5, 6, 40, 9000],
    only: true, ground: "density:prior_empirical", opacity: 0.25, edges: "extent", extent: 2.5, part: 3,
    camera: { target: [0.25, -1.5, 0], distance: 2.125, azimuth: 0.5, polar: 1.25 },
  };
  assert.deepEqual({ ...start, ...decodeState(`#${encodeState(state, start)}`) }, state);
});

test("nonsense in a link is left out", () => {
  assert.deepEqual(decodeState("#dim=7&step=abc&point=-3&cam=1_2&size=99&sel=~!&hide=x&only=1&opacity=7&edges=all&extent=0&part=-1"), {
    size: 3, selection: [], opacity: 1, extent: 0.25,
  });
});

test("a selection too long for a URL stays out of it", () => {
  const selection = Array.from({ length: 5000 }, (_, i) => i);
  assert.equal(encodeState({ ...start, selection }, start), "");
});

test("the store tells what changed, once, and nothing when nothing did", () => {
  const store = new Store({ a: 1, b: 2, c: 3 });
  const heard: string[][] = [];
  store.subscribe((_, changed) => heard.push([...changed]));
  store.set({ a: 1, b: 5, c: 6 });
  store.set({ b: 5 });
  assert.deepEqual(heard, [["b", "c"]]);
});
