import assert from "node:assert/strict";
import { test } from "node:test";
import { classColor, parseHex, rampColor, rampTable, type Theme } from "./palette";

type Vector = readonly number[];
const multiply = (matrix: readonly Vector[], v: Vector) => matrix.map((row) => row.reduce((sum, x, i) => sum + x * v[i]!, 0));
const linear = (hex: string) => parseHex(hex).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));

/** Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB. */
const SIGHT: Readonly<Record<string, readonly Vector[]>> = {
  normal: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};

/** Ottosson (2020), OKLab from linear sRGB. */
function oklab(rgb: Vector): Vector {
  const lms = multiply(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]],
    rgb.map((x) => Math.min(1, Math.max(0, x))),
  ).map(Math.cbrt);
  return multiply(
    [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099], [0.0259040371, 0.7827717662, -0.808675766]],
    lms,
  );
}

for (const theme of ["light", "dark"] satisfies Theme[]) {
  for (const [sight, matrix] of Object.entries(SIGHT)) {
    test(`ten classes stay apart on ${theme} with ${sight}`, () => {
      const colors = Array.from({ length: 10 }, (_, i) => oklab(multiply(matrix, linear(classColor(i, theme)))));
      for (let i = 0; i < 10; i++) {
        for (let j = 0; j < i; j++) {
          const distance = Math.hypot(...colors[i]!.map((x, k) => x - colors[j]![k]!));
          assert.ok(distance > 0.11, `classes ${j} and ${i} differ by ${distance.toFixed(3)}`);
        }
      }
    });
  }
}

test("ramps grow lighter from low to high and clamp", () => {
  for (const name of ["viridis", "cividis"] as const) {
    const light = (t: number) => oklab(rampColor(name, t, "dark").map((c) => (c / 255) ** 2.2))[0]!;
    for (let t = 0.05; t <= 1; t += 0.05) assert.ok(light(t) > light(t - 0.05));
    assert.deepEqual(rampColor(name, -3, "light"), rampColor(name, 0, "light"));
    assert.equal(rampTable(name, "dark").length, 768);
  }
});
