import { PictureCanvas } from "../picture/canvas";
import { h } from "../shared/dom";
import { number } from "../shared/format";
import { scaleGradient, scaleLabels } from "./colors";
import type { NetworkLayer, NetworkMeta } from "./contract";
import { type Box, boxText } from "./geometry";
import type { Look } from "./look";
import { MapCanvas } from "./map_canvas";
import { numberGrid } from "./numbers";
import { isMap } from "./snapshot";
import type { Place } from "./state";
import { valueAt } from "./step";

const FEW_VALUES = 20; // of a vector, which are written out

/** The chosen map in large, where a place is chosen; and the example, with what that place sees of it. */
export class PlaceView {
  readonly element: HTMLElement;
  private readonly picture: PictureCanvas;
  private readonly field = h("span", { class: "acc-box" });
  private readonly sees = h("figcaption", { "aria-live": "polite" });
  private readonly map = new MapCanvas();
  private readonly cell = h("span", { class: "acc-box" });
  private readonly marks = h("span", { class: "acc-marks" });
  private readonly frame: HTMLElement;
  private readonly vector = h("div", { class: "acc-vector-values" });
  private readonly tells = h("figcaption", { "aria-live": "polite" });
  private readonly ramp = h("div", { class: "acc-colorbar-ramp" });
  private readonly labels = h("div", { class: "acc-colorbar-labels" });
  private look: Look | null = null;

  constructor(
    private readonly meta: NetworkMeta,
    private readonly onPlace: (at: Place) => void,
    private readonly onMove: (columns: number, rows: number) => void,
  ) {
    const [channels, height] = meta.image_shape;
    this.picture = new PictureCanvas("The example", channels, height);
    this.frame = h("div", { class: "acc-map-frame acc-map-large", tabindex: 0, role: "application", "aria-roledescription": "feature map" }, this.map.element, this.marks, this.cell);
    this.frame.addEventListener("keydown", (event) => this.key(event));
    this.frame.addEventListener("pointerdown", (event) => {
      this.frame.setPointerCapture(event.pointerId);
      this.point(event);
    });
    this.frame.addEventListener("pointermove", (event) => {
      if (this.frame.hasPointerCapture(event.pointerId)) this.point(event);
    });
    this.element = h(
      "div",
      { class: "acc-place" },
      h("figure", {}, h("div", { class: "acc-map-frame" }, this.picture.element, this.field), this.sees),
      h("figure", {}, this.frame, this.vector, h("div", { class: "acc-colorbar" }, this.ramp, this.labels), this.tells),
    );
  }

  show(look: Look): void {
    this.look = look;
    const { snapshot, layer, example, channel, page } = look;
    this.picture.show(snapshot.picture("input", example));
    const scale = snapshot.scale(layer, example, look.colors === "channel" && isMap(layer) ? channel : undefined);
    this.ramp.style.background = scaleGradient(scale, page.theme);
    this.labels.replaceChildren(...scaleLabels(scale).map((label) => h("span", {}, label)));
    this.frame.hidden = !isMap(layer);
    this.vector.hidden = isMap(layer);
    this.showField(layer, look.at);
    if (isMap(layer)) {
      const [, height, width] = layer.shape as [number, number, number];
      this.map.show(snapshot.values(layer, example, channel), height, width, scale, page.theme);
      this.frame.style.aspectRatio = `${width} / ${height}`;
      setBox(this.cell, { top: look.at[1], bottom: look.at[1], left: look.at[0], right: look.at[0] }, height, width);
      const marked = snapshot.isDrawn ? [] : layer.positions; // of a drawing all values are exact
      this.marks.replaceChildren(...marked.map(([x, y]) => h("span", { style: `left:${((x + 0.5) / width) * 100}%;top:${((y + 0.5) / height) * 100}%` })));
      const isExact = snapshot.exact(layer, example, channel, look.at) !== null;
      const value = `${isExact ? "" : "≈ "}${number(valueAt(snapshot, layer, example, channel, look.at))}`;
      this.frame.setAttribute("aria-label", `${layer.name}, channel ${channel}, ${height} rows, ${width} columns; arrow keys move the place. Column ${look.at[0]}, row ${look.at[1]}: ${value}`);
      this.tells.replaceChildren(`column ${look.at[0]}, row ${look.at[1]}: `, h("strong", {}, value));
      this.tells.title = isExact ? "As the model had it." : "From the map stored at 8 bits; dots mark the places whose values are stored exactly.";
    } else {
      const values = Array.from(snapshot.vector(layer, example));
      const place = layer.channels.indexOf(channel);
      const columns = values.length > FEW_VALUES ? Math.ceil(Math.sqrt(values.length)) : 4;
      const grid = numberGrid(values, columns, scale, page.theme, layer.name);
      grid.children[place]?.classList.add("acc-chosen");
      this.vector.replaceChildren(grid);
      this.tells.replaceChildren(`entry ${channel}: `, h("strong", {}, number(values[place] ?? Number.NaN)));
    }
  }

  private showField({ receptive_field: field }: NetworkLayer, [x, y]: Place): void {
    const [, height, width] = this.meta.image_shape;
    const columns = field.status === "ok" ? field.columns[x] : undefined;
    const rows = field.status === "ok" ? field.rows[y] : undefined;
    this.field.hidden = !columns || !rows;
    this.sees.textContent = "";
    if (field.status === "unavailable") {
      this.sees.textContent = `No box: ${field.reason}.`;
      return;
    }
    if (!columns || !rows) return;
    if (columns[0] === columns[1] || rows[0] === rows[1]) {
      this.field.hidden = true;
      this.sees.textContent = "This place sees nothing but padding.";
      return;
    }
    const box = { left: columns[0], right: columns[1] - 1, top: rows[0], bottom: rows[1] - 1 };
    setBox(this.field, box, height, width);
    const isAll = box.left === 0 && box.top === 0 && box.right === width - 1 && box.bottom === height - 1;
    this.sees.textContent = `${isAll ? "It sees the whole picture" : `It sees ${boxText(box)}`}. ${field.note}`;
  }

  private point(event: PointerEvent): void {
    if (!this.look) return;
    const [, height, width] = this.look.layer.shape as [number, number, number];
    const box = this.map.element.getBoundingClientRect();
    const place = (value: number, size: number) => Math.min(size - 1, Math.max(0, Math.floor(value * size)));
    this.onPlace([place((event.clientX - box.left) / box.width, width), place((event.clientY - box.top) / box.height, height)]);
  }

  private key(event: KeyboardEvent): void {
    const moves: Record<string, readonly [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    this.onMove(...move);
  }
}

/** Puts a box over a picture or map of a size. */
export function setBox(element: HTMLElement, { top, left, bottom, right }: Box, height: number, width: number): void {
  element.style.left = `${(left / width) * 100}%`;
  element.style.top = `${(top / height) * 100}%`;
  element.style.width = `${((right - left + 1) / width) * 100}%`;
  element.style.height = `${((bottom - top + 1) / height) * 100}%`;
}
