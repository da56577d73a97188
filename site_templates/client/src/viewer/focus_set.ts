import { shownNeighbors } from "./edges";
import type { Neighbors } from "./run_data";
import type { Camera } from "./state";

/** Points of a focused set that the viewer chooses: few enough that each is seen, and that a link can name them. */
export const FOCUSED = 150;

/** Every so-manieth of `count` points. */
export function evenSample(count: number): number[] {
  const size = Math.min(FOCUSED, count);
  return Array.from({ length: size }, (_, i) => Math.floor((i * count) / size));
}

/** A point, its neighbours, then theirs, nearest first, until there are `FOCUSED`; ascending. */
export function neighborhood(neighbors: Neighbors, start: number): number[] {
  const { k, indices } = neighbors;
  const found = new Set([start]);
  for (const from of found) {
    // a Set is walked in the order of insertion, what is added meanwhile included
    for (let j = 0; j < shownNeighbors(neighbors) && found.size < FOCUSED; j++) found.add(Number(indices[from * k + j]));
    if (found.size >= FOCUSED) break;
  }
  return [...found].sort((a, b) => a - b);
}

/** The camera that shows some of the positions (N, 3) as `home` shows a cloud of radius 1 around the origin. */
export function cameraAround(indices: readonly number[], positions: Float32Array, home: Camera): Camera {
  const middle = (d: number) => {
    let [low, high] = [Infinity, -Infinity]; // a spread of very many arguments would overflow the stack
    for (const i of indices) [low, high] = [Math.min(low, positions[i * 3 + d]!), Math.max(high, positions[i * 3 + d]!)];
    return (low + high) / 2;
  };
  const target = [middle(0), middle(1), middle(2)] as const;
  const away = (i: number) => Math.hypot(...target.map((value, d) => positions[i * 3 + d]! - value));
  const radius = indices.reduce((most, i) => Math.max(most, away(i)), 0.05);
  return { ...home, target, distance: home.distance * radius * 1.08 };
}
