/** Pictures as numbers: pure functions on grey images, row by row, 0 (empty) to 1 (ink). */

export interface GrayImage {
  data: Float32Array;
  width: number;
  height: number;
}

/** Shrinks by averaging areas, also by factors that are no whole numbers. */
export function shrink(image: GrayImage, width: number, height: number): GrayImage {
  return resample(image, { x: 0, y: 0, width: image.width, height: image.height }, width, height);
}

/**
 * Puts a drawing where MNIST has its digits: the box around the ink is scaled to 20 of 28 parts of the picture, and its
 * centre of mass goes to the middle (LeCun et al. 1998, section III-A). An empty drawing stays empty.
 */
export function centerLikeMnist(image: GrayImage, size: number): GrayImage {
  const box = inkBox(image);
  const out: GrayImage = { data: new Float32Array(size * size), width: size, height: size };
  if (!box) return out;
  const longest = Math.max(box.width, box.height);
  const fitted = Math.max(1, Math.round((size * 20) / 28));
  const width = Math.max(1, Math.round((box.width / longest) * fitted));
  const height = Math.max(1, Math.round((box.height / longest) * fitted));
  const digit = resample(image, box, width, height);
  const { x, y } = centerOfMass(digit);
  const left = clamp(Math.round(size / 2 - x), 0, size - width);
  const top = clamp(Math.round(size / 2 - y), 0, size - height);
  for (let row = 0; row < height; row++) {
    out.data.set(digit.data.subarray(row * width, (row + 1) * width), (top + row) * size + left);
  }
  return out;
}

/** Mean squared difference. */
export function meanSquaredError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum / a.length;
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

function inkBox({ data, width, height }: GrayImage): Box | null {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (data[y * width + x]! < 0.1) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  return right < 0 ? null : { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

/** In pixels from the left top corner; the middle of the first pixel is 0.5. */
function centerOfMass({ data, width }: GrayImage): { x: number; y: number } {
  let [mass, x, y] = [0, 0, 0];
  data.forEach((value, i) => {
    mass += value;
    x += value * ((i % width) + 0.5);
    y += value * (Math.floor(i / width) + 0.5);
  });
  return { x: x / mass, y: y / mass };
}

function resample(image: GrayImage, box: Box, width: number, height: number): GrayImage {
  const columns = spans(box.x, box.width, width);
  const rows = spans(box.y, box.height, height);
  const data = new Float32Array(width * height);
  rows.forEach((row, j) =>
    columns.forEach((column, i) => {
      let sum = 0;
      for (const [y, tall] of row) for (const [x, wide] of column) sum += image.data[y * image.width + x]! * tall * wide;
      data[j * width + i] = sum;
    }),
  );
  return { data, width, height };
}

/** For each of `parts` equal parts of [start, start + length): the pixels it covers and their share, which sum to 1. */
function spans(start: number, length: number, parts: number): Array<Array<[pixel: number, share: number]>> {
  const step = length / parts;
  return Array.from({ length: parts }, (_, i) => {
    const [from, to] = [start + i * step, start + (i + 1) * step];
    const covered: Array<[number, number]> = [];
    for (let pixel = Math.floor(from); pixel < Math.min(to - 1e-9, start + length); pixel++) {
      covered.push([pixel, (Math.min(to, pixel + 1) - Math.max(from, pixel)) / step]);
    }
    return covered;
  });
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
