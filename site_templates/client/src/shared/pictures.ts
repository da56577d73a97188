import { arrayOf, type Data } from "../data";
import type { DatasetMeta } from "./contract";

/** The pictures of a data set: one PNG of row-major tiles, from which any picture is shown by its index. */
export class Pictures {
  private constructor(
    readonly meta: DatasetMeta,
    readonly bitmap: ImageBitmap,
    private readonly url: string,
  ) {}

  /** Decodes the atlas from its bytes; an `<img>` of a file would taint WebGL on a page opened from disk. */
  static async load(data: Data<DatasetMeta>, key: string): Promise<Pictures> {
    const png = new Blob([arrayOf(data, key, "atlas").data], { type: "image/png" });
    const bitmap = await createImageBitmap(png);
    return new Pictures(data.meta, bitmap, URL.createObjectURL(png));
  }

  /** Makes `element` show picture `index`, `size` CSS pixels wide. */
  show(element: HTMLElement, index: number, size: number): void {
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
