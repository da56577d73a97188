import { arrayOf, type Data, floatsOf, loadData } from "../data";
import { type Scale, signedScale } from "./colors";
import type { NetworkLayer, NetworkMeta, NetworkStepMeta } from "./contract";

/** Whether an example of a layer is a map (C,h,w) and no vector (n). */
export function isMap(layer: NetworkLayer): boolean {
  return layer.shape.length === 3;
}

/** The arrays of one snapshot, by layer, example and channel. Channels are named by their number in the layer. */
export class Snapshot {
  constructor(
    readonly meta: NetworkMeta,
    readonly step: number,
    private readonly key: string,
    private readonly data: Data<NetworkStepMeta>,
  ) {}

  static async load(run: string, meta: NetworkMeta, step: number): Promise<Snapshot> {
    const key = `${run}/network-${step}`;
    return new Snapshot(meta, step, key, await loadData<NetworkStepMeta>(key));
  }

  get provenance(): NetworkStepMeta["provenance"] {
    return this.data.meta.provenance;
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

  /** A picture (C*H*W in 0..1) of an example: itself, or what the model makes of it. */
  picture(which: "input" | "recon", example: number): Float32Array {
    return Float32Array.from(this.row(which, example), (value) => value / 255);
  }

  /** A channel's map (h*w) of an example, within half of 1/255 of its range; of a vector its one value. */
  values(layer: NetworkLayer, example: number, channel: number): Float32Array {
    const place = layer.channels.indexOf(channel);
    if (!isMap(layer)) return Float32Array.of(this.row(`layer/${layer.id}`, example)[place]!);
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
    if (!isMap(layer)) return signedScale(Array.from(this.row(`layer/${layer.id}`, example)));
    return signedScale(channel === undefined ? Array.from(this.row(`range/${layer.id}`, example)) : this.range(layer, example, channel));
  }

  /** The value at a place of a map as the model had it, where that is one of the layer's positions; else null. */
  exact(layer: NetworkLayer, example: number, channel: number, position: number): number | null {
    if (position < 0 || !this.has(`probe/${layer.id}`)) return null;
    return this.row(`probe/${layer.id}`, example, layer.channels.indexOf(channel))[position]!;
  }

  floats(name: string): Float32Array {
    return floatsOf(this.data, this.key, name);
  }
}
