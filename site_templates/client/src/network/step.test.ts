import assert from "node:assert/strict";
import { test } from "node:test";
import type { Data, TypedArray } from "../data";
import type { NetworkLayer, NetworkMeta, NetworkStepMeta } from "./contract";
import { positionOf, Snapshot } from "./snapshot";
import { convolutionStep, patchBox, type StepAnswer } from "./step";

// A 2x2 convolution with stride 1 and padding 1 of a picture of 3x3 grey levels 0, 51, ..., 204, 255, 0, 51, 102.
const LEVELS = [0, 51, 102, 153, 204, 255, 0, 51, 102];
const KERNEL = [1, -2, 0.5, 3];
const BIAS = 0.25;

const layer = {
  id: 0,
  name: "conv",
  kind: "Conv2d",
  shape: [1, 4, 4],
  inputs: [-1],
  channels: [0],
  positions: [[1, 1]],
  convolution: { in_channels: 1, out_channels: 1, groups: 1, kernel_size: [2, 2], stride: [1, 1], padding: [1, 1], dilation: [1, 1], padding_mode: "zeros", bias: true, transposed: false },
  conv_step: { status: "ok", out_channels: [0], activation: null, difference: 0, tolerance: 1e-5 },
} as unknown as NetworkLayer;

const valueOf = (y: number, x: number): number => {
  const at = (row: number, column: number) => (row < 0 || column < 0 || row > 2 || column > 2 ? 0 : LEVELS[row * 3 + column]! / 255);
  return KERNEL[0]! * at(y - 1, x - 1) + KERNEL[1]! * at(y - 1, x) + KERNEL[2]! * at(y, x - 1) + KERNEL[3]! * at(y, x) + BIAS;
};

function snapshot(patch: number[] = [0, 0.2, 0.6, 0.8]): Snapshot {
  const meta = { image_shape: [1, 3, 3], close_examples: 1, layers: [layer] } as unknown as NetworkMeta;
  const map = Array.from({ length: 16 }, (_, i) => valueOf(Math.floor(i / 4), i % 4));
  const [low, high] = [Math.min(...map), Math.max(...map)];
  const exact = valueOf(1, 1);
  const arrays: Record<string, { data: TypedArray; shape: number[] }> = {
    input: { data: Uint8Array.from([...LEVELS, ...LEVELS]), shape: [2, 1, 3, 3] },
    "layer/0": { data: Uint8Array.from([...map, ...map].map((v) => Math.round(((v - low) / (high - low)) * 255))), shape: [2, 1, 4, 4] },
    "range/0": { data: Float32Array.of(low, high, low, high), shape: [2, 1, 2] },
    "conv/0/patch": { data: Float32Array.from(patch), shape: [1, 1, 1, 2, 2] },
    "kernel/0/weight": { data: Float32Array.from(KERNEL), shape: [1, 1, 2, 2] },
    "kernel/0/bias": { data: Float32Array.of(BIAS), shape: [1] },
    "probe/0": { data: Float32Array.of(exact, exact), shape: [2, 1, 1] },
    "conv/0/sum": { data: Float32Array.of(exact - BIAS), shape: [1, 1, 1] },
    "conv/0/computed": { data: Float32Array.of(exact), shape: [1, 1, 1] },
    "conv/0/captured": { data: Float32Array.of(exact), shape: [1, 1, 1] },
  };
  return new Snapshot(meta, 7, "runs/r/n/seed-0/network-7", { meta: { step: 7 }, arrays } as Data<NetworkStepMeta>);
}

function answered(answer: StepAnswer) {
  if ("step" in answer) return answer.step;
  throw new Error(JSON.stringify(answer));
}

test("a stored step is shown as the model had it", () => {
  const step = answered(convolutionStep(snapshot(), layer, 0, 0, [1, 1]));
  assert.ok(step.isExact);
  assert.ok(Math.abs(step.terms[0]!.sum + step.bias - step.captured) < 1e-6);
  assert.ok(Math.abs(step.computed - valueOf(1, 1)) < 1e-6);
});

test("a channel whose steps are not stored is computed from the stored patch", () => {
  const step = answered(convolutionStep(snapshot(), { ...layer, conv_step: { ...layer.conv_step, out_channels: [] } as never }, 0, 0, [1, 1]));
  assert.ok(step.isExact);
  assert.ok(Math.abs(step.computed - step.captured) < 1e-6);
});

test("any other place, and any other example, is computed from the maps, the padding as zeros", () => {
  for (const [example, x, y] of [[0, 0, 0], [0, 3, 3], [0, 2, 1], [1, 1, 1], [1, 3, 0]] as const) {
    const step = answered(convolutionStep(snapshot(), layer, example, 0, [x, y]));
    assert.ok(!step.isExact);
    assert.ok(Math.abs(step.computed - valueOf(y, x)) < 1e-6, `${x}, ${y}`);
    assert.ok(Math.abs(step.computed - step.captured) <= step.tolerance);
  }
});

test("maps that are not what the convolution reads are not computed with", () => {
  assert.ok("reason" in convolutionStep(snapshot([9, 9, 9, 9]), layer, 0, 0, [0, 0]));
  assert.ok("reason" in convolutionStep(snapshot(), { ...layer, conv_step: { status: "unavailable", reason: "why" } }, 0, 0, [0, 0]));
});

test("a layer of which nothing is known is not computed from the picture", () => {
  assert.ok("reason" in convolutionStep(snapshot(), { ...layer, inputs: [] }, 0, 0, [0, 0]));
});

test("places, and what they read", () => {
  assert.equal(positionOf(layer, [1, 1]), 0);
  assert.equal(positionOf(layer, [1, 2]), -1);
  assert.deepEqual(patchBox(layer.convolution!, [0, 2]), { top: 1, bottom: 2, left: -1, right: 0 });
});
