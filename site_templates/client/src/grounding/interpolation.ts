/** The straight line between two latents, and how far regrounding leads away from it. */

/** Samples of a path, both ends included. */
export const PATH_SAMPLES = 33;

/** z_t = (1 - t) a + t b; t = 0 and t = 1 give the ends bit for bit. */
export function mixLatents(a: Float32Array, b: Float32Array, t: number): Float32Array {
  return a.map((value, d) => (1 - t) * value + t * b[d]!);
}

/** Latents at even steps of t from 0 to 1, one after the other (PATH_SAMPLES * D). */
export function pathLatents(a: Float32Array, b: Float32Array): Float32Array {
  const out = new Float32Array(PATH_SAMPLES * a.length);
  for (let s = 0; s < PATH_SAMPLES; s++) out.set(mixLatents(a, b, s / (PATH_SAMPLES - 1)), s * a.length);
  return out;
}

/** Euclidean distance. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += (a[d]! - b[d]!) ** 2;
  return Math.sqrt(sum);
}
