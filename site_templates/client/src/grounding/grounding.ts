import { decodeRuns, encodeRuns, startRuns } from "../branches/choice";
import { BranchRow } from "../branches/row";
import { loadAutoencoder } from "../model/autoencoder";
import { PictureCanvas } from "../picture/canvas";
import { decodeInput, encodeInput, PictureInput } from "../picture/input";
import { type PageAddress, pageAddress } from "../shared/address";
import type { OnnxMeta, RunChoice } from "../shared/contract";
import { h, icon, segmented } from "../shared/dom";
import type { Pictures } from "../shared/pictures";
import { Store } from "../shared/store";
import { onThemeChange } from "../shared/theme";
import { listenToKeys } from "../viewer/keys";
import { augment, type NoiseField, noiseField } from "./augmentation";
import { AugmentationControls } from "./augmentation_controls";
import { Disagreement } from "./disagreement";
import { niceTop } from "./drift_chart";
import { GroundView, type Question } from "./ground_view";
import { GroundedModel } from "./grounded_model";
import { InterpolationControls } from "./interpolation_controls";
import { loadManifold } from "./manifold";
import { decodeGrounding, encodeGrounding, type GroundingState, type Mode, START } from "./state";

const MOST_BRANCHES = 6; // each has a WebGL context, of which browsers allow some sixteen

/** The playground on the manifold: one question, and several branches that answer it side by side. */
export class Grounding {
  readonly element: HTMLElement;
  readonly store: Store<GroundingState>;
  readonly row: BranchRow<Question, GroundedModel, GroundView>;
  samples: readonly Float32Array[] = [];
  private readonly side: HTMLElement;
  private readonly disagreement = new Disagreement();
  private readonly address: PageAddress;
  private parts: Parts | null = null;
  private picture: Float32Array | null = null;
  private isNewPicture = true;
  /** The picture of the data set that was clicked; null for samples and drawings. */
  private chosen: number | null = null;
  private field: { seed: number; values: NoiseField } | null = null;

  /** `note` says what distances on a map mean. */
  constructor(
    private readonly runs: readonly RunChoice[],
    note: string,
  ) {
    this.address = pageAddress(() => this.shown());
    this.store = new Store<GroundingState>({ ...START, ...decodeGrounding(this.address.asked) });
    this.row = new BranchRow(runs, {
      load: async (run, say) => {
        say("Loading the manifold…");
        const manifold = await loadManifold(run);
        return new GroundedModel(await loadAutoencoder(run, say), manifold);
      },
      open: (grounded, { label }) => new GroundView(grounded, label, note, (index) => this.pick(index)),
      first: (grounded) => this.createParts(grounded),
      changed: () => this.compare(),
      showBusy: (isBusy) => this.element.setAttribute("aria-busy", String(isBusy)),
      most: MOST_BRANCHES,
      keeps: "one",
      addLabel: [icon("plus"), "Add a branch"],
      closeLabel: "Remove this branch",
    });
    this.side = h("div", { class: "acc-playground-side" }, this.row.waiting);
    this.element = h(
      "div",
      { class: "acc-playground acc-grounding" },
      this.side,
      h("div", { class: "acc-grounding-main" }, h("div", { class: "acc-grounding-head" }, this.disagreement.element, this.row.addButton), this.row.element),
    );
    this.store.subscribe((state, changed) => this.follow(state, changed));
    listenToKeys(this.element, {
      " ": () => this.parts?.interpolation.toggle(),
      ",": () => this.parts?.interpolation.jump(-1),
      ".": () => this.parts?.interpolation.jump(1),
    });
    onThemeChange(() => requestAnimationFrame(() => this.applyColors()));
  }

  /** Settles when a branch can be used, or says that none can. */
  start(): Promise<void> {
    return this.row.start(decodeRuns(this.address.asked, this.runs, startRuns(this.runs)));
  }

  /** What the encoders see. */
  input(): Float32Array | null {
    const { settings, seed } = this.store.get();
    if (!this.picture || !this.parts) return null;
    if (this.field?.seed !== seed || this.field.values.normal.length !== this.picture.length) {
      this.field = { seed, values: noiseField(seed, this.picture.length) };
    }
    return augment(this.picture, this.parts.size, settings, this.field.values);
  }

  /** Takes a picture (C*H*W in 0..1) as the question. */
  setPicture(picture: Float32Array): void {
    this.picture = picture;
    this.isNewPicture = true;
    this.refresh();
    this.address.save();
  }

  // ---- from the state to the screen

  private follow(state: GroundingState, changed: ReadonlySet<keyof GroundingState>): void {
    if (changed.has("mode")) this.showMode(state.mode);
    this.parts?.augmentation.update(state.settings);
    this.parts?.interpolation.update(state);
    if ([...changed].some((key) => key !== "next")) this.refresh();
    this.address.save();
  }

  private refresh(): void {
    this.row.askSoon(() => {
      const question = this.question();
      this.isNewPicture = false;
      return question;
    });
  }

