import { PictureCanvas } from "../picture/canvas";
import { h } from "../shared/dom";
import { number } from "../shared/format";
import { animate, ease } from "../shared/motion";
import type { PageColors } from "../shared/theme";
import type { Scale } from "./colors";
import { type Column, kindsOf, shapeText } from "./columns";
import type { NetworkLayer, NetworkMeta } from "./contract";
import { MapCanvas } from "./map_canvas";
import { isMap, type Snapshot } from "./snapshot";
import { type Ends, type Wire, Wires } from "./wires";

const CHANGE_TIME = 220; // ms from one picture of the network to the next
const UNIT: Scale = { kind: "signed", limit: 1, isPositive: false };

/** What the drawing shows. */
export interface FlowView {
  snapshot: Snapshot;
  example: number;
  layer: NetworkLayer;
  channel: number;
  colors: "layer" | "channel";
  page: PageColors;
  /** How much each input channel of the chosen one adds; null where that is not known. */
  strengths: ReadonlyMap<number, number> | null;
}

interface Cell {
  layer: NetworkLayer;
  /** What the column is called. */
  name: string;
  channel: number;
  button: HTMLButtonElement;
  canvas: MapCanvas;
  /** Values over their scale's limit, as they are drawn. */
  shown: Float32Array;
}

interface Places {
  outs: readonly (readonly Ends[])[];
  /** The same with one end for each row of a vector. */
  rows: readonly (readonly Ends[])[];
  recon: Ends | null;
  width: number;
  height: number;
}

/** The network as columns of feature maps, from the picture to what becomes of it, with lines between the columns. */
export class Flow {
  readonly element: HTMLElement;
  private readonly content: HTMLElement;
  private readonly cells: readonly (readonly Cell[])[];
  private readonly input: PictureCanvas;
  private readonly recon: PictureCanvas | null;
  private readonly wires = new Wires();
  private view: FlowView | null = null;
  /** Where lines begin and end, in the columns of the drawing from the picture on; null where that is to be measured. */
  private places: Places | null = null;
  private stop: () => void = () => {};

