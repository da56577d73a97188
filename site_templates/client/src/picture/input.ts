import type { OnnxMeta } from "../shared/contract";
import { h, segmented } from "../shared/dom";
import { type Drawn, Drawing } from "./drawing";
import { PictureCanvas } from "./canvas";
import { decodeStrokes, encodeStrokes } from "./strokes";

type Source = "samples" | "draw";

const EXPECT =
  "Expect more mistakes than the measured accuracy says: that holds for the data set's own test pictures, and no model here has seen your hand.";

/** Where the picture comes from: a sample of the data set, or the reader's hand. */
export class PictureInput {
  readonly element: HTMLElement;
  private readonly sampleButtons: HTMLButtonElement[];
  private readonly drawing: Drawing;
  private readonly panes: Readonly<Record<Source, HTMLElement>>;
  private readonly source;
  /** Index of the chosen sample; null while a drawing is shown. */
  sample: number | null = null;

  constructor(
    private readonly meta: OnnxMeta,
    private readonly samples: readonly Float32Array[],
    private readonly onPicture: (picture: Float32Array) => void,
  ) {
    this.source = segmented<Source>("Picture from", [["samples", "Samples"], ["draw", "Draw"]], (source) => this.open(source));
    this.sampleButtons = samples.map((picture, i) => this.sampleButton(picture, i));
    const change = (picture: Float32Array) => {
      this.mark(null);
      this.onPicture(picture);
    };
    this.drawing = new Drawing(meta.image_size, meta.channels, meta.pen_rule ?? null, change, EXPECT);
    this.panes = {
      samples: h("div", { class: "acc-samples", role: "group", "aria-label": "Samples" }, ...this.sampleButtons),
      draw: this.drawing.element,
    };
    this.element = h("section", { class: "acc-playground-input", "aria-label": "Picture" }, this.source.element, this.panes.samples, this.panes.draw);
    this.show("samples");
  }

  has(index: number): boolean {
    return index in this.samples;
  }

  choose(index: number): void {
    const picture = this.samples[index];
    if (!picture) return;
    this.mark(index);
    this.onPicture(picture);
  }

  /** What is drawn, for the address; null while a sample is shown. */
  get drawn(): Drawn | null {
    return this.panes.draw.hidden ? null : this.drawing;
  }

  /** Shows a drawing that an address brought. */
  draw(drawn: Drawn): void {
    this.show("draw");
    this.drawing.show(drawn);
  }

  /** Shows that the picture comes from elsewhere: no sample is chosen. */
  clear(): void {
    this.show("samples");
    this.mark(null);
  }

  private open(source: Source): void {
    this.show(source);
    if (source === "draw") this.drawing.publish();
    else this.choose(this.sample ?? 0);
  }

  private show(source: Source): void {
    this.source.set(source);
    for (const [name, pane] of Object.entries(this.panes)) pane.hidden = name !== source;
  }

  private mark(index: number | null): void {
    this.sample = index;
    this.sampleButtons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === index)));
  }

  private sampleButton(picture: Float32Array, i: number): HTMLButtonElement {
    const { label, index } = this.meta.samples[i] ?? {};
    const text = `Sample ${i + 1}${label === undefined ? "" : `: ${label}`}${index === undefined ? "" : `, test picture ${index}`}`;
    const canvas = new PictureCanvas("", this.meta.channels, this.meta.image_size);
    canvas.show(picture);
    canvas.element.setAttribute("aria-hidden", "true");
    return h("button", { type: "button", class: "acc-sample", "aria-pressed": "false", "aria-label": text, title: text, onclick: () => this.choose(i) }, canvas.element);
  }
}

/** The chosen picture as parts of an address: a sample, or what was drawn. */
export function encodeInput({ sample, drawn }: PictureInput, out: URLSearchParams): void {
  if (sample) out.set("sample", String(sample));
  if (drawn) encodeDrawn(drawn, out);
}

/** A drawing as parts of an address; says whether it fits. */
export function encodeDrawn({ strokes, prepared }: Drawn, out: URLSearchParams): boolean {
  const text = encodeStrokes(strokes);
  if (text === "" && strokes.length > 0) return false; // too long for an address
  out.set("draw", text);
  if (!prepared) out.set("asdrawn", "1");
  return true;
}

/** The drawing that an address asks for; null for none. */
export function decodeDrawn(asked: URLSearchParams): Drawn | null {
  const text = asked.get("draw");
  return text === null ? null : { strokes: decodeStrokes(text), prepared: asked.get("asdrawn") !== "1" };
}

/** Shows the picture that an address asks for, or else the first sample. */
export function decodeInput(input: PictureInput, asked: URLSearchParams): void {
  const drawn = decodeDrawn(asked);
  const sample = Number(asked.get("sample") ?? 0);
  if (drawn) input.draw(drawn);
  else input.choose(input.has(sample) ? sample : 0);
}
