import type { RunChoice } from "../shared/contract";
import { h, icon, provenanceLine } from "../shared/dom";
import { number, percent } from "../shared/format";
import { RunPanel } from "../shared/run_panel";
import { shareBars } from "../shared/shares";
import { PictureCanvas } from "./painting";
import { meanSquaredError } from "./preprocess";
import { type BranchModel, loadBranch, type Reading } from "./runtime";
import { type Edits, FactorSliders, latentText } from "./sliders";

/** One branch: its encoder and decoder at work on the picture that all branches share. */
export type Branch = RunPanel<Float32Array, BranchModel, BranchView>;

export interface BranchEvents {
  changeRun: () => void;
  loaded: (model: BranchModel) => void;
  /** A slider was moved. */
  edited: () => void;
  close: (() => void) | null;
}

/** A branch that shows `run`; `edits` are the sliders to move after its first answer. */
export function createBranch(runs: readonly RunChoice[], run: string, edits: Edits, on: BranchEvents): Branch {
  let asked: Edits | null = edits;
  const branch: Branch = new RunPanel(runs, run, {
    load: loadBranch,
    open: (model) =>
      new BranchView(model, (latent) => {
        const { view } = branch;
        if (view) branch.enqueue(() => view.decode(latent));
        on.edited();
      }),
    answer: async (view, picture) => {
      await view.encode(picture, asked);
      asked = null;
      on.edited();
    },
    changed: on.changeRun,
    opened: on.loaded,
    close: on.close && { label: "Leave the comparison", act: on.close },
  });
  return branch;
}

/** The pictures, facts and sliders of a loaded branch. */
export class BranchView {
  readonly element: HTMLElement;
  private readonly input: PictureCanvas;
  private readonly output: PictureCanvas;
  private readonly caption = h("figcaption", {}, "decoded");
  private readonly facts = h("div", { class: "acc-branch-facts" });
  private readonly vector = h("pre", { class: "acc-vector" });
  private readonly sliders: FactorSliders;
  private readonly resetButton: HTMLButtonElement;
  private picture = new Float32Array();

  constructor(
    private readonly model: BranchModel,
    onLatent: (latent: Float32Array) => void,
  ) {
    const { meta } = model;
    this.input = new PictureCanvas("What the encoder sees", meta.channels, meta.image_size);
    this.output = new PictureCanvas("What the decoder draws", meta.channels, meta.image_size);
    this.sliders = new FactorSliders(meta, onLatent);
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

  /** Shows a picture and what becomes of it, with the sliders of `edits` moved. */
  async encode(picture: Float32Array, edits: Edits | null): Promise<void> {
    this.picture = new Float32Array(picture);
    this.input.show(picture);
    this.sliders.setEncoded(await this.model.encode(picture));
    await this.decode(edits ? this.sliders.edit(edits) : this.sliders.values);
  }

  /** The sliders that are away from the encoder's values. */
  get edits(): Edits {
    return this.sliders.edits;
  }

  async decode(latent: Float32Array): Promise<void> {
    const decoded = await this.model.decode(latent);
    this.output.show(decoded);
    this.showFacts(latent, decoded);
  }

  private showFacts(latent: Float32Array, decoded: Float32Array): void {
    const edited = this.sliders.isEdited();
    this.caption.textContent = edited ? "decoded, edited" : "decoded";
    this.resetButton.disabled = !edited;
    this.vector.textContent = latentText(this.model.meta, latent);
    const error = meanSquaredError(this.picture, decoded);
    const { encode, decode } = this.model.times;
    this.facts.replaceChildren(
      ...this.model.readings(latent).map(readingElement),
      h(
        "dl",
        { class: "acc-facts" },
        ...fact("squared error", number(error)),
        ...fact("PSNR", `${number(-10 * Math.log10(Math.max(error, 1e-12)))} dB`),
        ...fact("time", `${(encode + decode).toFixed(1)} ms`, `encoder ${encode.toFixed(1)} ms, decoder ${decode.toFixed(1)} ms`),
      ),
    );
  }
}

function fact(name: string, value: string, title = ""): HTMLElement[] {
  return [h("dt", { title }, name), h("dd", { title }, value)];
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
