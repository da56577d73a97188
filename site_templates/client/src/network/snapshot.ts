import { arrayOf, type Data, floatsOf, loadData } from "../data";
import { type Scale, signedScale } from "./colors";
import type { NetworkLayer, NetworkMeta, NetworkStepMeta } from "./contract";
import type { Place } from "./state";

/** Whether an example of a layer is a map (C,h,w) and no vector (n). */
export function isMap(layer: NetworkLayer): boolean {
  return layer.shape.length === 3;
}

/** The place among a layer's stored positions; -1 where it is none of them. */
export function positionOf({ positions }: NetworkLayer, [x, y]: Place): number {
  return positions.findIndex(([px, py]) => px === x && py === y);
}

/** The maps that a convolution reads, by the number of the input channel. */
export interface InputMaps {
  size: readonly [height: number, width: number];
  values: (example: number, channel: number) => ArrayLike<number>;
  /** How far a value may be from the model's. */
  error: (example: number, channel: number) => number;
}

/** One entry of a latent moved: what the decoder makes of each new value. */
export interface Moves {
  pictures: readonly Float32Array[];
  base: number;
  values: ArrayLike<number>;
}

/** The arrays of one snapshot, by layer, example and channel. Channels are named by their number in the layer. */
export class Snapshot {
  /** Whether it is of the reader's picture, in the place of every example, with all values as the model has them. */
  readonly isDrawn: boolean = false;

  constructor(
    readonly meta: NetworkMeta,
    readonly step: number,
    readonly key: string,
    readonly data: Data<NetworkStepMeta>,
  ) {}

  static async load(run: string, meta: NetworkMeta, step: number): Promise<Snapshot> {
    const key = `${run}/network-${step}`;
    return new Snapshot(meta, step, key, await loadData<NetworkStepMeta>(key));
  }

  get provenance(): NetworkStepMeta["provenance"] {
    return this.data.meta.provenance;
  }

  get hasRecon(): boolean {
    return this.has("recon");
  }

  has(name: string): boolean {
    return name in this.data.arrays;
  }

  /** Whether there is what a layer gave at this snapshot. */
  hasLayer({ id }: NetworkLayer): boolean {
    return this.has(`layer/${id}`);
  }

  /** The layer of an id, where there is what it gave at this snapshot. */
  layer(id: number): NetworkLayer | undefined {
    return this.meta.layers.find((layer) => layer.id === id && this.hasLayer(layer));
  }

  /** Entry `at` of the leading axes of an array: `row("layer/3", 0, 2)` is channel 2 of example 0. */
  row(name: string, ...at: number[]): ArrayLike<number> {
    const { data, shape } = arrayOf(this.data, this.key, name);
    const length = shape.slice(at.length).reduce((product, size) => product * size, 1);
    const place = at.reduce((index, value, axis) => index * shape[axis]! + value, 0);
    if (at.some((value, axis) => value < 0 || value >= shape[axis]!)) {
      throw new Error(`array "${name}" of "${this.key}" is ${shape.join(" x ")} and has no entry ${at.join(", ")}`);
    }
    return data.subarray(place * length, (place + 1) * length);
  }

  floats(name: string): Float32Array {
    return floatsOf(this.data, this.key, name);
  }

  /** A picture (C*H*W in 0..1) of an example: itself, or what the model makes of it. */
  picture(which: "input" | "recon", example: number): Float32Array {
    return Float32Array.from(this.row(which, example), (value) => value / 255);
  }

  /** The captured entries of a vector of an example. */
  vector(layer: NetworkLayer, example: number): ArrayLike<number> {
    return this.row(`layer/${layer.id}`, example);
  }

  /** A channel's map (h*w) of an example, within half of 1/255 of its range; of a vector its one value. */
  values(layer: NetworkLayer, example: number, channel: number): Float32Array {
    const place = layer.channels.indexOf(channel);
    if (!isMap(layer)) return Float32Array.of(this.vector(layer, example)[place]!);
    const [low, high] = this.range(layer, example, channel);
    return Float32Array.from(this.row(`layer/${layer.id}`, example, place), (level) => low + (level / 255) * (high - low));
  }

  /** Smallest and largest value of a channel's map. */
  range(layer: NetworkLayer, example: number, channel: number): [low: number, high: number] {
    const [low, high] = Array.from(this.row(`range/${layer.id}`, example, layer.channels.indexOf(channel)));
    return [low!, high!];
  }

  /** Colours for the values of a layer of an example; with a channel, for those of the channel alone. */
  scale(layer: NetworkLayer, example: number, channel?: number): Scale {
    if (!isMap(layer)) return signedScale(Array.from(this.vector(layer, example)));
    const channels = channel === undefined ? layer.channels : [channel];
    return signedScale(channels.flatMap((one) => this.range(layer, example, one)));
  }

  /** The value at a place of a map as the model had it, where that is known; else null. */
  exact(layer: NetworkLayer, example: number, channel: number, at: Place): number | null {
    const position = positionOf(layer, at);
    if (position < 0 || !this.has(`probe/${layer.id}`)) return null;
    return this.row(`probe/${layer.id}`, example, layer.channels.indexOf(channel))[position]!;
  }

  /** What a convolution was given, as the model had it; null where that has to be put together from stored maps. */
  read(_layer: NetworkLayer): InputMaps | null {
    return null;
  }

  /** The stored steps of a convolution are of the first examples alone. */
  hasSteps(example: number): boolean {
    return example < this.meta.close_examples;
  }

  /** The value of an entry of a latent that is moved; 0 where it is not known. */
  latentValue(latent: string, dim: number, example: number): number {
    const { dims } = this.meta.perturb[latent]!;
    return this.hasSteps(example) ? this.row(`perturb/${latent}/base_value`, example)[dims.indexOf(dim)]! : 0;
  }

  /** What the decoder makes of a latent with one entry moved, or why that is not known. */
  async moves(latent: string, dim: number, example: number): Promise<Moves | string> {
    const { close_examples, perturb } = this.meta;
    if (!this.hasSteps(example)) return `Latents were moved for the first ${close_examples} examples only.`;
    const { dims, moves } = perturb[latent]!;
    const at = dims.indexOf(dim);
    return {
      pictures: moves.map((_, place) => Float32Array.from(this.row(`perturb/${latent}/recon`, example, at, place), (value) => value / 255)),
      base: this.latentValue(latent, dim, example),
      values: this.row(`perturb/${latent}/new_value`, example, at),
    };
  }
}
