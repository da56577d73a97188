import { h } from "./dom";

/** A canvas with one image (C, H, W) of bytes; C is 1 or 3. Its size on the page is the style's. */
export function tileOf(pixels: ArrayLike<number>, [channels, height, width]: readonly [number, number, number]): HTMLCanvasElement {
  const canvas = h("canvas", { width, height, class: "acc-tile", "aria-hidden": "true" });
  const plane = width * height;
  const rgba = new Uint8ClampedArray(plane * 4).fill(255);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) rgba[i * 4 + c] = pixels[(channels === 1 ? 0 : c) * plane + i]!;
  }
  canvas.getContext("2d")?.putImageData(new ImageData(rgba, width, height), 0, 0);
  return canvas;
}
