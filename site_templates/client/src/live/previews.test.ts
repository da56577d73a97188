import assert from "node:assert/strict";
import { test } from "node:test";
import { barOf, framed, Previews, type PreviewsMeta } from "./previews";

const WORDS = { classes: ["0", "1"], target: "", map: "", reconstructions: "", lacks: [] };

function told(steps: readonly number[]): { meta: PreviewsMeta; arrays: Record<string, { data: Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>; shape: number[] }> } {
  const snapshots = steps.map((step) => ({ step, mse: 0.1, explained: 0.5 }));
  const own = steps.flatMap((step) => [
    [`reconstructions/${step}`, { data: new Uint8Array([step]), shape: [1, 1, 1, 1] }] as const,
    [`coords/${step}`, { data: new Float32Array([-1, 0, 3, 2]), shape: [2, 2] }] as const,
  ]);
  const shared = { images: { data: new Uint8Array([9]), shape: [1, 1, 1, 1] }, labels: { data: new Int32Array([1]), shape: [1] } };
  return { meta: { ...WORDS, snapshots }, arrays: { ...shared, ...Object.fromEntries(own) } };
}

test("the preview of a step is the newest up to it", () => {
  const previews = new Previews();
  previews.add(told([0, 10]));
  previews.add(told([20]));
  assert.deepEqual(previews.steps, [0, 10, 20]);
  assert.equal(previews.at(15)?.step, 10);
  assert.equal(previews.at(Infinity)?.step, 20);
  assert.equal(previews.at(-1), null);
  assert.deepEqual([...previews.at(10)!.places!], [0, 0.25, 1, 0.75]);
  assert.equal(previews.at(10)!.width, 4);
  previews.remove(20);
  assert.equal(previews.at(Infinity)?.step, 10);
});

test("a model that lacks a picture has the others, and a run without snapshots its words", () => {
  const previews = new Previews();
  previews.add({ meta: { ...WORDS, snapshots: [], lacks: ["no flat latent"] }, arrays: {} });
  assert.deepEqual(previews.words?.lacks, ["no flat latent"]);
  const { meta, arrays } = told([3]);
  delete arrays["coords/3"];
  previews.add({ meta, arrays });
  assert.equal(previews.at(3)?.places, null);
  assert.equal(previews.at(3)?.reconstructions?.data[0], 3);
});

test("points that are all one stand in the middle of a square", () => {
  assert.deepEqual(framed([5, 7, 5, 7]), { places: new Float32Array([0.5, 0.5, 0.5, 0.5]), width: 2 });
});

test("a scale bar has a length that people read, at most a quarter of the map", () => {
  assert.deepEqual([4, 9, 100, 0.8].map(barOf), [1, 2, 20, 0.2]);
});
