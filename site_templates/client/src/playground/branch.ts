import type { RunChoice } from "../shared/contract";
import { h, iconButton, icon, provenanceLine } from "../shared/dom";
import { number, percent } from "../shared/format";
import { LatestOnly } from "../shared/latest";
import { runSelect, showFailure } from "../shared/run_panel";
import { shareBars } from "../shared/shares";
import { PictureCanvas } from "./painting";
import { meanSquaredError } from "./preprocess";
import { type BranchModel, loadBranch, type Reading } from "./runtime";
import { FactorSliders, latentText } from "./sliders";

/** One branch: its encoder and decoder at work on the picture that all branches share. */
export class Branch {
  readonly element: HTMLElement;
  /** Settles when the models are loaded; rejects with the reason. */
  ready: Promise<BranchModel>;
  run: string;
  private readonly select: HTMLSelectElement;
  private readonly body = h("div", { class: "acc-branch-body" });
  private readonly queue = new LatestOnly();
  private picture: Float32Array | null = null;
  private view: BranchView | null = null;
  private request = 0;

  constructor(
    runs: readonly RunChoice[],
    run: string,
    private readonly on: { changeRun: () => void; loaded: (model: BranchModel) => void; close: (() => void) | null },
  ) {
    this.run = run;
    this.select = runSelect(runs, run, (chosen) => this.changeRun(chosen));
    const close = on.close && iconButton("close", "Leave the comparison", on.close);
    this.element = h("section", { class: "acc-branch", "aria-label": "Branch" }, h("div", { class: "acc-branch-head" }, this.select, close), this.body);
    this.ready = this.start();
  }

  /** Encodes `picture` and shows what the decoder makes of it. */
  setPicture(picture: Float32Array): void {
    this.picture = picture;
    const { view } = this;
    if (view) void this.queue.run(() => view.encode(picture)).catch((error: unknown) => this.fail(error));
  }

  changeRun(run: string): void {
    if (run === this.run) return;
    this.run = run;
    this.select.value = run;
    this.ready = this.start();
    this.on.changeRun();
  }

  private start(): Promise<BranchModel> {
    const ready = this.load();
    ready.catch(() => {}); // the branch shows its own error
    return ready;
  }

  private async load(): Promise<BranchModel> {
    const request = ++this.request;
    const status = h("p", { class: "acc-hint", role: "status" });
    this.view = null;
    this.body.replaceChildren(status);
    try {
      const model = await loadBranch(this.run, (text) => (status.textContent = text));
      if (request !== this.request) return model;
      const view = new BranchView(model, (latent) => {
        void this.queue.run(() => view.decode(latent)).catch((error: unknown) => this.fail(error));
      });
      this.view = view;
      this.body.replaceChildren(view.element);
      this.on.loaded(model);
      if (this.picture) this.setPicture(this.picture);
      return model;
    } catch (error) {
      if (request === this.request) this.fail(error);
      throw error;
    }
  }

  private fail(error: unknown): void {
    showFailure(this.body, error);
  }
}

/** The pictures, facts and sliders of a loaded branch. */
class BranchView {
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

  async encode(picture: Float32Array): Promise<void> {
    this.picture = new Float32Array(picture);
    this.input.show(picture);
    const latent = await this.model.encode(picture);
    this.sliders.setEncoded(latent);
    await this.decode(latent);
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
