import type { DataArray } from "../data";

const ACROSS = 10; // pairs in a row
const GAP = 14; // an image is so many gaps wide

/** Draws each of I images (C, H, W) above what was made of it, ten in a row, one pixel of the canvas for each of theirs. */
export function drawPairs(canvas: HTMLCanvasElement, images: DataArray, made: DataArray): void {
  const [n = 0, channels = 1, height = 1, width = 1] = images.shape;
  const across = Math.min(ACROSS, n);
  const gap = Math.max(1, Math.round(width / GAP));
  const tall = 2 * height + 3 * gap; // a pair, with the space below it
  canvas.width = across * (width + gap) - gap;
  canvas.height = Math.ceil(n / across) * tall - 2 * gap;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser has no canvas to draw pictures on");
  for (let i = 0; i < n; i++) {
    const [x, y] = [(i % across) * (width + gap), Math.floor(i / across) * tall];
    context.putImageData(pictureOf(images, i, channels, width, height), x, y);
    context.putImageData(pictureOf(made, i, channels, width, height), x, y + height + gap);
  }
}

function pictureOf({ data }: DataArray, index: number, channels: number, width: number, height: number): ImageData {
  const picture = new ImageData(width, height);
  const plane = width * height;
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) picture.data[4 * i + c] = data[(index * channels + Math.min(c, channels - 1)) * plane + i]!;
    picture.data[4 * i + 3] = 255;
  }
  return picture;
}
