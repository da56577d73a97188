/**
 * What the network inspector reads: written by `acc_assets/families/network.py`, for the page "network".
 *
 * Data keys of a run, to be loaded with `loadData`:
 *   `<run>/network`         meta: `NetworkMeta`, no arrays. What the arrays are of; does not change over snapshots.
 *   `<run>/network-<step>`  meta: `NetworkStepMeta`, arrays below. One for each of `NetworkMeta.steps`.
 *   `<run>/network-images`  meta: {n}, arrays: `images` u8 (n,C,H,W): test images 0..n-1, which top-k names. It may be
 *                           missing (data set not built): then show indices without pictures.
 *   `<run>/onnx`            meta: `OnnxMeta`. For drawings; missing where `undrawable` says why.
 *
 * Examples, layers, channels, positions and dimensions were chosen before training, so that entry i of an array is the
 * same example, channel or position at every snapshot and in every branch whose model has the same structure.
 * Layers of two runs are the same where `name` and `shape` agree.
 *
 * Letters: E examples; e the first of them, `close_examples` many; L a layer's `id` (a decimal number in array names);
 * c its `channels`; P its `positions`; o its `conv_step.out_channels`; I input channels of one output channel; T top
 * ones of them; kh, kw the kernel; k top images; K a latent's key; d its `dims`; t its moves.
 * Places are always (x, y): column, row, from 0 at the top left. Ranges are half-open [start, stop).
 *
 * Arrays of `<run>/network-<step>` (dtype, shape); every one but `input` may be missing, where the layer lacks it:
 *   input                 u8  (E,C,H,W)      the examples
 *   recon                 u8  (E,C,H,W)      what the model makes of them
 *   layer/L               u8  (E,c,h,w)      a map: value = low + q / 255 * (high - low) with
 *   range/L               f32 (E,c,2)        low, high: smallest and largest value of this example's channel
 *   layer/L               f32 (E,c)          a vector (`shape.length === 1`): values themselves, no range
 *   latent/K              f32 (E,n)          of each key of `latents`
 *   probe/L               f32 (E,c,P)        exact values of a map at its `positions`
 *   statistics/L          f32 (E,c,4)        smallest, largest, mean, standard deviation of a channel
 *   conv/L/patch          f32 (e,P,G*I,kh,kw) what lies under the kernel (padding included), all input channels of
 *                                            all G groups: output channel j reads channels [g*I, g*I+I) of it, with
 *                                            g = floor(j / (convolution.out_channels / groups))
 *   conv/L/kernel         f32 (o,I,kh,kw)
 *   conv/L/channel_sums   f32 (e,P,o,I)      sum of patch * kernel for each input channel
 *   conv/L/top_in         i32 (e,P,o,T)      those of the I with the largest absolute sums (0..I-1, within the group)
 *   conv/L/product        f32 (e,P,o,T,kh,kw) patch * kernel of these input channels
 *   conv/L/sum            f32 (e,P,o)        over all input channels, before the bias
 *   conv/L/bias           f32 (o,)           zeros where the layer has none (`convolution.bias` says it)
 *   conv/L/computed       f32 (e,P,o)        sum + bias
 *   conv/L/captured       f32 (e,P,o)        what the model itself had: equal within `conv_step.tolerance`
 *   conv/L/activated      f32 (e,P,o)        after `conv_step.activation`; only where there is one
 *   kernel/L/weight       f32 (c,I,kh,kw)    kernels of all captured channels; transposed ones as [output][input]
 *   kernel/L/bias         f32 (c,)           zeros where the layer has none
 *   kernel/L/direct       f32 (c,kh,kw)      kernels as they are, where I is 1
 *   kernel/L/aggregate    f32 (c,kh,kw)      otherwise: L2 norm over the input channels, place by place
 *   kernel/L/norms        f32 (c,I)          otherwise: L2 norm of each input channel's slice
 *   kernel/L/top_in       i32 (c,T)          otherwise: input channels with the largest norms, largest first
 *   kernel/L/slices       f32 (c,T,kh,kw)    otherwise: their slices
 *   perturb/K/recon       u8  (e,d,t,C,H,W)  decoded after one dimension was moved
 *   perturb/K/delta       f32 (e,d,t)        what was added; new_value = base_value + delta
 *   perturb/K/base_value  f32 (e,d)
 *   perturb/K/new_value   f32 (e,d,t)
 *   topk/L/max/indices    i32 (c,k)          test images with the largest maxima of a channel, best first
 *   topk/L/max/score      f32 (c,k)
 *   topk/L/max/xy         i32 (c,k,2)        where in the map that maximum is
 *   topk/L/mean/indices   i32 (c,k)          the same by the mean over positions
 *   topk/L/mean/score     f32 (c,k)
 *   topk/L/max/least      f32 (c,)           the lowest score of all `subset_n` images
 *   topk/L/mean/least     f32 (c,)
 */

import type { PenRule, Provenance } from "../shared/contract";