  private question(): Question | null {
    const { mode, a, b, t } = this.store.get();
    if (mode === "interpolate") return a === null || b === null ? null : { kind: "step", a, b, t };
    const picture = this.input();
    if (picture) this.parts?.preview.show(picture);
    return picture && { kind: "probe", picture, source: this.source(), isNew: this.isNewPicture };
  }

  /** The picture of the data set that the question was made from; null for a drawing. */
  private source(): number | null {
    const sample = this.parts?.picture.sample ?? null;
    return sample === null ? this.chosen : (this.parts?.sources[sample]?.index ?? null);
  }

  private showMode(mode: Mode): void {
    if (!this.parts) return;
    this.parts.mode.set(mode);
    this.parts.probe.hidden = mode !== "probe";
    this.parts.interpolation.element.hidden = mode !== "interpolate";
    this.element.dataset.mode = mode;
    if (mode === "probe") this.parts.interpolation.pause();
    this.isNewPicture = true;
  }

  private applyColors(): void {
    for (const { view } of this.row.branches) view?.space.applyColors();
    this.refresh();
  }

  // ---- from the reader to the state

  /** A picture of the data set was clicked: the next question, or the next end of the line. */
  private pick(index: number): void {
    const { mode, next } = this.store.get();
    if (mode === "probe") {
      this.choose(index);
      return;
    }
    this.parts?.interpolation.pause();
    this.store.set({ [next]: index, next: next === "a" ? "b" : "a" });
  }

  /** Makes a picture of the data set the question. */
  private choose(index: number): void {
    const { parts } = this;
    if (!parts || !parts.pictures.has(index)) return;
    parts.picture.clear();
    this.chosen = index;
    parts.chosen.textContent = parts.pictures.nameOf(index);
    this.setPicture(parts.pictures.read(index));
  }

  /** Shows what the branches have in common: their verdict, and the axis of their drifts. */
  private compare(): void {
    const { branches } = this.row;
    const top = niceTop(Math.max(...branches.map(({ view }) => view?.mostDrift ?? 0)));
    this.disagreement.update(branches);
    for (const { view } of branches) view?.scaleDrift(top);
    this.address.save();
  }

  /** The first branch that is loaded brings samples and typical pictures. */
  private createParts({ model, manifold }: GroundedModel): void {
    const { meta, samples } = model;
    this.samples = samples;
    const chosen = h("span", { class: "acc-chosen" });
    const picture = new PictureInput(meta, samples, (values) => {
      chosen.textContent = "";
      this.chosen = null;
      this.setPicture(values);
    });
    const preview = new PictureCanvas("What the encoders see", meta.channels, meta.image_size);
    const augmentation = new AugmentationControls(
      (settings) => this.store.set({ settings }),
      () => this.store.set({ seed: this.store.get().seed + 1 }),
    );
    const interpolation = new InterpolationControls(manifold, (patch) => this.store.set(patch));
    const mode = segmented<Mode>("Mode", [["probe", "Probe"], ["interpolate", "Interpolate"]], (value) => this.store.set({ mode: value }));
    const seen = h("figure", { class: "acc-seen" }, preview.element, h("figcaption", {}, "what the encoders see", chosen));
    const probe = h("div", { class: "acc-probe" }, picture.element, h("p", { class: "acc-hint" }, "Or click a point on a map."), seen, augmentation.element);
    this.parts = { mode, picture, preview, augmentation, interpolation, probe, chosen, sources: meta.samples, pictures: manifold.pictures, size: meta.image_size };
    this.side.replaceChildren(mode.element, probe, interpolation.element);
    this.showStart(manifold.typical.filter((row) => row >= 0).map((row) => manifold.indices[row]!));
  }

  /** Shows the state of the address, or a first sample and the way between two typical pictures. */
  private showStart(typical: readonly number[]): void {
    const state = this.store.get();
    this.showMode(state.mode);
    this.parts?.augmentation.update(state.settings);
    this.store.set({ a: state.a ?? typical[0] ?? null, b: state.b ?? typical.at(-1) ?? null });
    const picture = this.address.asked.get("picture");
    if (this.parts) decodeInput(this.parts.picture, this.address.asked);
    if (picture !== null && /^\d+$/.test(picture)) this.choose(Number(picture));
  }

  private shown(): URLSearchParams | null {
    if (!this.parts) return null;
    const out = new URLSearchParams();
    encodeRuns(this.row.shown, startRuns(this.runs), out);
    encodeInput(this.parts.picture, out);
    if (this.chosen !== null) out.set("picture", String(this.chosen));
    encodeGrounding(this.store.get(), out);
    return out;
  }
}

/** What the side shows once a branch is loaded. */
interface Parts {
  mode: ReturnType<typeof segmented<Mode>>;
  picture: PictureInput;
  preview: PictureCanvas;
  augmentation: AugmentationControls;
  interpolation: InterpolationControls;
  probe: HTMLElement;
  chosen: HTMLElement;
  /** Where the samples come from. */
  sources: OnnxMeta["samples"];
  pictures: Pictures;
  /** Pixels of a side of the pictures. */
  size: number;
}
