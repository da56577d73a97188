import { arrayOf, loadData } from "../data";
import type { DatasetMeta } from "./contract";
import { count } from "./format";

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
  private sheet: Sheet | null = null;
  /** When they are there; until then they are shown empty and cannot be read. Rejects with a message for people. */
  readonly decoded: Promise<void>;

  private constructor(
    readonly meta: DatasetMeta,
    private readonly coming: Promise<Sheet>,
    private readonly more: { atlas: Pictures; tiles: ReadonlyMap<number, number> } | null = null,
  ) {
    this.decoded = coming.then((sheet) => {
      this.sheet = sheet;
    });
  }

  /** Begins to load the atlas of a data set of which `meta` is known. */
  static begin(datasetKey: string, meta: DatasetMeta): Pictures {
    return new Pictures(meta, loadSheet(`${datasetKey}-pictures`, meta));
  }

  static async decode(bytes: ArrayLike<number>, meta: DatasetMeta): Promise<Pictures> {
    const pictures = new Pictures(meta, sheetOf(bytes));
    await pictures.decoded;
    return pictures;
  }

  /** These pictures and some of the training split. */
  async with({ atlas, indices }: MorePictures): Promise<Pictures> {
    const tiles = new Map(Array.from(indices, (index, tile) => [this.meta.n + index, tile]));
    const pictures = new Pictures(this.meta, this.coming, { atlas, tiles });
    await pictures.decoded;
    return pictures;
  }

  /** Whether they are more than a browser can decode at once; they are then not loaded. */
  get isTooLarge(): boolean {
    return isTooLarge(this.meta);
  }

  get isDecoded(): boolean {
    return this.sheet !== null;
  }

  get bitmap(): ImageBitmap {
    if (!this.sheet) throw new Error(`the pictures of ${this.meta.name} are not decoded yet`);
    return this.sheet.bitmap;
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
    const draw = () => {
      element.style.backgroundImage = `url("${this.sheet!.url}")`;
    };
    if (this.sheet) draw();
    else this.decoded.then(draw, () => {}); // whoever asked for them tells what went wrong
    element.style.backgroundSize = `${size * columns}px auto`;
    element.style.backgroundPosition = `${-(index % columns) * size}px ${-Math.floor(index / columns) * tall}px`;
  }
}

const MOST_PIXELS = 2 ** 28; // of a sheet, four bytes each: browsers decode no picture of more than some 2 GB

function isTooLarge({ n, columns, width, height }: DatasetMeta): boolean {
  return columns * width * Math.ceil(n / columns) * height > MOST_PIXELS;
}

async function loadSheet(key: string, meta: DatasetMeta): Promise<Sheet> {
  if (isTooLarge(meta)) throw new Error(`The sheet of all ${count(meta.n)} pictures of ${meta.name} is larger than browsers can decode.`);
  return sheetOf(arrayOf(await loadData(key), key, "atlas").data);
}

/** An atlas and the address of its file; an `<img>` of a file would taint WebGL on a page opened from disk. */
interface Sheet {
  bitmap: ImageBitmap;
  url: string;
}

async function sheetOf(bytes: ArrayLike<number>): Promise<Sheet> {
  const png = new Blob([Uint8Array.from(bytes)], { type: "image/png" });
  return { bitmap: await createImageBitmap(png), url: URL.createObjectURL(png) };
}

const begun = new Map<string, Promise<Pictures>>();

/** Pictures of a data set, which may still be coming; the runs of a recipe share them. */
export function beginPictures(datasetKey: string): Promise<Pictures> {
  let result = begun.get(datasetKey);
  if (!result) {
    const forget = () => begun.delete(datasetKey); // a later call may try again
    result = loadData<DatasetMeta>(datasetKey).then(({ meta }) => Pictures.begin(datasetKey, meta));
    result.then((pictures) => pictures.decoded).catch(forget);
    begun.set(datasetKey, result);
  }
  return result;
}

/** Pictures of a data set that are there. */
export async function loadPictures(datasetKey: string): Promise<Pictures> {
  const pictures = await beginPictures(datasetKey);
  await pictures.decoded;
  return pictures;
}
