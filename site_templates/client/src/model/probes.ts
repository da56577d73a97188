import { type Data, floatsOf } from "../data";
import type { OnnxMeta, Probe } from "../shared/contract";

/** What a linear probe reads from a latent vector. */
export interface Reading {
  probe: Probe;
  /** Probabilities of the classes, or the values of a regression. */
  values: Float32Array;
}

/** The probes of a run, as a function that reads a latent with all of them. */
export function probesOf(data: Data<OnnxMeta>, key: string): (latent: Float32Array) => Reading[] {
  const probes = (data.meta.probes ?? []).map((probe) => ({ probe, weights: floatsOf(data, key, `probe/${probe.task}`) }));
  return (latent) => probes.map(({ probe, weights }) => ({ probe, values: readProbe(probe, weights, latent) }));
}

/** Applies a linear probe, weights (outputs, width + 1) with the bias last; classes come as probabilities. */
function readProbe({ start, stop, classes }: Probe, weights: Float32Array, latent: Float32Array): Float32Array {
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
