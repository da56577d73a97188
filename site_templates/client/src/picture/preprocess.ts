/** Pictures as numbers: pure functions on grey images, row by row, 0 (empty) to 1 (ink). */

export interface GrayImage {
  data: Float32Array;
  width: number;
  height: number;
}

/** Shrinks to `width` x `height` by averaging areas, also by factors that are no whole numbers. */
export function shrink(image: GrayImage, width: number, height: number): GrayImage {
  const [columns, rows] = [areas(image.width, width), areas(image.height, height)];
  return weighted(image, columns, rows);
}

/**
 * Resizes by linear interpolation, antialiased where it shrinks, as `acc_assets.datasets.resize_images` does
 * (torch's `interpolate` with `antialias=True`).
 */
export function resize(image: GrayImage, width: number, height: number): GrayImage {
  return weighted(image, triangles(image.width, width), triangles(image.height, height));
}

/** Moves the centre of mass to the middle, by whole pixels; what would leave the picture is lost. */
export function centered({ data, width, height }: GrayImage): GrayImage {
  let [mass, x, y] = [0, 0, 0];
  data.forEach((value, i) => {
    mass += value;
    x += value * ((i % width) + 0.5);
    y += value * (Math.floor(i / width) + 0.5);
  });
  const out = new Float32Array(data.length);
  const [right, down] = mass > 0 ? [Math.round(width / 2 - x / mass), Math.round(height / 2 - y / mass)] : [0, 0];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [from, above] = [column - right, row - down];
      if (from >= 0 && from < width && above >= 0 && above < height) out[row * width + column] = data[above * width + from]!;
    }
  }
  return { data: out, width, height };
}

/** Counts the inked pixels in blocks of `size` x `size`: their share becomes one pixel. */
export function blockCounts(image: GrayImage, size: number): GrayImage {
  const inked = { ...image, data: image.data.map((value) => (value > 0.5 ? 1 : 0)) };
  return shrink(inked, image.width / size, image.height / size);
}

/** Mean squared difference. */
export function meanSquaredError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum / a.length;
}

/** For each of the new pixels along an axis: the old ones that it is made of, and their shares, which sum to 1. */
type Shares = Array<Array<[pixel: number, share: number]>>;

function weighted(image: GrayImage, columns: Shares, rows: Shares): GrayImage {
  const data = new Float32Array(columns.length * rows.length);
  rows.forEach((row, j) =>
    columns.forEach((column, i) => {
      let sum = 0;
      for (const [y, tall] of row) for (const [x, wide] of column) sum += image.data[y * image.width + x]! * tall * wide;
      data[j * columns.length + i] = sum;
    }),
  );
  return { data, width: columns.length, height: rows.length };
}

function areas(length: number, parts: number): Shares {
  const step = length / parts;
  return Array.from({ length: parts }, (_, i) => {
    const [from, to] = [i * step, (i + 1) * step];
    const covered: Array<[number, number]> = [];
    for (let pixel = Math.floor(from); pixel < Math.min(to - 1e-9, length); pixel++) {
      covered.push([pixel, (Math.min(to, pixel + 1) - Math.max(from, pixel)) / step]);
    }
    return covered;
  });
}

function triangles(length: number, parts: number): Shares {
  const step = length / parts;
  const reach = Math.max(1, step);
  return Array.from({ length: parts }, (_, i) => {
    const middle = (i + 0.5) * step;
    const covered: Array<[number, number]> = [];
    for (let pixel = Math.max(0, Math.floor(middle - reach)); pixel < Math.min(length, middle + reach); pixel++) {
      const share = 1 - Math.abs(pixel + 0.5 - middle) / reach;
      if (share > 0) covered.push([pixel, share]);
    }
    const total = covered.reduce((sum, [, share]) => sum + share, 0);
    return covered.map(([pixel, share]) => [pixel, share / total]);
  });
}
