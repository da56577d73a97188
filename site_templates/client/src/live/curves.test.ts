import assert from "node:assert/strict";
import { test } from "node:test";
import { cut, panelsOf, stepsOf, type CurveWords } from "./curves";

const RUN = { node: "n", seed: 1, color: 2 };
const WORDS: CurveWords = {
  groups: ["Training loss", "Diagnostics", "Validation", "Optimizer"],
  titles: {
    total: ["Training loss", "total loss"],
    lr: ["Optimizer", "learning rate"],
    "loss/": ["Training loss", "{task} loss"],
    "val/": ["Validation", "{task} {metric}"],
    "": ["Diagnostics", "{series}"],
  },
  metrics: { accuracy: { label: "right answers", percent: true } },
};
const row = (step: number) => ({ id: step, time: "", event: "train.metrics", step, total: 1 / step, lr: 0.1, losses: { recon: null }, diagnostics: { "kl/active_units": 3 } });

test("events become the panels that the report makes of the same numbers", () => {
  const validated = { id: 9, time: "", event: "train.validated", step: 2, metrics: { recon: { mean_error: 0.5 }, digit: { accuracy: 0.5 } } };
  const known = [{ id: "total", group: "Training loss", title: "total loss", unit: "nats", better: "lower", percent: false, series: [] }];
  const panels = panelsOf([row(1), row(2), validated], RUN, known, WORDS);
  assert.deepEqual(
    panels.map((panel) => [panel.group, panel.title, panel.unit]),
    [
      ["Training loss", "total loss", "nats"],
      ["Training loss", "recon loss", ""],
      ["Diagnostics", "kl active units", ""],
      ["Validation", "recon mean error", ""],
      ["Validation", "digit right answers", ""],
      ["Optimizer", "learning rate", ""],
    ],
  );
  assert.deepEqual(panels[0]!.series, [{ ...RUN, x: [1, 2], y: [1, 0.5] }]);
  assert.deepEqual(panels[1]!.series[0]!.y, [null, null]);
  assert.deepEqual(panels.map((panel) => panel.percent), [false, false, false, false, true, false]);
  assert.deepEqual(stepsOf(panels), [1, 2]);
});

test("each element of a vector has a panel, under the name that the stored history gives it", () => {
  const panels = panelsOf([{ ...row(1), diagnostics: { "kl/counts": [3, null] } }], RUN, [], WORDS);
  const told = panels.filter((panel) => panel.group === "Diagnostics").map((panel) => [panel.id, panel.series[0]!.y]);
  assert.deepEqual(told, [
    ["kl/counts[0]", [3]],
    ["kl/counts[1]", [null]],
  ]);
});

test("a cut ends at its step, and long curves are drawn by means", () => {
  const panels = panelsOf(Array.from({ length: 1000 }, (_, i) => row(i + 1)), RUN, [], WORDS);
  assert.deepEqual(cut(panels, 3)[0]!.series[0]!.x, [1, 2, 3]);
  const drawn = cut(panels, 1000)[0]!.series[0]!;
  assert.equal(drawn.x.length, 334);
  assert.equal(drawn.x[0], 2);
});
