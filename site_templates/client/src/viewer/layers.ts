/** Layers of points (N, 3), each moved and scaled into a ball of radius 1, and how close their points lie. */

import { valueAt } from "../shared/quantile";

/** How a snapshot was moved and scaled: what lies at x on the map is shown at (x - center) * scale. */
export interface Fit {
  center: readonly number[];
  scale: number;
}

/** Coordinates of one snapshot, (N, 3) with z = 0 in two dimensions, in a ball of radius 1. */
export interface Layer {
  points: Float32Array<ArrayBuffer>;
  fit: Fit;
  /** Median distance from a point to its nearest one. */
  spacing: number;
}

const COMPARED = 2_000_000; // distances that tell the spacing of a map

/**
 * Moves and scales the points (N, dimensions) of a snapshot so that 99 % of it lie within radius 1. An untrained cloud is
 * much smaller or larger than the final one and lies elsewhere: on one scale it would be a spot in a corner.
 */
export function layerOf(values: Float32Array, dimensions: number): Layer {
  const count = values.length / dimensions;
  const center = Array.from({ length: dimensions }, (_, d) => {
    const column = new Float32Array(count);
    for (let i = 0; i < count; i++) column[i] = values[i * dimensions + d]!;
    return (valueAt(column, Math.floor((count - 1) * 0.005)) + valueAt(column, Math.ceil((count - 1) * 0.995))) / 2;
  });
  const points = new Float32Array(count * 3);
  const radii = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let d = 0; d < dimensions; d++) {
      const away = values[i * dimensions + d]! - center[d]!;
      points[i * 3 + d] = away;
      sum += away * away;
    }
    radii[i] = Math.sqrt(sum);
  }
  const scale = 1 / (valueAt(radii, Math.floor(count * 0.99)) || 1);
  for (let i = 0; i < points.length; i++) points[i]! *= scale;
  return { points, fit: { center, scale }, spacing: spacingOf(points) };
}

/** Median distance from a point to its nearest one, over 200 of the points (N, 3), or fewer where there are many. */
export function spacingOf(points: Float32Array): number {
  const nearest = nearestDistances(points, Math.max(25, Math.min(200, COMPARED / (points.length / 3))));
  return nearest[Math.floor(nearest.length / 2)] ?? 0;
}

/** Distances from about `sample` of the points (N, 3) to the nearest other one, ascending. */
export function nearestDistances(points: Float32Array, sample: number): number[] {
  const count = points.length / 3;
  const every = Math.max(1, Math.floor(count / sample));
  const nearest: number[] = [];
  for (let i = 0; i < count; i += every) nearest.push(distanceToNearest(points.subarray(i * 3, i * 3 + 3), points, i));
  return nearest.sort((a, b) => a - b);
}

/** Distance from a position to the nearest of the points (N, 3), row `except` left out. */
export function distanceToNearest(position: ArrayLike<number>, points: Float32Array, except = -1): number {
  const [x = 0, y = 0, z = 0] = [position[0], position[1], position[2]];
  let best = Number.POSITIVE_INFINITY;
  for (let j = 0, at = 0; at < points.length; j++, at += 3) {
    const [dx, dy, dz] = [x - points[at]!, y - points[at + 1]!, z - points[at + 2]!];
    const squared = dx * dx + dy * dy + dz * dz;
    if (squared < best && j !== except) best = squared;
  }
  return Math.sqrt(best);
}
