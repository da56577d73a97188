/** What a hand on the sliders does to a picture, in the order of training: shift, rotation, scale, intensity, noise, mask. */

import { mulberry32 } from "../shared/random";

export interface AugmentationSettings {
  /** Pixels to the right. */
  shiftX: number;
  /** Pixels down. */
  shiftY: number;
  /** Degrees, counter-clockwise. */
  rotation: number;
  /** Factor on the size. */
  scale: number;
  /** Factor on the brightness. */
  intensity: number;
  /** Standard deviation of the noise, in units of full brightness. */
  noise: number;
  /** Share of the pixels that are set to 0. */
  masking: number;
}

export const UNCHANGED: AugmentationSettings = { shiftX: 0, shiftY: 0, rotation: 0, scale: 1, intensity: 1, noise: 0, masking: 0 };

/** Random numbers of one seed: while the seed stays, noise and mask stay where they are and only grow or shrink. */
export interface NoiseField {
  normal: Float32Array; // (C*H*W) from N(0, 1)
  uniform: Float32Array; // (C*H*W) in [0, 1): a pixel is masked where this is below the share
}

/** The same seed and length give the same numbers. */
export function noiseField(seed: number, length: number): NoiseField {
  const random = mulberry32(seed);
  const normal = Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random())); // Box and Muller (1958)
    return radius * Math.cos(2 * Math.PI * random());
  });
  return { normal, uniform: Float32Array.from({ length }, random) };
}

/** An augmented copy of `picture` (channels * size * size, 0..1); bilinear, empty outside, clamped to 0..1. */
export function augment(picture: Float32Array, size: number, settings: AugmentationSettings, field: NoiseField): Float32Array {
  const { intensity, noise, masking } = settings;
  const out = isMoved(settings) ? moved(picture, size, settings) : picture.slice();
  for (let i = 0; i < out.length; i++) {
    const value = out[i]! * intensity + noise * field.normal[i]!;
    out[i] = field.uniform[i]! < masking ? 0 : Math.min(1, Math.max(0, value));
  }
  return out;
}

function isMoved({ shiftX, shiftY, rotation, scale }: AugmentationSettings): boolean {
  return shiftX !== 0 || shiftY !== 0 || rotation !== 0 || scale !== 1;
}

/** For each pixel the place in the input: undo scale, then rotation, then shift, all about the middle. */
function moved(picture: Float32Array, size: number, { shiftX, shiftY, rotation, scale }: AugmentationSettings): Float32Array {
  const out = new Float32Array(picture.length);
  const plane = size * size;
  const angle = (rotation * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle) / scale, Math.sin(angle) / scale];
  const middle = (size - 1) / 2;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const fromX = cos * (x - middle) - sin * (y - middle) + middle - shiftX;
      const fromY = sin * (x - middle) + cos * (y - middle) + middle - shiftY;
      for (let start = 0; start < picture.length; start += plane) {
        out[start + y * size + x] = bilinear(picture, start, size, fromX, fromY);
      }
    }
  }
  return out;
}

function bilinear(picture: Float32Array, start: number, size: number, x: number, y: number): number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, down] = [x - left, y - top]; // shares of the pixels to the right and below
  const at = (column: number, row: number) =>
    column < 0 || row < 0 || column >= size || row >= size ? 0 : picture[start + row * size + column]!;
  return (
    (at(left, top) * (1 - right) + at(left + 1, top) * right) * (1 - down) +
    (at(left, top + 1) * (1 - right) + at(left + 1, top + 1) * right) * down
  );
}
