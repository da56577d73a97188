import type { Perturbed } from "./contract";

/** What is looked at: the same in every branch that is shown. */
export interface NetworkState {
  /** Place among the examples. */
  example: number;
  /** What the reader drew (C*H*W in 0..1), in place of the example; an address holds its strokes. */
  picture: Float32Array | null;
  /** Training step; null: the last one. */
  step: number | null;
  /** Name of a layer, a channel of it, and a place in its map; null: the first that can be looked at closely. */
  layer: string | null;
  channel: number | null;
  at: Place | null;
  /** Colours reach as far as the largest value of the layer, or of each channel. */
  colors: "layer" | "channel";
  /** How pictures are ranked by what a channel makes of them. */
  rank: "max" | "mean";
  /** A dimension of a latent, and the place among its moves; null: none is moved. */
  moved: Moved | null;
  /** Whether the map is shown at every snapshot. */
  training: boolean;
}

/** Column and row of a map, from 0 at the top left. */
export type Place = readonly [x: number, y: number];

export interface Moved {
  latent: string;
  dim: number;
  move: number;
}

/** The place of the move that moves nothing; of moves that are new values that of the one nearest to the value `base`. */
export function restingMove({ moves, absolute }: Pick<Perturbed, "moves" | "absolute">, base: number): number {
  const goal = absolute ? base : 0;
  return moves.reduce((best, move, place) => (Math.abs(move - goal) < Math.abs(moves[best]! - goal) ? place : best), 0);
}

export const START: NetworkState = {
  example: 0,
  picture: null,
  step: null,
  layer: null,
  channel: null,
  at: null,
  colors: "layer",
  rank: "max",
  moved: null,
  training: false,
};

/** The state as parts of an address; what is as at the start is left out. */
export function encodeNetwork(state: NetworkState, out: URLSearchParams): void {
  if (state.example !== START.example) out.set("example", String(state.example));
  if (state.step !== null) out.set("step", String(state.step));
  if (state.layer !== null) out.set("layer", state.layer);
  if (state.channel !== null) out.set("channel", String(state.channel));
  if (state.at) out.set("at", state.at.join("-"));
  if (state.colors !== START.colors) out.set("colors", state.colors);
  if (state.rank !== START.rank) out.set("rank", state.rank);
  if (state.moved) out.set("move", [state.moved.latent, state.moved.dim, state.moved.move].join("~"));
  if (state.training) out.set("training", "1");
}

/** The parts of a state that an address gives; what makes no sense is left out. */
export function decodeNetwork(asked: URLSearchParams): Partial<NetworkState> {
  const found: { -readonly [K in keyof NetworkState]?: NetworkState[K] } = {};
  const whole = (text: string | null | undefined) => (text && /^\d+$/.test(text) ? Number(text) : null);
  const example = whole(asked.get("example"));
  if (example !== null) found.example = example;
  const step = whole(asked.get("step"));
  if (step !== null) found.step = step;
  const layer = asked.get("layer");
  if (layer) found.layer = layer;
  const channel = whole(asked.get("channel"));
  if (channel !== null) found.channel = channel;
  const [x, y] = asked.get("at")?.split("-").map(whole) ?? [];
  if (typeof x === "number" && typeof y === "number") found.at = [x, y];
  if (asked.get("colors") === "channel") found.colors = "channel";
  if (asked.get("rank") === "mean") found.rank = "mean";
  const [latent, dim, move] = asked.get("move")?.split("~") ?? [];
  const [d, m] = [whole(dim), whole(move)];
  if (latent && d !== null && m !== null) found.moved = { latent, dim: d, move: m };
  if (asked.get("training") === "1") found.training = true;
  return found;
}
