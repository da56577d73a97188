import assert from "node:assert/strict";
import { test } from "node:test";
import { Maps } from "./maps";

const UMAP = { method: "umap", title: "UMAP", note: "near is alike" };
const keys = ["pca-3d", "pca-2d", "densmap-2d", "umap-2d"].map((kind) => `runs/r/a/seed-0/projection-${kind}`);
const maps = Maps.of({ maps: [UMAP, { method: "pca", title: "PCA", note: "" }], needs: [...keys, "runs/r/a/seed-0/points"].join(" ") });

test("a run has the maps that the page names, in the order of its words", () => {
  const kinds = maps.ofRun("runs/r/a/seed-0").map(({ method, dimensions }) => `${method}-${dimensions}`);
  assert.deepEqual(kinds, ["umap-2", "pca-2", "pca-3", "densmap-2"]);
  assert.deepEqual(maps.ofRun("runs/r/a/seed-1"), []);
  assert.deepEqual(maps.methodsOf(["runs/r/a/seed-1", "runs/r/a/seed-0"]).map(({ title }) => title), ["UMAP", "PCA", "DENSMAP"]);
});

test("a method that the page has no words for goes by its key", () => {
  assert.deepEqual(maps.wordsOf("umap"), UMAP);
  assert.deepEqual(maps.wordsOf("toString"), { method: "toString", title: "TOSTRING", note: "" });
  assert.deepEqual(Maps.of({}).ofRun("runs/r/a/seed-0"), []);
});