  constructor(
    meta: NetworkMeta,
    private readonly columns: readonly Column[],
    hasRecon: boolean,
    private readonly onChoose: (layer: NetworkLayer, channel: number) => void,
  ) {
    const [channels, height] = meta.image_shape;
    this.input = new PictureCanvas("The example", channels, height);
    this.recon = hasRecon ? new PictureCanvas("What the network makes of the example", channels, height) : null;
    this.cells = columns.map((column) => column.face.channels.map((channel) => this.createCell(column, channel)));
    this.content = h(
      "div",
      { class: "acc-flow-content" },
      this.wires.element,
      pictureColumn("input", this.input),
      ...columns.map((column, place) => columnElement(column, this.cells[place]!, column.face.part !== columns[place - 1]?.face.part)),
      this.recon && pictureColumn("reconstruction", this.recon),
    );
    this.element = h("div", { class: "acc-flow", role: "group", "aria-label": "The network: layers from the picture on, with their channels" }, this.content);
    this.element.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => {
      this.places = null;
      this.drawWires();
    }).observe(this.content);
  }

  show(view: FlowView): void {
    const before = this.view;
    this.view = view;
    const { snapshot, example, page } = view;
    this.mark(view);
    if (before?.snapshot !== snapshot || before.example !== example || before.colors !== view.colors) {
      this.input.show(snapshot.picture("input", example));
      if (this.recon) this.recon.element.hidden = !snapshot.hasRecon;
      if (snapshot.hasRecon) this.recon?.show(snapshot.picture("recon", example));
      this.change(view);
    } else if (before.page.theme !== page.theme) this.paint(1, this.cells.flat().map(({ shown }) => shown));
    this.drawWires();
    if (before === null || before.layer !== view.layer) this.reveal();
  }

  /** Goes from the values that are drawn to those of the view. */
  private change({ snapshot, example, colors }: FlowView): void {
    this.stop();
    const cells = this.cells.flat();
    const scales = new Map(this.columns.filter(({ face }) => snapshot.hasLayer(face)).map(({ face }) => [face.id, snapshot.scale(face, example)]));
    const targets = cells.map(({ layer, name, channel, button }) => {
      if (!snapshot.hasLayer(layer)) {
        button.title = `${name}, channel ${channel}: it gave nothing at this snapshot`;
        button.setAttribute("aria-label", button.title);
        return new Float32Array(layer.shape.slice(1).reduce((product, size) => product * size, 1));
      }
      const values = snapshot.values(layer, example, channel);
      const scale = colors === "channel" && isMap(layer) ? snapshot.scale(layer, example, channel) : scales.get(layer.id)!;
      const [low, high] = isMap(layer) ? snapshot.range(layer, example, channel) : [values[0]!, values[0]!];
      const told = isMap(layer) ? `from ${number(low)} to ${number(high)}` : number(values[0]!);
      button.title = `${name}, channel ${channel}: ${told}`;
      button.setAttribute("aria-label", button.title);
      return values.map((value) => value / (scale.kind === "signed" ? scale.limit : 1));
    });
    const starts = cells.map(({ shown }, i) => (shown.length === targets[i]!.length ? shown : targets[i]!));
    const isFirst = cells.every(({ shown }) => shown.length === 0);
    this.stop = animate(isFirst ? 0 : CHANGE_TIME, (progress) => {
      const share = ease(progress);
      this.paint(share, targets, starts);
    });
  }

  private paint(share: number, targets: readonly Float32Array[], starts: readonly Float32Array[] = targets): void {
    const theme = this.view!.page.theme;
    this.cells.flat().forEach((cell, i) => {
      const [from, to] = [starts[i]!, targets[i]!];
      cell.shown = share >= 1 ? to : to.map((value, k) => from[k]! + (value - from[k]!) * share);
      const [height, width] = isMap(cell.layer) ? [cell.layer.shape[1]!, cell.layer.shape[2]!] : [1, 1];
      cell.canvas.show(cell.shown, height, width, UNIT, theme);
    });
  }

  /** Marks the chosen channel, which is also the one stop of the Tab key. */
  private mark({ layer, channel }: FlowView): void {
    const place = this.columns.findIndex(({ layers }) => layers.includes(layer));
    const stop = this.cells[place]?.find((cell) => cell.channel === channel && cell.layer.shape[0] === layer.shape[0]) ?? this.cells[Math.max(0, place)]?.[0];
    this.cells.forEach((cells, column) => {
      for (const cell of cells) {
        const isChosen = column === place && cell === stop && cell.channel === channel;
        cell.button.setAttribute("aria-pressed", String(isChosen));
        cell.button.tabIndex = cell === stop ? 0 : -1;
      }
    });
    this.content.querySelectorAll(".acc-layer").forEach((element, column) => element.classList.toggle("acc-chosen-layer", column === place));
  }

  /** Scrolls the drawing, and not the page, until the chosen column is in view. */
  private reveal(): void {
    const column = this.content.querySelector<HTMLElement>(".acc-chosen-layer");
    if (!column) return;
    const { scrollLeft, clientWidth } = this.element;
    const [left, right] = [column.offsetLeft - 24, column.offsetLeft + column.offsetWidth + 24];
    if (left < scrollLeft) this.element.scrollTo({ left, behavior: "smooth" });
    else if (right > scrollLeft + clientWidth) this.element.scrollTo({ left: right - clientWidth, behavior: "smooth" });
  }

  /** Arrows: along the channels of a layer, and to the layers before and after. */
  private key(event: KeyboardEvent): void {
    const at = this.cells.findIndex((cells) => cells.some(({ button }) => button === event.target));
    const place = this.cells[at]?.findIndex(({ button }) => button === event.target) ?? -1;
    if (place < 0) return;
    const neighbor = (by: 1 | -1) => {
      const cells = this.cells[at + by];
      return cells?.[Math.round((place / this.cells[at]!.length) * cells.length)] ?? cells?.at(-1);
    };
    const goals: Record<string, Cell | undefined> = {
      ArrowUp: this.cells[at]![place - 1],
      ArrowDown: this.cells[at]![place + 1],
      Home: this.cells[at]![0],
      End: this.cells[at]!.at(-1),
      ArrowLeft: neighbor(-1),
      ArrowRight: neighbor(1),
    };
    if (!(event.key in goals)) return;
    event.preventDefault();
    const goal = goals[event.key];
    goal?.button.focus({ preventScroll: true });
    goal?.button.click();
  }

  private createCell(column: Column, channel: number): Cell {
    const canvas = new MapCanvas();
    const { face } = column;
    const first = column.layers[0];
    const chosen = first.shape[0] === face.shape[0] && first.channels.includes(channel) ? first : face;
    const button = h("button", { type: "button", class: "acc-map", "aria-pressed": "false", tabindex: -1, onclick: () => this.onChoose(chosen, channel) }, canvas.element);
    const name = face === first ? first.name : `${first.name} after ${face.kind}`;
    return { layer: face, name, channel, button, canvas, shown: new Float32Array() };
  }

  // ---- lines

  private drawWires(): void {
    const { view } = this;
    if (!view) return;
    const { outs, rows, recon, width, height } = (this.places ??= this.measure());
    const wires: Wire[] = [];
    this.columns.forEach((column, place) => {
      for (const from of column.from) {
        if (from === place - 1) wires.push(...this.into(column, outs[place + 1]!, this.cells[place]!, rows[from + 1]!, rows[place + 1]!, this.columns[from]?.face ?? null));
        else wires.push({ from: outs[from + 1]![0]!, to: outs[place + 1]![0]!, share: 0.5, count: 4, chosen: null, over: true });
      }
    });
    const last = rows.at(-1)!;
    if (recon) wires.push(...last.map((from) => ({ from, to: recon, share: 1, count: last.length, chosen: null, over: false })));
    this.wires.draw(wires, width, height, view.page);
  }

  private measure(): Places {
    const base = this.content.getBoundingClientRect();
    const ends = (element: Element): Ends => {
      const box = element.getBoundingClientRect();
      return { left: box.left - base.left, right: box.right - base.left, y: (box.top + box.bottom) / 2 - base.top };
    };
    const outs = [[ends(this.input.element)], ...this.cells.map((cells) => cells.map(({ button }) => ends(button)))];
    const rows = outs.map((each, place) => (place > 0 && !isMap(this.columns[place - 1]!.face) ? rowsOf(each) : each));
    return { outs, rows, recon: this.recon && ends(this.recon.element), width: base.width, height: base.height };
  }

  /** The lines into a column; those into the chosen channel stand out by what each input adds to it. */
  private into(column: Column, cells: readonly Ends[], own: readonly Cell[], froms: readonly Ends[], tos: readonly Ends[], before: NetworkLayer | null): Wire[] {
    const { snapshot, layer, channel, strengths } = this.view!;
    const count = froms.length * tos.length;
    const byChannel = isMap(column.face) && (before === null || isMap(before)); // else a line stands for a row of values
    const norms = byChannel ? normsOf(snapshot, column.layers[0]) : null;
    const inputOf = (i: number) => before?.channels[i] ?? 0;
    const wires: Wire[] = froms.flatMap((from, i) => tos.map((to, j) => ({ from, to, share: norms ? norms(j, inputOf(i)) : 0.5, count, chosen: null, over: false })));
    const place = own.findIndex(({ button }) => button.getAttribute("aria-pressed") === "true");
    if (place < 0 || !column.layers.includes(layer) || own[place]!.channel !== channel) return wires;
    const most = Math.max(1e-12, ...[...(strengths?.values() ?? [])].map(Math.abs));
    const added = (i: number) => (strengths && byChannel ? (strengths.get(inputOf(i)) ?? 0) / most : 0);
    return [...wires, ...froms.map((from, i) => ({ from, to: cells[place]!, share: 1, count, chosen: added(i), over: false }))];
  }
}

