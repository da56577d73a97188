import type { Neighbors } from "./run_data";

const SHOWN_NEIGHBORS = 15;
const SOFTNESS = 0.35; // radii beyond an extent in which an edge fades to 1/e

export interface Edge {
  from: number;
  to: number;
  /** 1 for the nearest neighbour, down to 0 for the farthest. */
  weight: number;
  /** Length on the map up to which the edge is drawn in full; beyond it, it fades. */
  reach: number;
}

/** How many neighbours of a point are shown. */
export function shownNeighbors({ k }: Neighbors): number {
  return Math.min(k, SHOWN_NEIGHBORS);
}

/** Edges from a point to its neighbours, nearest first; the weight falls from 1 to 0 with the distance in latent space. */
export function edgesOf(neighbors: Neighbors | null, from: number | null, reach = Number.POSITIVE_INFINITY): Edge[] {
  if (!neighbors || from === null) return [];
  const { k, indices, distances } = neighbors;
  const shown = shownNeighbors(neighbors);
  const nearest = distances[from * k]!;
  const span = distances[from * k + shown - 1]! - nearest || 1;
  return Array.from({ length: shown }, (_, j) => ({
    from,
    to: Number(indices[from * k + j]),
    weight: 1 - (distances[from * k + j]! - nearest) / span,
    reach,
  }));
}

/**
 * Radius of each point's extent (N,) on a map (N, 3): its distance to its k-th neighbour in latent space, in the unit in
 * which the median one is the median length of these edges on the map. A larger distance never has a smaller radius.
 */
export function extentRadii(neighbors: Neighbors, layer: Float32Array): Float32Array {
  const { k, indices, distances } = neighbors;
  const last = shownNeighbors(neighbors) - 1;
  const count = layer.length / 3;
  const inLatent = Float32Array.from({ length: count }, (_, i) => distances[i * k + last]!);
  const at = (i: number) => layer.subarray(i * 3, i * 3 + 3);
  const onMap = Float32Array.from({ length: count }, (_, i) => mapDistance(at(i), at(Number(indices[i * k + last]))));
  const unit = median(onMap) / (median(inLatent) || 1);
  return inLatent.map((distance) => distance * unit);
}

/** How strongly an edge of a length is drawn: in full up to its reach, then less and less, without a step. */
export function gate(length: number, reach: number): number {
  return length <= reach ? 1 : Math.exp(-(length - reach) / (SOFTNESS * reach));
}

/** Distance of two positions; in two dimensions the third coordinate is 0. */
export function mapDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!, a[2]! - b[2]!);
}

function median(values: Float32Array): number {
  return values.slice().sort()[Math.floor(values.length / 2)] ?? 0;
}
