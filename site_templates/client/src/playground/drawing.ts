import { h, icon } from "../shared/dom";
import { centerLikeMnist, type GrayImage, shrink } from "./preprocess";

const SCALE = 10; // canvas pixels for each pixel of the picture
const PEN = 0.085; // width of a stroke, in parts of the canvas

type Stroke = Array<readonly [x: number, y: number]>; // in parts of the canvas

/** A canvas to draw on with mouse, pen or finger; `onChange` gets the picture (H*W in 0..1) after every movement. */
export class Drawing {
  readonly element: HTMLElement;
  private readonly canvas: HTMLCanvasElement;
  private readonly context: CanvasRenderingContext2D;
  private readonly center: HTMLInputElement;
  private readonly frame: HTMLElement;
  private strokes: Stroke[] = [];
  private pointer: number | null = null;

  constructor(
    private readonly size: number,
    private readonly onChange: (picture: Float32Array) => void,
  ) {
    this.canvas = h("canvas", {
      class: "acc-drawing-canvas",
      width: size * SCALE,
      height: size * SCALE,
      role: "img",
      "aria-label": "Drawing area: draw a digit with mouse, pen or finger",
    });
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("this browser has no canvas to draw on");
    this.context = context;
    this.center = h("input", { type: "checkbox", checked: true, onchange: () => this.publish() });
    this.frame = h("div", { class: "acc-drawing-frame" }, this.canvas);
    this.element = h(
      "div",
      { class: "acc-drawing" },
      this.frame,
      h(
        "div",
        { class: "acc-row" },
        h("button", { type: "button", class: "acc-button", onclick: () => this.undo() }, icon("reset"), "Undo stroke"),
        h("button", { type: "button", class: "acc-button", onclick: () => this.clear() }, "Clear"),
      ),
      h("label", { class: "acc-check" }, this.center, "Centre and scale as MNIST does"),
    );
    this.listen();
    this.paint();
  }

  clear(): void {
    this.strokes = [];
    this.paint();
    this.publish();
  }

  /** Gives the drawing as it is now to `onChange`. */
  publish(): void {
    this.onChange(this.picture());
  }

  private undo(): void {
    this.strokes.pop();
    this.paint();
    this.publish();
  }

  private listen(): void {
    const { canvas } = this;
    const place = (event: PointerEvent) => {
      const box = canvas.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height] as const;
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (this.pointer !== null || event.button !== 0) return;
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      this.pointer = event.pointerId;
      this.strokes.push([place(event)]);
      this.paint();
      this.publish();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== this.pointer) return;
      const events = event.getCoalescedEvents?.() ?? []; // every place the pen was at since the last frame
      this.strokes.at(-1)?.push(...(events.length > 0 ? events : [event]).map(place));
      this.paint();
      this.publish();
    });
    const end = (event: PointerEvent) => {
      if (event.pointerId === this.pointer) this.pointer = null;
    };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
  }

  /** Draws all strokes as smooth curves through the middles of their points, so that fast strokes have no corners. */
  private paint(): void {
    const { context, canvas } = this;
    this.frame.toggleAttribute("data-empty", this.strokes.length === 0);
    const at = ([x, y]: readonly [number, number]) => [x * canvas.width, y * canvas.height] as const;
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.strokeStyle = "#fff";
    context.lineWidth = PEN * canvas.width;
    context.lineCap = "round";
    context.lineJoin = "round";
    for (const stroke of this.strokes) {
      context.beginPath();
      context.moveTo(...at(stroke[0]!));
      for (let i = 1; i < stroke.length; i++) {
        const [x0, y0] = at(stroke[i - 1]!);
        const [x1, y1] = at(stroke[i]!);
        context.quadraticCurveTo(x0, y0, (x0 + x1) / 2, (y0 + y1) / 2);
      }
      context.lineTo(...at(stroke.at(-1)!));
      context.stroke();
    }
  }

  private picture(): Float32Array {
    const { width, height } = this.canvas;
    const { data } = this.context.getImageData(0, 0, width, height);
    const gray: GrayImage = { data: Float32Array.from({ length: width * height }, (_, i) => data[i * 4]! / 255), width, height };
    return (this.center.checked ? centerLikeMnist(gray, this.size) : shrink(gray, this.size, this.size)).data;
  }
}
