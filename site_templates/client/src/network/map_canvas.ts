import type { Theme } from "../shared/palette";
import { type Scale, valueColor } from "./colors";

const TABLE = 512; // colours of a scale that is looked up by value

/** A canvas that shows a map (H*W), a pixel for each value; CSS makes it as large as it should look. */
export class MapCanvas {
  readonly element = document.createElement("canvas");
  private readonly context = this.element.getContext("2d");

  constructor() {
    this.element.className = "acc-map-canvas";
    this.element.setAttribute("aria-hidden", "true"); // what it shows is named by the button or figure around it
  }

  show(values: ArrayLike<number>, height: number, width: number, scale: Scale, theme: Theme): void {
    if (!this.context) return;
    if (this.element.width !== width) this.element.width = width;
    if (this.element.height !== height) this.element.height = height;
    const table = colorTable(scale, theme);
    const low = scale.kind === "picture" ? 0 : -scale.limit;
    const span = scale.kind === "picture" ? 1 : 2 * scale.limit;
    const image = this.context.createImageData(width, height);
    for (let i = 0; i < height * width; i++) {
      const share = Math.min(1, Math.max(0, (values[i]! - low) / span));
      const at = Math.round(share * (TABLE - 1)) * 4;
      for (let c = 0; c < 4; c++) image.data[i * 4 + c] = table[at + c]!;
    }
    this.context.putImageData(image, 0, 0);
  }
}

const tables = new Map<string, Uint8ClampedArray>();

/** The colours of a scale from low to high as bytes (512 * 4); they do not depend on where its ends are. */
function colorTable(scale: Scale, theme: Theme): Uint8ClampedArray {
  const key = `${scale.kind} ${theme}`;
  let table = tables.get(key);
  if (!table) {
    const unit: Scale = scale.kind === "picture" ? scale : { kind: "signed", limit: 1, isPositive: false };
    table = new Uint8ClampedArray(TABLE * 4).fill(255);
    for (let i = 0; i < TABLE; i++) {
      const share = i / (TABLE - 1);
      table.set(valueColor(scale.kind === "picture" ? share : 2 * share - 1, unit, theme), i * 4);
    }
    tables.set(key, table);
  }
  return table;
}
