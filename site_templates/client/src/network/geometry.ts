/** Rows and columns, in this order, as in tensors (C, H, W). */
export type Pair = readonly [rows: number, columns: number];

/** What decides which inputs a convolution reads; a transposed one writes from an input to several places instead. */
export interface ConvolutionGeometry {
  kernel: Pair;
  stride: Pair;
  padding: Pair;
  dilation: Pair;
  transposed: boolean;
}

/** One number of a kernel and the input that it is multiplied by. */
export interface Tap {
  /** Place in the kernel. */
  row: number;
  column: number;
  /** Place in the input map. */
  y: number;
  x: number;
  /** False in the padding; see `paddedPlace`. */
  inside: boolean;
}

/** Rows and columns of a map, from the first to the last one, both included. */
export interface Box {
  top: number;
  left: number;
  bottom: number;
  right: number;
}

/** The input index that a kernel index reads for an output index along one axis; null where a transposed one reads none. */
function source(geometry: ConvolutionGeometry, axis: 0 | 1, out: number, k: number): number | null {
  const { stride, padding, dilation, transposed } = geometry;
  if (!transposed) return out * stride[axis] - padding[axis] + k * dilation[axis];
  const scaled = out + padding[axis] - k * dilation[axis];
  return scaled % stride[axis] === 0 ? scaled / stride[axis] : null;
}

/** What the output at (y, x) is a weighted sum of, in one input map of a size; rows of the kernel first. */
export function tapsAt(geometry: ConvolutionGeometry, y: number, x: number, [height, width]: Pair): Tap[] {
  const taps: Tap[] = [];
  for (let row = 0; row < geometry.kernel[0]; row++) {
    const inY = source(geometry, 0, y, row);
    if (inY === null) continue;
    for (let column = 0; column < geometry.kernel[1]; column++) {
      const inX = source(geometry, 1, x, column);
      if (inX === null) continue;
      taps.push({ row, column, y: inY, x: inX, inside: inY >= 0 && inX >= 0 && inY < height && inX < width });
    }
  }
  return taps;
}

/** The place of a map's side of a size that padding repeats at another one outside; null where it is filled with zeros. */
export function paddedPlace(place: number, size: number, mode: string): number | null {
  if (place >= 0 && place < size) return place;
  if (mode === "replicate") return place < 0 ? 0 : size - 1;
  if (mode === "circular") return ((place % size) + size) % size;
  if (mode === "reflect") return place < 0 ? -place : 2 * (size - 1) - place;
  return null;
}

/** The inputs that a box of outputs reads; it may reach into the padding. */
export function inputBox(geometry: ConvolutionGeometry, { top, left, bottom, right }: Box): Box {
  const [firstRow, lastRow] = span(geometry, 0, top, bottom);
  const [firstColumn, lastColumn] = span(geometry, 1, left, right);
  return { top: firstRow, left: firstColumn, bottom: lastRow, right: lastColumn };
}

function span({ kernel, stride, padding, dilation, transposed }: ConvolutionGeometry, axis: 0 | 1, low: number, high: number): [number, number] {
  const reach = dilation[axis] * (kernel[axis] - 1);
  const [s, p] = [stride[axis], padding[axis]];
  if (!transposed) return [low * s - p, high * s - p + reach];
  return [Math.ceil((low + p - reach) / s) + 0, Math.floor((high + p) / s)]; // + 0: no negative zero
}

/** The part of a box that lies in a map of a size. */
export function clamped({ top, left, bottom, right }: Box, [height, width]: Pair): Box {
  const within = (value: number, size: number) => Math.min(size - 1, Math.max(0, value));
  return { top: within(top, height), left: within(left, width), bottom: within(bottom, height), right: within(right, width) };
}

/** "rows 3 to 9, columns 0 to 4" */
export function boxText({ top, left, bottom, right }: Box): string {
  const range = (noun: string, from: number, to: number) => (from === to ? `${noun} ${from}` : `${noun}s ${from} to ${to}`);
  return `${range("row", top, bottom)}, ${range("column", left, right)}`;
}
