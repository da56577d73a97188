/** Which points are drawn, and in which order, where they are too many to draw all of them in every frame. */

import { mulberry32 } from "../shared/random";
import { EMPHASIS } from "./emphasis";

/** Fewer points than these are drawn in their own order, all in every frame. */
export const MANY = 30_000;
const KEPT = 5_000; // points that are drawn in every frame, because they stand out

/** The rows 0 .. count - 1 in a random order, the same each time: of any beginning of it every row is as likely a part. */
export function shuffledRows(count: number): Uint32Array<ArrayBuffer> {
  const rows = new Uint32Array(count);
  const random = mulberry32(0);
  for (let i = 0; i < count; i++) {
    const j = Math.floor(random() * (i + 1));
    rows[i] = rows[j]!;
    rows[j] = i;
  }
  return rows;
}

/**
 * Writes the rows of the points that are not hidden by their `tints` (N, 4) to `order`, and returns how many they are.
 * Those that stand out come first, unless they are many themselves; then the rest, as shuffled.
 */
export function orderOf(shuffled: Uint32Array, tints: Uint8Array, order: Uint32Array): number {
  const outstanding: number[] = [];
  const isFaded = someFaded(tints);
  for (let i = 0; i < shuffled.length && outstanding.length <= KEPT; i++) {
    const emphasis = tints[i * 4 + 3];
    if (emphasis === EMPHASIS.strong || (isFaded && emphasis === EMPHASIS.normal)) outstanding.push(i);
  }
  if (outstanding.length > KEPT) outstanding.length = 0;
  order.set(outstanding);
  let drawn = outstanding.length;
  for (const row of shuffled) {
    const emphasis = tints[row * 4 + 3];
    if (emphasis === EMPHASIS.hidden) continue;
    if (outstanding.length > 0 && (emphasis === EMPHASIS.strong || (isFaded && emphasis === EMPHASIS.normal))) continue;
    order[drawn++] = row;
  }
  return drawn;
}

/** Whether some points recede by their `tints` (N, 4), so that the others stand out. */
export function someFaded(tints: Uint8Array): boolean {
  for (let i = 3; i < tints.length; i += 4) if (tints[i] === EMPHASIS.faded) return true;
  return false;
}
