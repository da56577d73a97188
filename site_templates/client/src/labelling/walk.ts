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