export interface NetworkMeta {
  recipe: string;
  node: string;
  seed: number;
  /** Name of the data set among the site's data: `datasets/<recipe>/<dataset>`. */
  dataset: string;
  /** Names of the classes, null for a real target. */
  classes: readonly string[] | null;
  /** Targets of the examples (E,); null where the data set is not built. */
  labels: readonly number[] | null;
  /** Snapshots with arrays, in order; the last is the end of training. */
  steps: readonly number[];
  /** How often training has seen the primary data set at each step, over the lineage: epochs as decimals. */
  epochs: readonly (number | null)[];
  /** Shape of an image: channels, height, width. */
  image_shape: readonly [channels: number, height: number, width: number];
  /** The examples' indices in the test split (E,): `viz_indices` of config.json, the first of them. */
  examples: readonly number[];
  /** How many of the examples, the first ones, have convolution steps and moved latents (e). */
  close_examples: number;
  /** Top-k looks at test images 0..subset_n-1, and keeps k. */
  subset_n: number;
  k: number;
  /** In the order in which the model calls them. */
  layers: readonly NetworkLayer[];
  /** Modules that could not be captured, and why. */
  left_out: ReadonlyArray<{ module: string; reason: string }>;
  /** Names of the latent vectors: z, mu, logvar, qc_probs, z_sample as the model has them; with their width. */
  latents: Readonly<Record<string, number>>;
  perturb: Readonly<Record<string, Perturbed>>;
  /** Why a whole part is empty, by part: forward, inspect, convolution, kernels, perturb, topk. */
  lacks: Readonly<Record<string, string>>;
  /** How the random part of `z_sample` was drawn: z_sample = mu + exp(logvar / 2) * noise(seed). */
  sampling: { sample_id: number; seed: number } | null;
  /** True where the choice was read from config.json, false where an older run had none and it was made afterwards. */
  chosen_before_training: boolean;
  /** Why a drawing cannot be followed through the network; null where it can, by the graphs of `<run>/onnx`. */
  undrawable: string | null;
  /** Null where a drawing is only scaled. */
  pen_rule: PenRule | null;
  provenance?: Provenance;
}

export interface NetworkStepMeta {
  step: number;
  provenance?: Provenance;
}

export interface NetworkLayer {
  id: number;
  /** Unique: the module's path, with #2, #3 ... for its later calls, as "backbone.0" or "relu#2". */
  name: string;
  /** Path of the module; "" is the model itself. */
  module: string;
  /** Class of the module, as "Conv2d". */
  kind: string;
  /** What is shown beside the name, as "3x3, 16 → 32, stride 2". "" where there is nothing to say. */
  detail: string;
  /** Whether `encode` calls it; "model" for a model that has no `encode`. */
  part: "encoder" | "decoder" | "model";
  /** Of one example: (C,h,w) a map, (n,) a vector. Others are left out. */
  shape: readonly number[];
  /**
   * Layers whose outputs reach it with no other layer between, by id, and -1 for the image itself. Two or more: a skip.
   * Empty: nothing is known of what it reads.
   */
  inputs: readonly number[];
  /** A matrix (rows of tokens, say) shown as a map of one channel: its places are no places of the image. */
  matrix: boolean;
  /** The captured channels (of a vector: entries) in their order, 0..C-1. Fewer than `shape[0]` in wide layers. */
  channels: readonly number[];
  /** Probed places of a map (P of them); empty for a vector. */
  positions: ReadonlyArray<readonly [x: number, y: number]>;
  receptive_field: ReceptiveField;
  /** Null for layers that are no convolution. */
  convolution: Convolution | null;
  conv_step: ConvStep;
}

/**
 * What of the input image a position of a map can see, as a box: columns[x] = [x0, x1) and rows[y] = [y0, y1), clamped
 * to the image. The union over all paths and all channels of the map; x0 === x1 means that a position sees nothing but padding.
 */
export type ReceptiveField =
  | {
      status: "ok";
      columns: ReadonlyArray<readonly [start: number, stop: number]>;
      rows: ReadonlyArray<readonly [start: number, stop: number]>;
      /** What the box does not include, as the statistics of a group norm; "" where it is all. */
      note: string;
    }
  | { status: "unavailable"; reason: string };

export interface Convolution {
  in_channels: number;
  out_channels: number;
  groups: number;
  /** (height, width), as all pairs here. */
  kernel_size: readonly [number, number];
  stride: readonly [number, number];
  /** Before the first row and the first column. */
  padding: readonly [number, number];
  dilation: readonly [number, number];
  padding_mode: string;
  bias: boolean;
  transposed: boolean;
}

export type ConvStep =
  | {
      status: "ok";
      out_channels: readonly number[];
      /** The layer that follows and changes each value by itself, as a ReLU; null where none does. */
      activation: { layer: number; kind: string } | null;
      /** Largest |computed - captured| over all snapshots, and what is allowed. */
      difference: number;
      tolerance: number;
    }
  | { status: "unavailable"; reason: string };

export interface Perturbed {
  /** What was moved, in words, as "the posterior mean" */
  label: string;
  /** How a picture comes of it, as "decode(mu)". */
  path: string;
  /** Which dimensions of the vector were moved (d). */
  dims: readonly number[];
  /** The moves (t) in order, in `unit`: what is added, 0 among them; where `absolute`, the new value itself. */
  moves: readonly number[];
  absolute: boolean;
  /** "standard deviations over the subset", or "probability". */
  unit: string;
}
