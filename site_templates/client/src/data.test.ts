import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { decode, type Payload } from "./data";

const encoded = (values: ArrayBufferView, dtype: string, shape: number[]) => ({
  dtype,
  shape,
  data: gzipSync(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)).toString("base64"),
});

test("arrays arrive with their type, shape and values", async () => {
  const payload: Payload = {
    meta: { steps: [0, 5] },
    arrays: {
      coords: encoded(Float32Array.of(0.5, -1, 2, 3e9, 0, 1), "float32", [1, 3, 2]),
      labels: encoded(Int32Array.of(7, -2), "int32", [2]),
      atlas: encoded(Uint8Array.of(137, 80, 78, 71), "uint8", [4]),
      none: encoded(new Float32Array(), "float32", [0, 10]),
    },
  };
  const { meta, arrays } = await decode("runs/a", payload);
  assert.deepEqual(meta, { steps: [0, 5] });
  assert.deepEqual(arrays.coords, { data: Float32Array.of(0.5, -1, 2, 3e9, 0, 1), shape: [1, 3, 2] });
  assert.deepEqual(arrays.labels?.data, Int32Array.of(7, -2));
  assert.deepEqual(arrays.atlas?.data, Uint8Array.of(137, 80, 78, 71));
  assert.equal(arrays.none?.data.length, 0);
});

test("rounded numbers arrive between their extremes, and what is unknown as NaN", async () => {
  const levels = { ...encoded(Uint16Array.of(1, 0xffff, 0, 0x8000), "uint16", [2, 2]), low: -2, high: 6 };
  const { arrays } = await decode("runs/a", { meta: {}, arrays: { coords: levels } });
  assert.deepEqual(arrays.coords, { data: Float32Array.of(-2, 6, NaN, 2), shape: [2, 2] });
});

test("a wrong length or type is an error that names key and array", async () => {
  const short = { meta: {}, arrays: { coords: encoded(Float32Array.of(1, 2), "float32", [3]) } };
  await assert.rejects(decode("runs/a", short), /"coords" of "runs\/a" has 8 bytes/);
  const wide = { meta: {}, arrays: { labels: encoded(Float64Array.of(1), "int64", [1]) } };
  await assert.rejects(decode("runs/a", wide), /dtype int64; allowed: float32/);
});
