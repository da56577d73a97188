import * as ort from "onnxruntime-web/wasm";
import { arrayOf, floatsOf, loadData, releaseData } from "../data";
import type { OnnxMeta, Probe } from "../shared/contract";

/** What a linear probe reads from a latent vector. */
export interface Reading {
  probe: Probe;
  /** Probabilities of the classes, or the values of a regression. */
  values: Float32Array;
}

/** Encoder and decoder of one branch. Pictures are (C*H*W) in 0..1, latent vectors (D); several, one after the other, make a batch. */
export interface BranchModel {
  meta: OnnxMeta;
  samples: readonly Float32Array[];
  encode: (pictures: Float32Array) => Promise<Float32Array>;
  decode: (latents: Float32Array) => Promise<Float32Array>;
  readings: (latent: Float32Array) => Reading[];
  /** Milliseconds of the last run of each. */
  times: { encode: number; decode: number };
}

let runtime: Promise<void> | null = null;

/** Hands the WebAssembly of the ONNX runtime over as bytes: a page opened from disk cannot fetch it. */
function loadRuntime(): Promise<void> {
  runtime ??= loadData("runtime/ort-wasm").then((data) => {
    ort.env.wasm.wasmBinary = arrayOf(data, "runtime/ort-wasm", "wasm").data.buffer;
    ort.env.wasm.numThreads = 1; // more need cross-origin isolation, which static pages do not have
    ort.env.wasm.proxy = false;
    ort.env.logLevel = "error";
    releaseData("runtime/ort-wasm");
  });
  runtime.catch(() => (runtime = null));
  return runtime;
}

/** Loads the models of a run; `onStatus` hears what is being waited for. */
export async function loadBranch(run: string, onStatus: (text: string) => void): Promise<BranchModel> {
  const key = `${run}/onnx`;
  onStatus("Loading the ONNX runtime…");
  await loadRuntime();
  onStatus("Loading encoder and decoder…");
  const data = await loadData<OnnxMeta>(key);
  const { meta } = data;
  const open = (part: "encoder" | "decoder") =>
    ort.InferenceSession.create(arrayOf(data, key, part).data as Uint8Array, { executionProviders: ["wasm"] });
  const encoder = await open("encoder"); // one after the other: they share one thread and one runtime
  const decoder = await open("decoder");
  const times = { encode: 0, decode: 0 };
  const size = [meta.channels, meta.image_size, meta.image_size];
  const infer = async (session: ort.InferenceSession, part: keyof typeof times, values: Float32Array, shape: number[]) => {
    const start = performance.now();
    const batch = values.length / shape.reduce((product, length) => product * length, 1);
    if (!Number.isInteger(batch)) throw new Error(`the ${part}r of ${key} takes ${shape.join(" x ")} numbers, not ${values.length}`);
    const feeds = { [session.inputNames[0]!]: new ort.Tensor("float32", values, [batch, ...shape]) };
    const outputs = await session.run(feeds);
    times[part] = performance.now() - start;
    return outputs[session.outputNames[0]!]!.data as Float32Array;
  };
  const probes = (meta.probes ?? []).map((probe) => ({ probe, weights: floatsOf(data, key, `probe/${probe.task}`) }));
  return {
    meta,
    times,
    samples: splitSamples(arrayOf(data, key, "samples").data, meta),
    encode: (pictures) => infer(encoder, "encode", pictures, size),
    decode: (latents) => infer(decoder, "decode", latents, [meta.latent_dim]),
    readings: (latent) => probes.map(({ probe, weights }) => ({ probe, values: readProbe(probe, weights, latent) })),
  };
}

/** Applies a linear probe, weights (outputs, width + 1) with the bias last; classes come as probabilities. */
export function readProbe({ start, stop, classes }: Probe, weights: Float32Array, latent: Float32Array): Float32Array {
  const width = stop - start + 1;
  const values = new Float32Array(weights.length / width);
  for (let o = 0; o < values.length; o++) {
    let sum = weights[o * width + width - 1]!;
    for (let d = start; d < stop; d++) sum += weights[o * width + d - start]! * latent[d]!;
    values[o] = sum;
  }
  return classes ? softmax(values) : values;
}

function softmax(logits: Float32Array): Float32Array {
  const most = Math.max(...logits);
  const exponentials = logits.map((value) => Math.exp(value - most));
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  return exponentials.map((value) => value / total);
}

function splitSamples(bytes: ArrayLike<number>, { channels, image_size }: OnnxMeta): Float32Array[] {
  const length = channels * image_size * image_size;
  return Array.from({ length: bytes.length / length }, (_, s) =>
    Float32Array.from({ length }, (_, i) => bytes[s * length + i]! / 255),
  );
}
