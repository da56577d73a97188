import { arrayOf, type Data, type DataArray } from "../data";

/** What pages are told of the previews of a run; see `acc_assets/families/previews.py`. */
export interface PreviewsMeta {
  snapshots: ReadonlyArray<{ step: number; mse: number | null; explained: number | null }>;
  /** Names of the classes; null for a real target. */
  classes: readonly string[] | null;
  /** What the labels are values of, where they are no classes. */
  target: string;
  map: string;
  reconstructions: string;
  lacks: readonly string[];
}

/** What is drawn of one snapshot. */
export interface Preview {
  step: number;
  /** (I, C, H, W) bytes; null where the model makes no images. */
  reconstructions: DataArray | null;
  mse: number | null;
  /** (N, 2) in 0..1 of a square; null where the model has no flat latent. */
  places: Float32Array | null;
  /** Side of the square in units of the latent. */
  width: number;
  /** Share of the variance that the map holds; null where it is the latent itself. */
  explained: number | null;
}

/** The previews of one run that are known, by step, and what they share. */
export class Previews {
  words: Omit<PreviewsMeta, "snapshots"> | null = null;
  /** (I, C, H, W) bytes: the test images that are reconstructed. */
  images: DataArray | null = null;
  /** (N): classes, or values of a real target. */
  labels: DataArray | null = null;
  private readonly byStep = new Map<number, Preview>();

  get steps(): number[] {
    return [...this.byStep.keys()].sort((a, b) => a - b);
  }

  /** The newest one up to a step. */
  at(step: number): Preview | null {
    const found = this.steps.findLast((one) => one <= step);
    return found === undefined ? null : this.byStep.get(found)!;
  }

  /** Takes in snapshots; one of a step that is known replaces it. */
  add({ meta: { snapshots, ...words }, arrays }: Data<PreviewsMeta>): void {
    const data = { meta: {}, arrays };
    this.words = words;
    if (!snapshots.length) return;
    this.images = arrayOf(data, "previews", "images");
    this.labels = arrayOf(data, "previews", "labels");
    for (const { step, mse, explained } of snapshots) {
      const coords = arrays[`coords/${step}`];
      const { places, width } = coords ? framed(coords.data) : { places: null, width: 0 };
      this.byStep.set(step, { step, mse, explained, places, width, reconstructions: arrays[`reconstructions/${step}`] ?? null });
    }
  }

  /** Forgets a snapshot that stands no more. */
  remove(step: number): void {
    this.byStep.delete(step);
  }
}

/** Points (N, 2) in the square around them, from 0 to 1, and its width; points that are all one stand in its middle. */
export function framed(coords: ArrayLike<number>): { places: Float32Array; width: number } {
  const ends = [0, 1].map((axis) => {
    const values = Array.from({ length: coords.length / 2 }, (_, i) => coords[2 * i + axis]!);
    return [Math.min(...values), Math.max(...values)] as const;
  });
  const width = Math.max(...ends.map(([low, high]) => high - low)) || 2;
  const starts = ends.map(([low, high]) => (low + high - width) / 2);
  return { places: Float32Array.from(coords, (value, i) => (value - starts[i % 2]!) / width), width };
}

/** The length of a scale bar: 1, 2 or 5 times a power of ten, at most a quarter of the width. */
export function barOf(width: number): number {
  const power = 10 ** Math.floor(Math.log10(width / 4));
  return [5, 2, 1].map((digit) => digit * power).find((length) => length <= width / 4) ?? power;
}
