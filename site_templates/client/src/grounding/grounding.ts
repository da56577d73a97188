import { decodeInput, encodeInput, PictureInput } from "../playground/input";
import { PictureCanvas } from "../playground/painting";
import { syncAddress } from "../shared/address";
import { nextRun, startRuns } from "../shared/choice";
import type { OnnxMeta, RunChoice } from "../shared/contract";
import { h, icon, segmented } from "../shared/dom";
import type { Pictures } from "../shared/pictures";
import { Store } from "../shared/store";
import { onThemeChange } from "../shared/theme";
import { listenToKeys } from "../viewer/keys";
import { augment, type NoiseField, noiseField } from "./augmentation";
import { AugmentationControls } from "./augmentation_controls";
import { Branch, type Question } from "./branch";
import { Disagreement } from "./disagreement";
import { niceTop } from "./drift_chart";
import type { GroundedModel } from "./grounded_model";
import { InterpolationControls } from "./interpolation_controls";
import { decodeGrounding, encodeGrounding, type GroundingState, type Mode, START } from "./state";

const MOST_BRANCHES = 6; // each has a WebGL context, of which browsers allow some sixteen

/** The playground on the manifold: one question, and several branches that answer it side by side. */
export class Grounding {
  readonly element: HTMLElement;
  readonly store: Store<GroundingState>;
  branches: Branch[] = [];
  samples: readonly Float32Array[] = [];
  /** What the address asked for when the page was opened. */
  private readonly asked = new URLSearchParams(window.location.hash.slice(1));
  private readonly side = h("div", { class: "acc-playground-side" }, h("p", { class: "acc-hint", role: "status" }, "Loading…"));
  private readonly branchSlot = h("div", { class: "acc-branches" });
  private readonly disagreement = new Disagreement();
  private readonly addButton: HTMLButtonElement;
  private readonly saveAddress: () => void;
  private parts: Parts | null = null;
  private picture: Float32Array | null = null;
  private isNewPicture = true;
  /** The picture of the data set that was clicked; null for samples and drawings. */
  private chosen: number | null = null;
  private field: { seed: number; values: NoiseField } | null = null;
  private pending = 0;

  constructor(private readonly runs: readonly RunChoice[]) {
    this.store = new Store<GroundingState>({ ...START, ...decodeGrounding(this.asked) });
    this.addButton = h("button", { type: "button", class: "acc-button", onclick: () => this.addNext() }, icon("plus"), "Add a branch");
    this.element = h(
      "div",
      { class: "acc-playground acc-grounding" },
      this.side,
      h("div", { class: "acc-grounding-main" }, h("div", { class: "acc-grounding-head" }, this.disagreement.element, this.addButton), this.branchSlot),
    );
    this.saveAddress = syncAddress(
      () => this.fragment(),
      () => window.location.reload(),
    );
    this.store.subscribe((state, changed) => this.follow(state, changed));
    listenToKeys(this.element, {
      " ": () => this.parts?.interpolation.toggle(),
      ",": () => this.parts?.interpolation.jump(-1),
      ".": () => this.parts?.interpolation.jump(1),
    });
    onThemeChange(() => requestAnimationFrame(() => this.applyColors()));
  }

  /** Settles when the first branch can be used, or says that it cannot. */
  async start(): Promise<void> {
    const asked = this.asked.get("runs")?.split("~").map((run) => `runs/${run}`) ?? [];
    const known = asked.filter((key) => this.runs.some((run) => run.key === key)).slice(0, MOST_BRANCHES);
    const first = known.length > 0 ? known : startRuns(this.runs);
    for (const key of first) this.addBranch(key);
    const loaded = await Promise.any(this.branches.map(({ ready }) => ready)).catch(() => null);
    if (!loaded && !this.parts) this.side.replaceChildren(h("p", { class: "acc-hint" }, "Choose a branch that can be loaded."));
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
    this.saveAddress();
  }

  // ---- from the state to the screen

  private follow(state: GroundingState, changed: ReadonlySet<keyof GroundingState>): void {
    if (changed.has("mode")) this.showMode(state.mode);
    this.parts?.augmentation.update(state.settings);
    this.parts?.interpolation.update(state);
    if ([...changed].some((key) => key !== "next")) this.refresh();
    this.saveAddress();
  }

  /** Asks the branches in the next frame: a slider may move several times in one. */
  private refresh(): void {
    if (this.pending === 0) this.pending = requestAnimationFrame(() => this.ask());
  }

  private ask(): void {
    this.pending = 0;
    const question = this.question();
    if (question) for (const { panel } of this.branches) panel.ask(question);
    this.isNewPicture = false;
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
    for (const { view } of this.branches) view?.space.applyColors();
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

  private addNext(): void {
    const run = nextRun(this.runs, this.branches.map((branch) => branch.run));
    if (run) this.addBranch(run);
  }

  private addBranch(run: string): void {
    const branch: Branch = new Branch(this.runs, run, {
      changeRun: () => this.saveAddress(),
      loaded: (grounded) => this.createParts(grounded),
      pick: (index) => this.pick(index),
      answered: () => this.compare(),
      driftTop: () => this.driftTop(),
      close: () => this.removeBranch(branch),
    });
    this.branches = [...this.branches, branch];
    this.branchSlot.append(branch.panel.element);
    const question = this.question();
    if (question) branch.panel.ask(question);
    this.update();
  }

  private removeBranch(branch: Branch): void {
    this.branches = this.branches.filter((other) => other !== branch);
    branch.panel.dispose();
    this.update();
  }

  private update(): void {
    this.addButton.hidden = this.branches.length >= Math.min(this.runs.length, MOST_BRANCHES);
    for (const { panel } of this.branches) panel.setClosable(this.branches.length > 1);
    this.branchSlot.dataset.count = String(this.branches.length);
    this.compare();
    this.saveAddress();
  }

  /** Shows what the branches have in common: their verdict, and the axis of their drifts. */
  private compare(): void {
    this.disagreement.update(this.branches);
    for (const { view } of this.branches) view?.scaleDrift(this.driftTop());
  }

  private driftTop(): number {
    return niceTop(Math.max(...this.branches.map(({ mostDrift }) => mostDrift)));
  }

  /** The first branch that is loaded brings samples and typical pictures. */
  private createParts({ model, manifold }: GroundedModel): void {
    if (this.parts) return;
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
    const picture = this.asked.get("picture");
    if (this.parts) decodeInput(this.parts.picture, this.asked);
    if (picture !== null && /^\d+$/.test(picture)) this.choose(Number(picture));
  }

  private fragment(): string {
    if (!this.parts) return window.location.hash.slice(1); // nothing is shown yet
    const out = new URLSearchParams();
    const shown = this.branches.map(({ run }) => run);
    if (shown.join() !== startRuns(this.runs).join()) out.set("runs", shown.map((key) => key.replace(/^runs\//, "")).join("~"));
    encodeInput(this.parts.picture, out);
    if (this.chosen !== null) out.set("picture", String(this.chosen));
    encodeGrounding(this.store.get(), out);
    return out.toString();
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
