/** Place of the next image that is open, behind `from` and then from the start; -1 where none is. */
export function nextOpen(order: readonly number[], from: number, isOpen: (image: number) => boolean): number {
  const places = order.map((_, i) => (from + 1 + i) % order.length);
  return places.find((place) => isOpen(order[place]!)) ?? -1;
}

/** How many images have each of the labels, by label. */
export function countLabels(said: ReadonlyMap<number, string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const label of said.values()) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/** The 1st and the 99th percentile of values, between which colours run; a little apart where all are the same. */
export function rangeOf(values: ArrayLike<number>): [low: number, high: number] {
  const sorted = Float32Array.from(values).filter(Number.isFinite).sort();
  const at = (q: number) => sorted[Math.round((sorted.length - 1) * q)] ?? 0;
  const [low, high] = [at(0.01), at(0.99)];
  return [low, high > low ? high : low + 1];
}
