import type { PenRule } from "../shared/contract";
import { h, icon, segmented } from "../shared/dom";
import { imageOf } from "./canvas";
import { blockCounts, centered, type GrayImage, resize, shrink } from "./preprocess";
import { encodeStrokes, extended, fitStrokes, paintStrokes, type Point, type Stroke } from "./strokes";

const SCALE = 10; // canvas pixels for each pixel of the picture
const PEN = 0.085; // width of a stroke, in parts of the canvas

/** What is drawn: strokes, prepared by the data set's rule or as they are. */
export interface Drawn {
  strokes: readonly Stroke[];
  prepared: boolean;
}

/** A canvas to draw on with mouse, pen or finger; `onChange` gets the picture (C*H*W in 0..1) after every movement. */
export class Drawing {
  readonly element: HTMLElement;
  strokes: readonly Stroke[] = [];
  private readonly context: CanvasRenderingContext2D;
  private readonly prepare: HTMLInputElement;
  private readonly rulePart: HTMLElement;
  private readonly frame: HTMLElement;
  private readonly tool = segmented<"pen" | "eraser">("Tool", [["pen", "Pen"], ["eraser", "Eraser"]], (tool) => this.take(tool === "eraser"));
  private readonly tooLong = h("p", { class: "acc-hint", hidden: true }, "This drawing is too long for the page's address: a link will not bring it back.");
  private pointer: number | null = null;
  private erases = false;
  /** Where the keys are, while the canvas has the focus; and whether they draw. */
  private cursor: Point | null = null;
  private isDown = false;
  /** A picture that is drawn upon, as it is (C*H*W in 0..1). */
  private below: Float32Array | null = null;

  /** With a rule the drawing becomes a picture as the data set's own did; the reader may switch that off. */
  constructor(
    private readonly size: number,
    private readonly channels: number,
    private readonly rule: PenRule | null,
    private readonly onChange: (picture: Float32Array) => void,
    note = "",
  ) {
    const canvas = h("canvas", {
      class: "acc-drawing-canvas",
      width: size * SCALE,
      height: size * SCALE,
      tabindex: 0,
      role: "application",
      "aria-roledescription": "drawing area",
      "aria-label": "Drawing area: draw with mouse, pen or finger; or by keys: arrows move, Space sets the pen down and lifts it",
    });
    const context = canvas.getContext("2d");
    if (!context) throw new Error("this browser has no canvas to draw on");
    this.context = context;
    this.prepare = h("input", { type: "checkbox", checked: rule !== null, onchange: () => this.publish() });
    this.frame = h("div", { class: "acc-drawing-frame" }, canvas);
    this.rulePart = h(
      "div",
      {},
      rule && h("label", { class: "acc-check" }, this.prepare, "Prepare as the data set does"),
      h("p", { class: "acc-hint" }, rule ? `Your drawing is ${rule.words}.` : `Your drawing is scaled to ${size} x ${size} pixels, no more.`),
    );
    this.element = h(
      "div",
      { class: "acc-drawing" },
      this.frame,
      h(
        "div",
        { class: "acc-drawing-controls" },
        h(
          "div",
          { class: "acc-row" },
          this.tool.element,
          h("button", { type: "button", class: "acc-button", onclick: () => this.show({ strokes: this.strokes.slice(0, -1) }) }, icon("reset"), "Undo stroke"),
          h("button", { type: "button", class: "acc-button", onclick: () => this.show({ strokes: [], below: null }) }, "Clear"),
        ),
        this.rulePart,
        note && h("p", { class: "acc-hint" }, note),
        this.tooLong,
      ),
    );
    this.take(false);
    this.listen(canvas);
    this.paint();
  }

  /** Whether the drawing is prepared by the data set's rule. */
  get prepared(): boolean {
    return this.prepare.checked;
  }

  /** Whether a picture is drawn upon. */
  get hasBelow(): boolean {
    return this.below !== null;
  }

  /** Shows strokes, or a picture to draw upon, in place of what is there; what is not named stays. */
  show({ strokes = this.strokes, prepared = this.prepared, below = this.below }: Partial<Drawn> & { below?: Float32Array | null }): void {
    this.prepare.checked = prepared && this.rule !== null;
    this.strokes = strokes;
    this.below = below;
    this.rulePart.hidden = below !== null; // what is drawn upon is as the data set has it
    this.tooLong.hidden = strokes.length === 0 || encodeStrokes(strokes) !== "";
    this.paint();
    this.publish();
  }

