import { arrayOf, type Data, loadData } from "../data";
import type { DatasetMeta } from "./contract";

/** Pictures of another split than the test split, in an atlas of their own: tile i is picture `indices[i]` of it. */
export interface MorePictures {
  atlas: Pictures;
  indices: ArrayLike<number>;
}

/**
 * The pictures of a data set: one PNG of row-major tiles, from which any picture is shown by its index. The test split
 * has the indices from 0 to n; training pictures that are there too follow, picture i as n + i.
 */
export class Pictures {
  private constructor(
    readonly meta: DatasetMeta,
    readonly bitmap: ImageBitmap,
    private readonly url: string,
    private readonly more: { atlas: Pictures; tiles: ReadonlyMap<number, number> } | null = null,
  ) {}

  /** Decodes the atlas from its bytes; an `<img>` of a file would taint WebGL on a page opened from disk. */
  static async load(data: Data<DatasetMeta>, key: string): Promise<Pictures> {
    return Pictures.decode(arrayOf(data, key, "atlas").data, data.meta);
  }

  static async decode(bytes: ArrayLike<number>, meta: DatasetMeta): Promise<Pictures> {
    const png = new Blob([Uint8Array.from(bytes)], { type: "image/png" });
    const bitmap = await createImageBitmap(png);
    return new Pictures(meta, bitmap, URL.createObjectURL(png));
  }

  /** These pictures and some of the training split. */
  with({ atlas, indices }: MorePictures): Pictures {
    const tiles = new Map(Array.from(indices, (index, tile) => [this.meta.n + index, tile]));
    return new Pictures(this.meta, this.bitmap, this.url, { atlas, tiles });
  }

  has(index: number): boolean {
    return index < this.meta.n || this.more?.tiles.has(index) === true;
  }

  /** "test picture 12". */
  nameOf(index: number): string {
    const { n } = this.meta;
    return index < n ? `test picture ${index}` : `training picture ${index - n}`;
  }

  /** The pixels of picture `index` (C*H*W) in 0..1. */
  read(index: number): Float32Array {
    const tile = this.more?.tiles.get(index);
    if (this.more && tile !== undefined) return this.more.atlas.read(tile);
    const { columns, width, height, channels } = this.meta;
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("this browser has no canvas to decode the pictures with");
    context.drawImage(this.bitmap, -(index % columns) * width, -Math.floor(index / columns) * height);
    const rgba = context.getImageData(0, 0, width, height).data;
    const plane = width * height;
    return Float32Array.from({ length: channels * plane }, (_, i) => rgba[(i % plane) * 4 + Math.floor(i / plane)]! / 255);
  }

  /** Makes `element` show picture `index`, `size` CSS pixels wide. */
  show(element: HTMLElement, index: number, size: number): void {
    const tile = this.more?.tiles.get(index);
    if (this.more && tile !== undefined) {
      this.more.atlas.show(element, tile, size);
      return;
    }
    const { columns, width, height } = this.meta;
    const tall = (size * height) / width;
    element.classList.add("acc-picture");
    element.style.width = `${size}px`;
    element.style.height = `${tall}px`;
    element.style.backgroundImage = `url("${this.url}")`;
    element.style.backgroundSize = `${size * columns}px auto`;
    element.style.backgroundPosition = `${-(index % columns) * size}px ${-Math.floor(index / columns) * tall}px`;
  }
}

const loaded = new Map<string, Promise<Pictures>>();

/** Pictures of a data set, decoded once: the runs of a recipe share them. */
export function loadPictures(datasetKey: string): Promise<Pictures> {
  let result = loaded.get(datasetKey);
  if (!result) {
    result = loadData<DatasetMeta>(datasetKey).then((data) => Pictures.load(data, datasetKey));
    result.catch(() => loaded.delete(datasetKey)); // a later call may try again
    loaded.set(datasetKey, result);
  }
  return result;
}
