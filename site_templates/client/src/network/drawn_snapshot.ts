import { type Autoencoder, RECONSTRUCTION } from "../model/autoencoder";
import { LATENT } from "../model/code";
import type { Named } from "../model/session";
import type { NetworkLayer } from "./contract";
import { type InputMaps, isMap, type Moves, Snapshot } from "./snapshot";
import type { Place } from "./state";

/** Parts of a code that are moved under names of their own; other latents are no part of what the decoder takes. */
const PARTS: Readonly<Record<string, string>> = { z: LATENT, mu: LATENT, qc_probs: "component" };

/**
 * What the network makes of the reader's picture: computed in the page, as the model has it at the end of training. The
 * weights, and what does not depend on a picture, are those of the stored snapshot.
 */
export class DrawnSnapshot extends Snapshot {
  override readonly isDrawn = true;
  private readonly moved = new Map<string, Promise<Moves>>();

  private constructor(
    stored: Snapshot,
    private readonly drawn: Float32Array,
    private readonly model: Autoencoder,
    private readonly given: Named,
  ) {
    super(stored.meta, stored.step, stored.key, stored.data);
  }

  /** Follows a picture (C*H*W in 0..1) through a model of which `stored` is the last snapshot. */
  static async follow(picture: Float32Array, model: Autoencoder, stored: Snapshot): Promise<DrawnSnapshot> {
    return new DrawnSnapshot(stored, picture, model, await model.follow(picture));
  }

  override get hasRecon(): boolean {
    return this.given.has(RECONSTRUCTION);
  }

  override hasLayer({ name }: NetworkLayer): boolean {
    return this.given.has(`layer/${name}`);
  }

  override picture(which: "input" | "recon"): Float32Array {
    return which === "input" ? this.drawn : this.output(RECONSTRUCTION);
  }

  override vector(layer: NetworkLayer): ArrayLike<number> {
    const whole = this.output(`layer/${layer.name}`);
    return layer.channels.map((channel) => whole[channel]!);
  }

  override values(layer: NetworkLayer, _example: number, channel: number): Float32Array {
    const size = layer.shape.slice(1).reduce((product, side) => product * side, 1);
    return this.output(`layer/${layer.name}`).subarray(channel * size, (channel + 1) * size);
  }

  override range(layer: NetworkLayer, example: number, channel: number): [low: number, high: number] {
    const values = this.values(layer, example, channel);
    return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  }

  override exact(layer: NetworkLayer, example: number, channel: number, [x, y]: Place): number {
    return this.values(layer, example, channel)[isMap(layer) ? y * layer.shape[2]! + x : 0]!;
  }

  override read({ name }: NetworkLayer): InputMaps | null {
    const maps = this.given.get(`reads/${name}`);
    const [, height, width] = this.model.meta.layers?.[`reads/${name}`] ?? [];
    if (!maps || !height || !width) return null;
    const size = height * width;
    return { size: [height, width], values: (_, channel) => maps.subarray(channel * size, (channel + 1) * size), error: () => 0 };
  }

  override hasSteps(): boolean {
    return false;
  }

  override latentValue(latent: string, dim: number): number {
    return this.given.get(PARTS[latent] ?? "")?.[dim] ?? 0;
  }

  override async moves(latent: string, dim: number): Promise<Moves | string> {
    const part = PARTS[latent] ?? "";
    if (!this.model.parts.includes(part)) {
      return `Of a drawing, ${latent} cannot be moved: it is no part of the code that the exported decoder takes (${this.model.parts.join(", ") || "there is none"}).`;
    }
    const key = `${latent} ${dim}`;
    let found = this.moved.get(key);
    if (!found) this.moved.set(key, (found = this.decodeMoves(latent, part, dim)));
    return found;
  }

  /** All moves in one batch; a latent is moved as far as those of the examples were. */
  private async decodeMoves(latent: string, part: string, dim: number): Promise<Moves> {
    const { dims, moves, absolute } = this.meta.perturb[latent]!;
    const vector = this.output(part);
    const base = vector[dim]!;
    const deltas = absolute ? null : this.row(`perturb/${latent}/delta`, 0, dims.indexOf(dim));
    const values = moves.map((move, place) => (deltas ? base + deltas[place]! : move));
    const batch = new Map(this.model.parts.map((name) => [name, repeated(this.output(name), moves.length)]));
    batch.set(part, Float32Array.from(values.flatMap((value) => (absolute ? reweighed(vector, dim, value) : replaced(vector, dim, value)))));
    const decoded = await this.model.decode(batch);
    const size = decoded.length / moves.length;
    return { pictures: moves.map((_, place) => decoded.subarray(place * size, (place + 1) * size)), base, values };
  }

  private output(name: string): Float32Array {
    const values = this.given.get(name);
    if (!values) throw new Error(`the exported graphs of ${this.key} do not give "${name}"; build the branch again, then: acc site`);
    return values;
  }
}

function repeated(values: Float32Array, times: number): Float32Array {
  const all = new Float32Array(values.length * times);
  for (let i = 0; i < times; i++) all.set(values, i * values.length);
  return all;
}

function replaced(vector: Float32Array, at: number, value: number): number[] {
  return Array.from(vector, (one, i) => (i === at ? value : one));
}

/** A distribution with one probability set, the others in proportion; even ones where these are all zero. */
function reweighed(vector: Float32Array, at: number, value: number): number[] {
  const others = vector.reduce((sum, one, i) => (i === at ? sum : sum + one), 0);
  return Array.from(vector, (one, i) => (i === at ? value : ((1 - value) * (others > 0 ? one : 1)) / (others > 0 ? others : Math.max(1, vector.length - 1))));
}
