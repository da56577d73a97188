/** Placing a new latent on a fixed map: the same rule as `acc_assets.analysis.separation.barycentric_projection`. */

/** The reference latents that a new latent lies between, nearest first. */
export interface Placement {
  /** Rows of the reference (k). */
  rows: Int32Array;
  /** Distances in latent space (k). */
  distances: Float64Array;
  /** Share of each in the position (k), summing to 1. */
  weights: Float64Array;
}

/** A copy of length 1; a latent of zeros stays as it is. */
export function l2Normalized(latent: Float32Array): Float32Array {
  const length = Math.sqrt(latent.reduce((sum, value) => sum + value * value, 0));
  return length > 0 ? latent.map((value) => value / length) : latent.slice();
}

/**
 * The k nearest of the reference latents (N*D) with weights proportional to 1 / distance (Shepard 1968). Latents that
 * coincide with `latent` share all of the weight; of equal distances the lower row comes first.
 */
export function nearestLatents(latent: Float32Array, reference: Float32Array, k: number): Placement {
  const width = latent.length;
  const count = reference.length / width;
  const shown = Math.min(k, count);
  const rows = new Int32Array(shown);
  const squares = new Float64Array(shown).fill(Number.POSITIVE_INFINITY);
  for (let row = 0; row < count; row++) {
    const square = squaredDistance(latent, reference, row * width, squares[shown - 1]!);
    if (square >= squares[shown - 1]!) continue;
    let place = shown - 1;
    for (; place > 0 && squares[place - 1]! > square; place--) {
      squares[place] = squares[place - 1]!;
      rows[place] = rows[place - 1]!;
    }
    squares[place] = square;
    rows[place] = row;
  }
  const distances = squares.map(Math.sqrt);
  return { rows, distances, weights: weightsOf(distances) };
}

/** Shares proportional to 1 / distance; an exact hit takes all. */
export function weightsOf(distances: Float64Array): Float64Array {
  const isHit = distances.some((distance) => distance === 0);
  const closeness = distances.map((distance) => (isHit ? Number(distance === 0) : 1 / distance));
  const total = closeness.reduce((sum, value) => sum + value, 0);
  return closeness.map((value) => value / total);
}

/** Weighted mean of the points (N, 3) of a placement. */
export function positionOf({ rows, weights }: Placement, points: Float32Array): [x: number, y: number, z: number] {
  const position: [number, number, number] = [0, 0, 0];
  rows.forEach((row, j) => {
    for (let d = 0; d < 3; d++) position[d]! += weights[j]! * points[row * 3 + d]!;
  });
  return position;
}

/** How far the points (N, 3) of a placement lie from `position`: the root of their weighted mean squared distance. */
export function spreadOf({ rows, weights }: Placement, points: Float32Array, position: ArrayLike<number>): number {
  let sum = 0;
  rows.forEach((row, j) => {
    for (let d = 0; d < 3; d++) sum += weights[j]! * (points[row * 3 + d]! - position[d]!) ** 2;
  });
  return Math.sqrt(sum);
}

/** Stops adding where the sum has passed `most`: the row is not among the nearest then. */
function squaredDistance(latent: Float32Array, reference: Float32Array, start: number, most: number): number {
  let sum = 0;
  for (let d = 0; d < latent.length; d++) {
    const difference = latent[d]! - reference[start + d]!;
    sum += difference * difference;
    if (sum > most) return sum;
  }
  return sum;
}
