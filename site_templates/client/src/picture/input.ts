import type { OnnxMeta } from "../shared/contract";
import { h, segmented } from "../shared/dom";
import { Drawing } from "./drawing";
import { PictureCanvas } from "./canvas";
import { decodeStrokes, encodeStrokes, type Stroke } from "./strokes";

type Source = "samples" | "draw";

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
    this.drawing = new Drawing(meta.image_size, meta.pen_rule ?? null, (picture) => {
      this.mark(null);
      this.onPicture(this.toChannels(picture));
    });
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
  get drawn(): { strokes: readonly Stroke[]; prepared: boolean } | null {
    return this.panes.draw.hidden ? null : this.drawing;
  }

  /** Shows a drawing that an address brought. */
  draw(strokes: readonly Stroke[], prepared: boolean): void {
    this.show("draw");
    this.drawing.show(strokes, prepared);
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

  private toChannels(gray: Float32Array): Float32Array {
    const out = new Float32Array(gray.length * this.meta.channels);
    for (let c = 0; c < this.meta.channels; c++) out.set(gray, c * gray.length);
    return out;
  }
}

/** The chosen picture as parts of an address: a sample, or what was drawn. */
export function encodeInput({ sample, drawn }: PictureInput, out: URLSearchParams): void {
  if (sample) out.set("sample", String(sample));
  if (!drawn) return;
  const strokes = encodeStrokes(drawn.strokes);
  if (strokes === "" && drawn.strokes.length > 0) return; // too long for an address
  out.set("draw", strokes);
  if (!drawn.prepared) out.set("asdrawn", "1");
}

/** Shows the picture that an address asks for, or else the first sample. */
export function decodeInput(input: PictureInput, asked: URLSearchParams): void {
  const drawn = asked.get("draw");
  const sample = Number(asked.get("sample") ?? 0);
  if (drawn !== null) input.draw(decodeStrokes(drawn), asked.get("asdrawn") !== "1");
  else input.choose(input.has(sample) ? sample : 0);
}
