import { syncAddress } from "../shared/address";
import { nextRun } from "../shared/choice";
import type { Mount } from "../shared/component";
import { readRuns, type RunChoice } from "../shared/contract";
import { h } from "../shared/dom";
import { type Branch, createBranch } from "./branch";
import { decodeInput, encodeInput, PictureInput } from "./input";
import type { BranchModel } from "./runtime";
import { decodeEdits, encodeEdits } from "./sliders";

/** A handle for tests and for people at the console. Pictures are (C*H*W) in 0..1. */
export interface PlaygroundHandle {
  encode: (picture: ArrayLike<number>, branch?: number) => Promise<number[]>;
  decode: (latent: ArrayLike<number>, branch?: number) => Promise<number[]>;
  sample: (index: number) => number[];
  branches: () => string[];
}

declare global {
  interface Window {
    accPlayground?: PlaygroundHandle;
  }
}

const EDITS = ["z", "z2"] as const; // the moved sliders of the first and the second branch, in the address

/** Mounts the playground. Parameters: see `readRuns`. */
export const mountPlayground: Mount = async (element, parameters) => {
  const runs = readRuns(parameters);
  const playground = new Playground(runs);
  element.replaceChildren(playground.element);
  await playground.start();
  const model = (branch = 0) => {
    const chosen = playground.branches[branch];
    if (!chosen) throw new Error(`there is no branch ${branch}; shown are ${playground.branches.length}`);
    return chosen.ready;
  };
  window.accPlayground = {
    encode: async (picture, branch) => [...(await (await model(branch)).encode(Float32Array.from(picture)))],
    decode: async (latent, branch) => [...(await (await model(branch)).decode(Float32Array.from(latent)))],
    sample: (index) => [...(playground.samples[index] ?? [])],
    branches: () => playground.branches.map(({ run }) => run),
  };
};

/** One picture, and one or two branches that encode and decode it. */
class Playground {
  readonly element: HTMLElement;
  branches: Branch[] = [];
  samples: readonly Float32Array[] = [];
  /** What the address asked for when the page was opened. */
  private readonly asked = new URLSearchParams(window.location.hash.slice(1));
  private readonly inputSlot = h("div", {}, h("p", { class: "acc-hint", role: "status" }, "Loading…"));
  private readonly branchSlot = h("div", { class: "acc-branches" });
  private readonly compare: HTMLButtonElement;
  private readonly saveAddress: () => void;
  private input: PictureInput | null = null;
  private picture: Float32Array | null = null;

  constructor(private readonly runs: readonly RunChoice[]) {
    this.compare = h("button", { type: "button", class: "acc-button", onclick: () => this.addNext() }, "Compare side by side");
    this.element = h("div", { class: "acc-playground" }, h("div", { class: "acc-playground-side" }, this.inputSlot, this.compare), this.branchSlot);
    this.saveAddress = syncAddress(
      () => this.fragment(),
      () => window.location.reload(),
    );
  }

  async start(): Promise<void> {
    const { asked } = this;
    const known = (key: string | null) => this.runs.find((run) => run.key === key)?.key;
    this.addBranch(known(asked.get("run")) ?? this.runs[0]!.key);
    const second = known(asked.get("with"));
    if (second) this.addBranch(second);
    await this.branches[0]!.ready.catch(() => {});
    if (!this.input) this.inputSlot.replaceChildren(h("p", { class: "acc-hint" }, "Choose a branch that can be loaded."));
  }

  /** The first branch that is loaded brings the samples. */
  private createInput({ meta, samples }: BranchModel): void {
    if (this.input) return;
    this.samples = samples;
    this.input = new PictureInput(meta, samples, (picture) => this.setPicture(picture));
    this.inputSlot.replaceChildren(this.input.element);
    decodeInput(this.input, this.asked);
  }

  private setPicture(picture: Float32Array): void {
    this.picture = picture;
    for (const branch of this.branches) branch.ask(picture);
    this.saveAddress();
  }

  private addNext(): void {
    const run = nextRun(this.runs, this.branches.map((branch) => branch.run));
    if (run) this.addBranch(run);
  }

  private addBranch(run: string): void {
    const place = this.branches.length;
    const branch: Branch = createBranch(this.runs, run, decodeEdits(this.asked.get(EDITS[place]!) ?? ""), {
      changeRun: () => this.saveAddress(),
      loaded: (model) => this.createInput(model),
      edited: () => this.saveAddress(),
      close: place === 0 ? null : () => this.removeBranch(branch),
    });
    this.asked.delete(EDITS[place]!); // an address moves the sliders of the branches that it names, and of no later one
    if (this.picture) branch.ask(this.picture);
    this.branches = [...this.branches, branch];
    this.branchSlot.append(branch.element);
    this.update();
  }

  private removeBranch(branch: Branch): void {
    this.branches = this.branches.filter((other) => other !== branch);
    branch.dispose();
    this.update();
  }

  private update(): void {
    this.compare.hidden = this.runs.length < 2 || this.branches.length > 1;
    this.branchSlot.dataset.count = String(this.branches.length);
    this.saveAddress();
  }

  private fragment(): string {
    if (!this.input) return window.location.hash.slice(1); // nothing is shown yet
    const out = new URLSearchParams();
    const [first, second] = this.branches;
    if (first && first.run !== this.runs[0]!.key) out.set("run", first.run);
    if (second) out.set("with", second.run);
    encodeInput(this.input, out);
    this.branches.forEach(({ view }, place) => {
      const edits = encodeEdits(view?.edits ?? new Map());
      if (edits) out.set(EDITS[place]!, edits);
    });
    return out.toString();
  }
}
