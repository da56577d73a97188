import { Drawing } from "../picture/drawing";
import { decodeDrawn, encodeDrawn } from "../picture/input";
import { h, icon } from "../shared/dom";
import type { NetworkMeta } from "./contract";

/** Where the reader draws a picture for the network, on nothing or on the chosen example. */
export class Pad {
  readonly element: HTMLElement;
  readonly buttons: HTMLElement;
  readonly drawing: Drawing;
  private readonly draw: HTMLButtonElement;
  private readonly edit: HTMLButtonElement;

  /** `onPicture` hears what is drawn, `example` gives the picture (C*H*W in 0..1) of the example that is chosen. */
  constructor(
    { image_shape: [channels, size], pen_rule }: NetworkMeta,
    onPicture: (picture: Float32Array) => void,
    private readonly example: () => Float32Array,
  ) {
    this.drawing = new Drawing(size, channels, pen_rule, onPicture);
    const button = (name: string, onclick: () => void) => h("button", { type: "button", class: "acc-button", "aria-pressed": "false", onclick }, icon("pen"), name);
    this.draw = button("Draw", () => this.drawing.show(this.drawing.hasBelow ? { strokes: [], below: null } : {}));
    this.edit = button("Edit this one", () => this.drawing.show({ strokes: [], below: this.example() }));
    this.buttons = h("div", { class: "acc-row" }, this.draw, this.edit);
    this.element = h("section", { class: "acc-network-pad", "aria-label": "Drawing", hidden: true }, this.drawing.element);
  }

  /** Shows whether the drawing is what is looked at. */
  show(isShown: boolean): void {
    this.element.hidden = !isShown;
    this.draw.setAttribute("aria-pressed", String(isShown && !this.drawing.hasBelow));
    this.edit.setAttribute("aria-pressed", String(isShown && this.drawing.hasBelow));
  }

  /** Shows the drawing that an address asks for; `on` says that it lies on the example. */
  open(asked: URLSearchParams): void {
    const drawn = decodeDrawn(asked);
    if (drawn) this.drawing.show({ ...drawn, below: asked.get("on") === "example" ? this.example() : null });
  }

  encode(out: URLSearchParams): void {
    if (encodeDrawn(this.drawing, out) && this.drawing.hasBelow) out.set("on", "example");
  }
}
