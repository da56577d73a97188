import { IMAGE } from "./columns";
import type { Convolution, NetworkLayer } from "./contract";
import { type ConvolutionGeometry, inputBox, type Box, paddedPlace, tapsAt } from "./geometry";
import { type InputMaps, isMap, positionOf, type Snapshot } from "./snapshot";
import type { Place } from "./state";

const SHARE = 1e-4; // of one plus the largest value, that a float32 sum in another order may differ by

/** What one input channel adds to a value of a convolution. */
export interface Term {
  /** Number of the channel in the input. */
  channel: number;
  /** (kh*kw), rows first. */
  patch: readonly number[];
  kernel: readonly number[];
  product: readonly number[];
  sum: number;
}

/** How one value of a convolution comes about. */
export interface ConvolutionStep {
  /** One for each input channel, those with the largest absolute sums first. */
  terms: readonly Term[];
  kernelSize: readonly [rows: number, columns: number];
  sum: number;
  bias: number;
  hasBias: boolean;
  computed: number;
  /** What the model itself had: exactly at the layer's positions, else from its own map at 8 bits. */
  captured: number;
  activated: number | null;
  activation: string | null;
  /** Whether patch and captured value are as the model had them; else the patch comes from maps stored at 8 bits. */
  isExact: boolean;
  /** How far computed and captured may differ. */
  tolerance: number;
}

/** The step; for a layer that changes each value by itself, the value before and after; or why neither can be shown. */
export type StepAnswer =
  | { step: ConvolutionStep }
  | { before: number; after: number; beforeName: string; isExact: boolean }
  | { reason: string; nearest?: Place };

export function geometryOf({ kernel_size, stride, padding, dilation, transposed }: Convolution): ConvolutionGeometry {
  return { kernel: kernel_size, stride, padding, dilation, transposed };
}

/** The input that a place of a convolution reads; it may reach into the padding. */
export function patchBox(convolution: Convolution, [x, y]: Place): Box {
  return inputBox(geometryOf(convolution), { top: y, bottom: y, left: x, right: x });
}

/** How the value of a channel at a place comes about, or why that cannot be shown. */
export function convolutionStep(snapshot: Snapshot, layer: NetworkLayer, example: number, channel: number, at: Place): StepAnswer {
  const { conv_step: stored, convolution } = layer;
  if (!convolution) return change(snapshot, layer, example, channel, at);
  if (stored.status === "unavailable") return { reason: sentence(stored.reason) };
  const place = layer.channels.indexOf(channel);
  const position = positionOf(layer, at);
  const isStored = position >= 0 && snapshot.hasSteps(example);
  const patches = isStored ? storedPatches(snapshot, layer, convolution, example, channel, position) : mapPatches(snapshot, layer, convolution, example, channel, at);
  if (!patches) {
    if (snapshot.isDrawn) return { reason: "The exported graph does not give what this layer reads." };
    const { close_examples } = snapshot.meta;
    if (example >= close_examples) return { reason: `Of this example, the maps that the layer reads are not all stored; the first ${close_examples} examples have its steps at the marked places.` };
    const distance = ([x, y]: Place) => (x - at[0]) ** 2 + (y - at[1]) ** 2;
    const nearest = layer.positions.reduce((best, other) => (distance(other) < distance(best) ? other : best));
    return { reason: "The maps that the layer reads are not all stored; its steps are, at the marked places.", nearest };
  }

  const size = convolution.kernel_size[0] * convolution.kernel_size[1];
  const kernels = snapshot.row(`kernel/${layer.id}/weight`, place);
  const first = firstInput(convolution, channel);
  const terms = patches.map((patch, i): Term => {
    const kernel = Array.from({ length: size }, (_, k) => kernels[i * size + k]!);
    const product = kernel.map((weight, k) => weight * patch[k]!);
    return { channel: first + i, patch, kernel, product, sum: product.reduce((a, b) => a + b, 0) };
  });
  const bias = snapshot.row(`kernel/${layer.id}/bias`)[place]!;
  const out = isStored ? stored.out_channels.indexOf(channel) : -1; // steps of these channels are stored whole
  const kept = (name: string) => (out < 0 ? null : snapshot.row(`conv/${layer.id}/${name}`, example, position)[out]!);
  const sum = kept("sum") ?? terms.reduce((total, term) => total + term.sum, 0);
  const next = stored.activation && snapshot.layer(stored.activation.layer);
  return {
    step: {
      terms: terms.sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum)),
      kernelSize: convolution.kernel_size,
      sum,
      bias,
      hasBias: convolution.bias,
      computed: kept("computed") ?? sum + bias,
      captured: kept("captured") ?? valueAt(snapshot, layer, example, channel, at),
      activated: next && next.channels.includes(channel) ? valueAt(snapshot, next, example, channel, at) : null,
      activation: stored.activation?.kind ?? null,
      isExact: isStored || snapshot.isDrawn,
      tolerance: tolerance(snapshot, layer, example, channel, at, stored.tolerance) + (isStored ? 0 : quantisation(snapshot, layer, example, terms)),
    },
  };
}

/** The value before and after a layer that reads one other of the same shape; a linear layer mixes its values. */
function change(snapshot: Snapshot, layer: NetworkLayer, example: number, channel: number, at: Place): StepAnswer {
  const before = layer.inputs.length === 1 ? snapshot.layer(layer.inputs[0]!) : undefined;
  if (before && !/Linear/.test(layer.kind) && before.shape.join() === layer.shape.join() && before.channels.includes(channel)) {
    const isExact = !isMap(layer) || snapshot.exact(layer, example, channel, at) !== null;
    return { before: valueAt(snapshot, before, example, channel, at), after: valueAt(snapshot, layer, example, channel, at), beforeName: before.name, isExact };
  }
  if (/Linear/.test(layer.kind)) return { reason: "A linear layer: every value is a weighted sum of all values before it, plus a bias." };
  return { reason: `${layer.kind} is no convolution; its step is not shown.` };
}

