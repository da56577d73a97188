import { type Data, loadData } from "../data";
import { type Autoencoder, loadAutoencoder } from "../model/autoencoder";
import { type Column, columnsOf, RESHAPES } from "./columns";
import type { NetworkLayer, NetworkMeta } from "./contract";
import { DrawnSnapshot } from "./drawn_snapshot";
import { isMap, Snapshot } from "./snapshot";
import type { NetworkState, Place } from "./state";
import { valueAt } from "./step";
import { TopImages } from "./top_images";

/** The network of one run: its layers, and its snapshots as they are asked for. */
export class TrainedNetwork {
  readonly columns: readonly Column[];
  private model: Promise<Autoencoder> | null = null;
  private drawn: DrawnSnapshot | null = null;

  private constructor(
    readonly run: string,
    readonly meta: NetworkMeta,
    readonly images: Data | null,
    readonly last: Snapshot,
  ) {
    this.columns = columnsOf(meta.layers);
  }

  /** `has` says whether the page has a data key. */
  static async load(run: string, has: (key: string) => boolean): Promise<TrainedNetwork> {
    const { meta } = await loadData<NetworkMeta>(`${run}/network`);
    const last = meta.steps.at(-1);
    if (last === undefined || meta.layers.length === 0) throw new Error(`no layer of ${run} was captured: ${meta.lacks.forward ?? "no reason is given"}`);
    return new TrainedNetwork(run, meta, await TopImages.load(run, has), await Snapshot.load(run, meta, last));
  }

  /** The snapshot nearest to a step; null: the last. */
  async at(step: number | null): Promise<Snapshot> {
    if (step === null) return this.last;
    const nearest = this.meta.steps.reduce((best, other) => (Math.abs(other - step) < Math.abs(best - step) ? other : best));
    return nearest === this.last.step ? this.last : Snapshot.load(this.run, this.meta, nearest);
  }

  /** What the network makes of a drawn picture at the end of training, or why it cannot be told; `say` hears what is loaded. */
  async follow(picture: Float32Array, say: (text: string) => void): Promise<Snapshot | string> {
    if (this.drawn?.picture("input") === picture) return this.drawn;
    const { undrawable } = this.meta;
    if (undrawable !== null) return undrawable;
    this.model ??= loadAutoencoder(this.run, say);
    this.model.catch(() => (this.model = null)); // a later drawing may try again
    const model = await this.model;
    if (model.meta.step !== this.last.step) return `the graphs are of step ${model.meta.step}, and the layers of step ${this.last.step}; build the branch again`;
    this.drawn = await DrawnSnapshot.follow(picture, model, this.last);
    return this.drawn;
  }

  layer(name: string | null): NetworkLayer | undefined {
    return this.meta.layers.find((layer) => layer.name === name);
  }

  /**
   * Layer, channel and place of a state; of what is not chosen the first layer with steps, and the channel and the marked
   * place with the largest values at the end of training. Null where the network lacks the layer.
   */
  choice({ layer: name, channel, at, example }: Pick<NetworkState, "layer" | "channel" | "at" | "example">): { layer: NetworkLayer; channel: number; at: Place } | null {
    const { layers } = this.meta;
    const first = layers.find(({ conv_step }) => conv_step.status === "ok") ?? layers.find(({ kind }) => !RESHAPES.test(kind)) ?? layers[0]!;
    const layer = name === null ? first : this.layer(name);
    if (!layer) return null;
    const { last } = this;
    const shown = Math.min(example, this.meta.examples.length - 1);
    const top = (one: number) => (isMap(layer) ? last.range(layer, shown, one)[1] : last.values(layer, shown, one)[0]!);
    const known = channel !== null && layer.channels.includes(channel) ? channel : largest(layer.channels, top);
    if (!isMap(layer)) return { layer, channel: known, at: [0, 0] };
    const [, height, width] = layer.shape as [number, number, number];
    const inside = at && at[0] < width && at[1] < height;
    return { layer, channel: known, at: inside ? at : largest<Place>(layer.positions, (place) => valueAt(last, layer, shown, known, place)) };
  }
}

/** The first of the items with the largest value. */
function largest<T>(items: readonly T[], valueOf: (item: T) => number): T {
  return items.reduce((best, item) => (valueOf(item) > valueOf(best) ? item : best));
}
