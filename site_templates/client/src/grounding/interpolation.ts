/** The straight line between two codes, and how far regrounding leads away from it. */

import { batched, type Code, mixed } from "../model/code";

/** Samples of a path, both ends included. */
export const PATH_SAMPLES = 33;

/** Codes at even steps of t from 0 to 1, as one batch of PATH_SAMPLES. */
export function pathCodes(a: Code, b: Code): Code {
  return batched(Array.from({ length: PATH_SAMPLES }, (_, s) => mixed(a, b, s / (PATH_SAMPLES - 1))));
}

/** Euclidean distance. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += (a[d]! - b[d]!) ** 2;
  return Math.sqrt(sum);
}
