/**
 * The value that stands at index `k` where the values are sorted, NaN last; reorders them. Hoare's selection: it looks at
 * a few times as many values as there are, where sorting them takes as many times as their logarithm.
 */
export function valueAt(values: Float32Array, k: number): number {
  let high = numbersFirst(values) - 1;
  if (k > high) return values[k] ?? Number.NaN;
  let low = 0;
  while (low < high) {
    const pivot = values[(low + high) >>> 1]!;
    let [i, j] = [low, high];
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const swapped = values[i]!;
      values[i++] = values[j]!;
      values[j--] = swapped;
    }
    if (k <= j) high = j;
    else if (k >= i) low = i;
    else break;
  }
  return values[k]!;
}

/** Brings NaN to the end; returns how many others there are. */
function numbersFirst(values: Float32Array): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value !== value) continue;
    values[i] = values[count]!;
    values[count++] = value;
  }
  return count;
}
