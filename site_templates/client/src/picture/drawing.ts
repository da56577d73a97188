import type { PenRule } from "../shared/contract";
import { h, icon } from "../shared/dom";
import { blockCounts, centered, type GrayImage, resize, shrink } from "./preprocess";
import { extended, fitStrokes, paintStrokes, type Point, type Stroke } from "./strokes";

const SCALE = 10; // canvas pixels for each pixel of the picture
const PEN = 0.085; // width of a stroke, in parts of the canvas

/** A canvas to draw on with mouse, pen or finger; `onChange` gets the picture (H*W in 0..1) after every movement. */
export class Drawing {
  readonly element: HTMLElement;
  strokes: readonly Stroke[] = [];
  private readonly context: CanvasRenderingContext2D;
  private readonly prepare: HTMLInputElement;
  private readonly frame: HTMLElement;
  private pointer: number | null = null;

  /** With a rule the drawing becomes a picture as the data set's own did; the reader may switch that off. */
  constructor(
    private readonly size: number,
    private readonly rule: PenRule | null,
    private readonly onChange: (picture: Float32Array) => void,
  ) {
    const canvas = h("canvas", {
      class: "acc-drawing-canvas",
      width: size * SCALE,
      height: size * SCALE,
      role: "img",
      "aria-label": "Drawing area: draw with mouse, pen or finger",
    });
    const context = canvas.getContext("2d");
    if (!context) throw new Error("this browser has no canvas to draw on");
    this.context = context;
    this.prepare = h("input", { type: "checkbox", checked: rule !== null, onchange: () => this.publish() });
    this.frame = h("div", { class: "acc-drawing-frame" }, canvas);
    this.element = h(
      "div",
      { class: "acc-drawing" },
      this.frame,
      h(
        "div",
        { class: "acc-row" },
        h("button", { type: "button", class: "acc-button", onclick: () => this.show(this.strokes.slice(0, -1)) }, icon("reset"), "Undo stroke"),
        h("button", { type: "button", class: "acc-button", onclick: () => this.show([]) }, "Clear"),
      ),
      rule && h("label", { class: "acc-check" }, this.prepare, "Prepare as the data set does"),
      h("p", { class: "acc-hint" }, rule ? `Your drawing is ${rule.words}.` : `Your drawing is scaled to ${size} x ${size} pixels, no more.`),
      h(
        "p",
        { class: "acc-hint" },
        "Expect more mistakes than the measured accuracy says: that holds for the data set's own test pictures, and no model here has seen your hand.",
      ),
    );
    this.listen(canvas);
    this.paint();
  }

  /** Whether the drawing is prepared by the data set's rule. */
  get prepared(): boolean {
    return this.prepare.checked;
  }

  /** Shows `strokes` in place of what was drawn. */
  show(strokes: readonly Stroke[], prepared = this.prepared): void {
    this.prepare.checked = prepared && this.rule !== null;
    this.strokes = strokes;
    this.paint();
    this.publish();
  }

  /** Gives the drawing as it is now to `onChange`. */
  publish(): void {
    this.onChange(this.picture());
  }

  private listen(canvas: HTMLCanvasElement): void {
    const place = (event: PointerEvent): Point => {
      const box = canvas.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (this.pointer !== null || event.button !== 0) return;
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      this.pointer = event.pointerId;
      this.show([...this.strokes, extended([], place(event))]);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== this.pointer) return;
      const events = event.getCoalescedEvents?.() ?? []; // every place the pen was at since the last frame
      const stroke = (events.length > 0 ? events : [event]).map(place).reduce(extended, this.strokes.at(-1) ?? []);
      if (stroke !== this.strokes.at(-1)) this.show([...this.strokes.slice(0, -1), stroke]);
    });
    const end = (event: PointerEvent) => {
      if (event.pointerId === this.pointer) this.pointer = null;
    };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
  }

  private paint(): void {
    this.frame.toggleAttribute("data-empty", this.strokes.length === 0);
    paintStrokes(this.context, this.strokes, PEN);
  }

  private picture(): Float32Array {
    const { size, rule } = this;
    if (!rule || !this.prepared || this.strokes.length === 0) return shrink(rastered(this.strokes, PEN, size), size, size).data;
    const fine = rastered(fitStrokes(this.strokes, rule), rule.pen / rule.field, rule.field);
    const field = shrink(fine, rule.field, rule.field);
    const placed = rule.center === "mass" ? centered(field) : field;
    const levels = rule.blocks > 1 ? blockCounts(placed, rule.blocks) : placed;
    return resize(levels, size, size).data;
  }
}

/** Strokes as a fine picture, SCALE pixels for each of `size`. */
function rastered(strokes: readonly Stroke[], pen: number, size: number): GrayImage {
  const side = size * SCALE;
  const context = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser has no canvas to draw on");
  paintStrokes(context, strokes, pen);
  const { data } = context.getImageData(0, 0, side, side);
  return { data: Float32Array.from({ length: side * side }, (_, i) => data[i * 4]! / 255), width: side, height: side };
}