function sentence(reason: string): string {
  return `${reason[0]?.toUpperCase() ?? ""}${reason.slice(1)}${reason.endsWith(".") ? "" : "."}`;
}

/** A value of a layer's map: as the model had it at the layer's positions, else within half of 1/255 of its range. */
export function valueAt(snapshot: Snapshot, layer: NetworkLayer, example: number, channel: number, at: Place): number {
  const [x, y] = at;
  return snapshot.exact(layer, example, channel, at) ?? snapshot.values(layer, example, channel)[isMap(layer) ? y * layer.shape[2]! + x : 0]!;
}

/** The first input channel that an output channel reads: of a grouped convolution that of its group. */
function firstInput({ groups, in_channels, out_channels }: Convolution, channel: number): number {
  return Math.floor(channel / (out_channels / groups)) * (in_channels / groups);
}

/** What lies under the kernel, by input channel, as the model had it. */
function storedPatches(snapshot: Snapshot, layer: NetworkLayer, convolution: Convolution, example: number, channel: number, position: number): number[][] {
  const size = convolution.kernel_size[0] * convolution.kernel_size[1];
  const all = snapshot.row(`conv/${layer.id}/patch`, example, position);
  const first = firstInput(convolution, channel);
  const count = convolution.in_channels / convolution.groups;
  return Array.from({ length: count }, (_, i) => Array.from({ length: size }, (_, k) => all[(first + i) * size + k]!));
}

/** The same from the maps of the layer's input; null where these are not all stored, or are not what it reads. */
function mapPatches(snapshot: Snapshot, layer: NetworkLayer, convolution: Convolution, example: number, channel: number, at: Place): number[][] | null {
  const input = inputMaps(snapshot, layer, convolution);
  if (!input) return null;
  if (snapshot.isDrawn) return patchesOf(input, convolution, example, channel, at);
  const check = layer.positions[0];
  if (check) {
    const close = snapshot.meta.close_examples > 0 && (example < snapshot.meta.close_examples ? example : 0);
    if (close === false) return null;
    const known = storedPatches(snapshot, layer, convolution, close, channel, 0);
    const same = patchesOf(input, convolution, close, channel, check);
    if (known.some((patch, i) => patch.some((value, k) => Math.abs(value - same[i]![k]!) > input.error(close, i) + 1e-4))) return null;
  }
  return patchesOf(input, convolution, example, channel, at);
}

function inputMaps(snapshot: Snapshot, layer: NetworkLayer, { in_channels }: Convolution): InputMaps | null {
  const { meta } = snapshot;
  if (snapshot.isDrawn) return snapshot.read(layer);
  if (layer.inputs.length !== 1) return null;
  if (layer.inputs[0] === IMAGE) {
    const [channels, height, width] = meta.image_shape;
    if (channels !== in_channels) return null;
    const plane = height * width;
    return { size: [height, width], values: (example, c) => snapshot.picture("input", example).subarray(c * plane, (c + 1) * plane), error: () => 0 };
  }
  const before = snapshot.layer(layer.inputs[0]!);
  if (!before || !isMap(before) || before.channels.length !== before.shape[0] || before.shape[0] !== in_channels) return null;
  return {
    size: [before.shape[1]!, before.shape[2]!],
    values: (example, c) => snapshot.values(before, example, c),
    error: (example, c) => {
      const [low, high] = snapshot.range(before, example, c);
      return (high - low) / 255;
    },
  };
}

function patchesOf(input: InputMaps, convolution: Convolution, example: number, channel: number, [x, y]: Place): number[][] {
  const taps = tapsAt(geometryOf(convolution), y, x, input.size);
  const columns = convolution.kernel_size[1];
  const first = firstInput(convolution, channel);
  return Array.from({ length: convolution.in_channels / convolution.groups }, (_, i) => {
    const map = input.values(example, first + i);
    const patch = new Array<number>(convolution.kernel_size[0] * columns).fill(0);
    for (const tap of taps) {
      const y = paddedPlace(tap.y, input.size[0], convolution.padding_mode);
      const x = paddedPlace(tap.x, input.size[1], convolution.padding_mode);
      if (y !== null && x !== null) patch[tap.row * columns + tap.column] = map[y * input.size[1] + x]!;
    }
    return patch;
  });
}

/** How far a computed value may be from the map's: by float32 sums in another order, and by the 8 bits of a stored map. */
function tolerance(snapshot: Snapshot, layer: NetworkLayer, example: number, channel: number, at: Place, ofExamples: number): number {
  const [low, high] = snapshot.range(layer, example, channel);
  if (snapshot.isDrawn) return Math.max(ofExamples, SHARE * (1 + Math.max(-low, high)));
  return ofExamples + (snapshot.exact(layer, example, channel, at) === null ? (high - low) / 255 : 0);
}

/** How far a sum over maps stored at 8 bits may be from the model's. */
function quantisation(snapshot: Snapshot, layer: NetworkLayer, example: number, terms: readonly Term[]): number {
  const input = layer.convolution && inputMaps(snapshot, layer, layer.convolution);
  if (!input) return 0;
  return terms.reduce((total, { channel, kernel }) => total + input.error(example, channel) * kernel.reduce((sum, weight) => sum + Math.abs(weight), 0), 1e-4);
}