/** One end for each row of values: left of its first and right of its last. */
function rowsOf(ends: readonly Ends[]): Ends[] {
  const rows = new Map<number, Ends>();
  for (const { left, right, y } of ends) {
    const key = Math.round(y);
    const row = rows.get(key) ?? { left, right, y };
    rows.set(key, { left: Math.min(row.left, left), right: Math.max(row.right, right), y });
  }
  return [...rows.values()];
}

/** How strong a convolution weighs an input channel for one of its captured channels, by place, over the strongest. */
function normsOf(snapshot: Snapshot, layer: NetworkLayer): ((place: number, input: number) => number) | null {
  if (!layer.convolution || layer.convolution.groups > 1 || !snapshot.has(`kernel/${layer.id}/norms`)) return null;
  const count = layer.convolution.in_channels;
  const norms = snapshot.floats(`kernel/${layer.id}/norms`);
  const most = norms.reduce((a, b) => Math.max(a, b), 1e-12);
  return (place, input) => (norms[place * count + input] ?? 0) / most;
}

function columnElement(column: Column, cells: readonly Cell[], isFirstOfPart: boolean): HTMLElement {
  const { face } = column;
  const first = column.layers[0];
  const missing = face.shape[0]! - cells.length;
  const [rows, size] = isMap(face) ? gridOfMaps(cells.length) : gridOfValues(cells.length);
  return h(
    "div",
    { class: isMap(face) ? "acc-layer" : "acc-layer acc-layer-vector", role: "group", "aria-label": `${first.name}, ${kindsOf(column)}, ${shapeText(face.shape)}`, style: `--rows:${rows};--map:${size}rem` },
    h("div", { class: "acc-layer-part" }, isFirstOfPart && face.part !== "model" ? face.part : ""),
    h("div", { class: "acc-layer-head" }, h("b", { title: `${first.name}: ${first.detail}` }, shortName(first.name)), h("span", { title: kindsOf(column) }, kindsOf(column)), h("span", {}, shapeText(face.shape))),
    h("div", { class: "acc-layer-maps" }, ...cells.map(({ button }) => button)),
    h("div", { class: "acc-layer-more" }, missing > 0 ? `${cells.length} of ${face.shape[0]}` : ""),
  );
}

/** Rows of a column of maps, and the width of one in rem. */
function gridOfMaps(count: number): [rows: number, size: number] {
  const wide = Math.ceil(count / 8);
  return [Math.ceil(count / wide), wide === 1 ? 2.5 : wide === 2 ? 2.25 : 1.75];
}

/** The same for the values of a vector. */
function gridOfValues(count: number): [rows: number, size: number] {
  if (count > 64) return [32, 0.6];
  const wide = Math.ceil(count / 16);
  return [Math.ceil(count / wide), wide === 1 ? 1.6 : wide === 2 ? 1.25 : 1];
}

/** A path that fits a column: its end tells more than its beginning. */
function shortName(name: string): string {
  return name.length > 16 ? `…${name.slice(-15).replace(/^\.+/, "")}` : name;
}

function pictureColumn(name: string, canvas: PictureCanvas): HTMLElement {
  return h(
    "div",
    { class: "acc-layer-picture" },
    h("div", { class: "acc-layer-part" }),
    h("div", { class: "acc-layer-head" }, h("b", {}, name)),
    h("div", { class: "acc-layer-maps" }, canvas.element),
    h("div", { class: "acc-layer-more" }),
  );
}
