import type { Autoencoder } from "../model/autoencoder";
import { type Code, latentOf, withLatent } from "../model/code";
import type { Reading } from "../model/probes";
import { PictureCanvas } from "../picture/canvas";
import { meanSquaredError } from "../picture/preprocess";
import { h, icon, provenanceLine } from "../shared/dom";
import { fact, timeFact } from "../shared/facts";
import { number, percent } from "../shared/format";
import { shareBars } from "../shared/shares";
import { type Edits, FactorSliders, latentText } from "./sliders";

/** Encoder and decoder of a branch at work on a picture: the pictures, facts, and sliders for the latent between them. */
export class FactorView {
  readonly element: HTMLElement;
  private readonly input: PictureCanvas;
  private readonly output: PictureCanvas;
  private readonly caption = h("figcaption", {}, "decoded");
  private readonly facts = h("div", { class: "acc-branch-facts" });
  private readonly vector = h("pre", { class: "acc-vector" });
  private readonly sliders: FactorSliders;
  private readonly resetButton: HTMLButtonElement;
  private picture = new Float32Array();
  code: Code | null = null;

  /** `edits` are the sliders to move after the first answer; `enqueue` runs what a slider asks for. */
  constructor(
    private readonly model: Autoencoder,
    private asked: Edits | null,
    enqueue: (job: () => Promise<void>) => void,
  ) {
    const { meta } = model;
    this.input = new PictureCanvas("What the encoder sees", meta.channels, meta.image_size);
    this.output = new PictureCanvas("What the decoder draws", meta.channels, meta.image_size);
    this.sliders = new FactorSliders(meta, (latent) => enqueue(() => this.decode(latent)));
    this.resetButton = h("button", { type: "button", class: "acc-button", onclick: () => this.sliders.reset() }, icon("reset"), "Reset to encoded");
    this.element = h(
      "div",
      { class: "acc-branch-view" },
      h(
        "div",
        { class: "acc-branch-pictures" },
        h("figure", {}, this.input.element, h("figcaption", {}, "input")),
        h("figure", {}, this.output.element, this.caption),
        this.facts,
      ),
      h("div", { class: "acc-branch-actions" }, h("h3", {}, "Factors"), this.resetButton),
      this.sliders.element,
      h("details", { class: "acc-more" }, h("summary", {}, "Latent vector"), this.vector),
      provenanceLine(meta.provenance),
    );
  }

  /** Shows a picture and what becomes of it. */
  async answer(picture: Float32Array): Promise<void> {
    this.picture = new Float32Array(picture);
    this.input.show(picture);
    this.code = await this.model.encode(picture);
    this.sliders.setEncoded(latentOf(this.code));
    const latent = this.asked ? this.sliders.edit(this.asked) : this.sliders.values;
    this.asked = null;
    await this.decode(latent);
  }

  /** The sliders that are away from the encoder's values. */
  get edits(): Edits {
    return this.sliders.edits;
  }

  /** Decodes a latent, with all else that the decoder needs as the picture was encoded. */
  private async decode(latent: Float32Array): Promise<void> {
    if (!this.code) return; // no picture has been encoded
    this.code = withLatent(this.code, latent);
    const decoded = await this.model.decode(this.code);
    this.output.show(decoded);
    this.showFacts(latent, decoded);
  }

  private showFacts(latent: Float32Array, decoded: Float32Array): void {
    const edited = this.sliders.isEdited();
    this.caption.textContent = edited ? "decoded, edited" : "decoded";
    this.resetButton.disabled = !edited;
    this.vector.textContent = latentText(this.model.meta, latent);
    const error = meanSquaredError(this.picture, decoded);
    this.facts.replaceChildren(
      ...this.model.readings(latent).map(readingElement),
      h(
        "dl",
        { class: "acc-facts" },
        ...fact("squared error", number(error)),
        ...fact("PSNR", `${number(-10 * Math.log10(Math.max(error, 1e-12)))} dB`),
        ...timeFact("time", this.model.times()),
      ),
    );
  }
}

/** A classifier's probabilities as bars, or the value of a regression. */
function readingElement({ probe, values }: Reading): HTMLElement {
  if (!probe.classes) {
    const read = [...values].map((value, i) => `${probe.outputs?.[i] ?? ""} ${number(value)}`.trim());
    return h("p", { class: "acc-reading" }, `${probe.task}: `, h("strong", {}, read.join(", ")));
  }
  const best = values.indexOf(Math.max(...values));
  const names = Array.from(values, (_, i) => probe.classes?.[i] ?? String(i));
  const title = h("p", {}, `${probe.task}: `, h("strong", {}, names[best]!), ` ${percent(values[best]!)}`);
  return h("div", { class: "acc-reading" }, title, shareBars(names, values, probe.task));
}