  /** Gives the drawing as it is now to `onChange`. */
  publish(): void {
    this.onChange(this.picture());
  }

  private take(erases: boolean): void {
    this.erases = erases;
    this.tool.set(erases ? "eraser" : "pen");
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
      this.show({ strokes: [...this.strokes, extended({ points: [], erases: this.erases }, place(event))] });
    });
    canvas.addEventListener("pointermove", (event) => {
      const last = this.strokes.at(-1);
      if (event.pointerId !== this.pointer || !last) return;
      const events = event.getCoalescedEvents?.() ?? []; // every place the pen was at since the last frame
      const stroke = (events.length > 0 ? events : [event]).map(place).reduce(extended, last);
      if (stroke !== last) this.show({ strokes: [...this.strokes.slice(0, -1), stroke] });
    });
    const end = (event: PointerEvent) => {
      if (event.pointerId === this.pointer) this.pointer = null;
    };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => {
      this.cursor = null;
      this.isDown = false;
      this.paint();
    });
  }

  /** Arrows move by a pixel of the picture; Space begins a stroke there, or ends it. */
  private key(event: KeyboardEvent): void {
    const moves: Record<string, Point> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], " ": [0, 0] };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const [x, y] = this.cursor ?? [0.5, 0.5];
    const inside = (value: number) => Math.min(1, Math.max(0, value));
    const cursor: Point = [inside(x + move[0] / this.size), inside(y + move[1] / this.size)];
    this.cursor = cursor;
    if (event.key === " ") this.isDown = !this.isDown;
    const last = this.strokes.at(-1);
    if (event.key === " " && this.isDown) this.show({ strokes: [...this.strokes, extended({ points: [], erases: this.erases }, cursor)] });
    else if (this.isDown && last) this.show({ strokes: [...this.strokes.slice(0, -1), extended(last, cursor)] });
    else this.paint();
  }

  private paint(): void {
    this.frame.toggleAttribute("data-empty", this.strokes.length === 0 && !this.below);
    paintStrokes(this.context, this.strokes, PEN, this.below && this.pixelsBelow(this.below));
    if (!this.cursor) return;
    const side = this.size * SCALE;
    this.context.beginPath();
    this.context.arc(this.cursor[0] * side, this.cursor[1] * side, (PEN * side) / 2, 0, 2 * Math.PI);
    this.context.lineWidth = 2;
    this.context.strokeStyle = this.isDown ? "#ff7a2f" : "#888";
    this.context.stroke();
  }

  private pixelsBelow(picture: Float32Array): OffscreenCanvas {
    const canvas = new OffscreenCanvas(this.size, this.size);
    canvas.getContext("2d")?.putImageData(imageOf(picture, this.channels, this.size), 0, 0);
    return canvas;
  }

  /** All channels of a drawing are alike, unless it is drawn upon a picture. */
  private picture(): Float32Array {
    const { channels, below } = this;
    const pixels = below && this.pixelsBelow(below);
    const gray = pixels ? null : this.gray();
    const plane = this.size * this.size;
    const picture = new Float32Array(plane * channels);
    for (let c = 0; c < channels; c++) picture.set(gray ?? this.plain(c, pixels), c * plane);
    return picture;
  }

  private gray(): Float32Array {
    const { size, rule } = this;
    if (!rule || !this.prepared || this.strokes.length === 0) return this.plain(0);
    const fine = rastered(fitStrokes(this.strokes, rule), rule.pen / rule.field, rule.field);
    const field = shrink(fine, rule.field, rule.field);
    const placed = rule.center === "mass" ? centered(field) : field;
    const levels = rule.blocks > 1 ? blockCounts(placed, rule.blocks) : placed;
    return resize(levels, size, size).data;
  }

  /** A channel of the strokes as they are. */
  private plain(channel: number, below: OffscreenCanvas | null = null): Float32Array {
    return shrink(rastered(this.strokes, PEN, this.size, below, channel), this.size, this.size).data;
  }
}

/** Strokes as a channel of a fine picture, SCALE pixels for each of `size`. */
function rastered(strokes: readonly Stroke[], pen: number, size: number, below: OffscreenCanvas | null = null, channel = 0): GrayImage {
  const side = size * SCALE;
  const context = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser has no canvas to draw on");
  paintStrokes(context, strokes, pen, below);
  const { data } = context.getImageData(0, 0, side, side);
  return { data: Float32Array.from({ length: side * side }, (_, i) => data[i * 4 + channel]! / 255), width: side, height: side };
}
