import assert from "node:assert/strict";
import { test } from "node:test";
import { columnsOf, kindsOf, shapeText } from "./columns";
import type { Convolution, NetworkLayer } from "./contract";

const CONVOLUTION = { in_channels: 1 } as Convolution;

function layer(id: number, kind: string, shape: number[], inputs: number[]): NetworkLayer {
  const convolution = kind.startsWith("Conv") ? CONVOLUTION : null;
  return { id, kind, shape, inputs, convolution, name: `l${id}` } as unknown as NetworkLayer;
}

test("activations and reshapes stand with the layer that they follow", () => {
  const columns = columnsOf([
    layer(0, "Conv2d", [8, 4, 4], [-1]),
    layer(1, "ReLU", [8, 4, 4], [0]),
    layer(2, "Linear", [16], [1]),
    layer(3, "Linear", [128], [2]),
    layer(4, "ReLU", [128], [3]),
    layer(5, "Unflatten", [8, 4, 4], [4]),
    layer(6, "ConvTranspose2d", [1, 8, 8], [5]),
  ]);
  assert.deepEqual(columns.map(kindsOf), ["Conv2d → ReLU", "Linear", "Linear → ReLU → Unflatten", "ConvTranspose2d"]);
  assert.deepEqual(columns.map(({ face }) => face.id), [1, 2, 5, 6]);
  assert.deepEqual(columns.map(({ from }) => from), [[-1], [0], [1], [2]]);
});

test("a layer that two others read ends its column, so that a skip starts where it starts", () => {
  const columns = columnsOf([
    layer(0, "Conv2d", [8, 4, 4], [-1]),
    layer(1, "Conv2d", [8, 4, 4], [0]),
    layer(2, "ReLU", [8, 4, 4], [0, 1]),
    layer(3, "Linear", [4], [2]),
    layer(4, "Linear", [4], [2]),
  ]);
  assert.deepEqual(columns.map(kindsOf), ["Conv2d", "Conv2d", "ReLU", "Linear", "Linear"]);
  assert.deepEqual(columns[2]!.from, [0, 1]);
  assert.deepEqual(columnsOf([layer(0, "Linear", [4], [])])[0]!.from, []);
  assert.equal(shapeText([8, 4, 4]), "8 × 4 × 4");
});
