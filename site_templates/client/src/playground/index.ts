import { syncAddress } from "../shared/address";
import type { Mount } from "../shared/component";
import { readRuns, type RunChoice } from "../shared/contract";
import { h } from "../shared/dom";
import { Branch } from "./branch";
import { PictureInput } from "./input";
import type { BranchModel } from "./runtime";

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
    this.compare = h("button", { type: "button", class: "acc-button", onclick: () => this.addBranch(this.otherRun()) }, "Compare side by side");
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
    this.input.choose(Number(this.asked.get("sample") ?? 0));
  }

  private setPicture(picture: Float32Array): void {
    this.picture = picture;
    for (const branch of this.branches) branch.setPicture(picture);
    this.saveAddress();
  }

  private addBranch(run: string): void {
    const isFirst = this.branches.length === 0;
    const branch: Branch = new Branch(this.runs, run, {
      changeRun: () => this.saveAddress(),
      loaded: (model) => this.createInput(model),
      close: isFirst ? null : () => this.removeBranch(branch),
    });
    if (this.picture) branch.setPicture(this.picture);
    this.branches = [...this.branches, branch];
    this.branchSlot.append(branch.element);
    this.update();
  }

  private removeBranch(branch: Branch): void {
    this.branches = this.branches.filter((other) => other !== branch);
    branch.element.remove();
    this.update();
  }

  private update(): void {
    this.compare.hidden = this.runs.length < 2 || this.branches.length > 1;
    this.branchSlot.dataset.count = String(this.branches.length);
    this.saveAddress();
  }

  private otherRun(): string {
    return (this.runs.find(({ key }) => key !== this.branches[0]?.run) ?? this.runs[0]!).key;
  }

  private fragment(): string {
    const out = new URLSearchParams();
    const [first, second] = this.branches;
    if (first && first.run !== this.runs[0]!.key) out.set("run", first.run);
    if (second) out.set("with", second.run);
    if (this.input?.sample) out.set("sample", String(this.input.sample));
    return out.toString();
  }
}
