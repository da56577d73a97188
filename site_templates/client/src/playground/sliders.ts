import type { OnnxMeta } from "../shared/contract";
import { h } from "../shared/dom";
import { fixed, number } from "../shared/format";
import { type SliderRow, sliderRow } from "../shared/slider_row";

const STEPS = 200; // from one end of a slider to the other

/** Values of sliders that were moved, by their dimension. */
export type Edits = ReadonlyMap<number, number>;

/** Edits as text for an address: "2~-0.35_5~1.2". */
export function encodeEdits(edits: Edits): string {
  return [...edits].map(([d, value]) => `${d}~${Number(value.toPrecision(6))}`).join("_");
}

/** The edits of a text that `encodeEdits` wrote; what makes no sense is left out. */
export function decodeEdits(text: string): Edits {
  const pairs = text.split("_").map((part) => part.split("~"));
  const named = pairs.filter(([d, value]) => /^\d+$/.test(d ?? "") && value && Number.isFinite(Number(value)));
  return new Map(named.map(([d, value]) => [Number(d), Number(value)]));
}

/** One slider for each latent dimension, grouped by factor where one has several; a mark shows the encoder's value. */
export class FactorSliders {
  readonly element: HTMLElement;
  private readonly sliders: SliderRow[] = [];
  private encoded: Float32Array;
  private latent: Float32Array;

  constructor(
    private readonly meta: OnnxMeta,
    private readonly onChange: (latent: Float32Array) => void,
  ) {
    this.encoded = new Float32Array(meta.latent_dim);
    this.latent = new Float32Array(meta.latent_dim);
    const factors = meta.factors.length > 0 ? meta.factors : [{ name: "latent", start: 0, stop: meta.latent_dim }];
    const groups = factors.map(({ name, start, stop }) => {
      if (stop - start === 1) return this.createSlider(start, name);
      const rows = Array.from({ length: stop - start }, (_, i) => this.createSlider(start + i, `${name} ${i + 1}`));
      const reset = h("button", { type: "button", class: "acc-link", onclick: () => this.reset(start, stop) }, "reset");
      return h("fieldset", { class: "acc-factor" }, h("legend", {}, name, " ", reset), ...rows);
    });
    this.element = h("div", { class: "acc-factors" }, ...groups);
  }

  /** Puts every slider at the encoder's values. */
  setEncoded(latent: Float32Array): void {
    this.encoded = latent.slice();
    latent.forEach((value, d) => {
      const slider = this.sliders[d];
      if (!slider) return;
      const [low, high] = this.meta.ranges[d] ?? [-3, 3];
      const [min, max] = [Math.min(low, value), Math.max(high, value)]; // a drawing may lie outside what the data had
      slider.input.min = String(min);
      slider.input.max = String(max);
      slider.input.step = String((max - min) / STEPS || 0.01);
      slider.mark((value - min) / (max - min || 1));
    });
    this.setLatent(latent);
  }

  /** The latent that the sliders show. */
  get values(): Float32Array {
    return this.latent;
  }

  /** What is away from the encoder's values. */
  get edits(): Edits {
    return new Map([...this.latent.entries()].filter(([d, value]) => value !== this.encoded[d]));
  }

  /** Moves sliders, and returns the latent that they show. */
  edit(edits: Edits): Float32Array {
    this.setLatent(this.latent.map((value, d) => edits.get(d) ?? value));
    return this.latent;
  }

  /** Whether a slider is away from the encoder's value. */
  isEdited(): boolean {
    return this.latent.some((value, d) => value !== this.encoded[d]);
  }

  /** Back to the encoder's values, for dimensions start <= d < stop. */
  reset(start = 0, stop = this.meta.latent_dim): void {
    this.setLatent(this.latent.map((value, d) => (d >= start && d < stop ? this.encoded[d]! : value)));
    this.onChange(this.latent);
  }

  private setLatent(latent: Float32Array): void {
    this.latent = latent.slice();
    latent.forEach((_, d) => this.showValue(d));
  }

  private createSlider(d: number, label: string): HTMLElement {
    const slider = sliderRow(label, "Double-click: back to the encoded value", {
      move: (value) => this.move(d, value),
      reset: () => this.move(d, this.encoded[d]!),
    });
    this.sliders[d] = slider;
    return slider.row;
  }

  private move(d: number, value: number): void {
    this.latent = this.latent.slice();
    this.latent[d] = value;
    this.showValue(d);
    this.onChange(this.latent);
  }

  private showValue(d: number): void {
    const slider = this.sliders[d];
    const value = this.latent[d]!;
    if (!slider) return;
    slider.input.value = String(value);
    slider.input.setAttribute("aria-valuetext", `${fixed(value, 2)}, encoded ${fixed(this.encoded[d]!, 2)}`);
    slider.output.textContent = fixed(value, 2);
    slider.row.classList.toggle("acc-edited", value !== this.encoded[d]);
  }
}

/** The latent vector as text, factor by factor. */
export function latentText(meta: OnnxMeta, latent: Float32Array): string {
  const factors = meta.factors.length > 0 ? meta.factors : [{ name: "latent", start: 0, stop: meta.latent_dim }];
  return factors.map(({ name, start, stop }) => `${name} = [${[...latent.subarray(start, stop)].map(number).join(", ")}]`).join("\n");
}
