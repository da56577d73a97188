import { Busy } from "../shared/busy";
import type { RunChoice } from "../shared/contract";
import { h } from "../shared/dom";
import { nextFrame } from "../shared/motion";
import { nextRun } from "./choice";
import { BranchPanel, type PanelParts, type PanelView } from "./panel";

export interface RowParts<Question, Loaded, View extends PanelView<Question>>
  extends Pick<PanelParts<Question, Loaded, View>, "load" | "open" | "changed" | "closeLabel"> {
  /** A run is loaded for the first time on this page. */
  first: (loaded: Loaded) => void;
  /** The branches begin to look for an answer, or all have the one to the newest question on the page. */
  showBusy: (isBusy: boolean) => void;
  /** Branches that may stand side by side. */
  most: number;
  /** Branches that cannot be closed: the first one, or as many as are left. */
  keeps: "the first" | "one";
  addLabel: ReadonlyArray<Node | string>;
}

/** The branches of a page side by side, each a run of the reader's choice; all answer the same question. */
export class BranchRow<Question, Loaded, View extends PanelView<Question>> {
  readonly element = h("div", { class: "acc-branches" });
  readonly addButton: HTMLButtonElement;
  /** Stands for what the first loaded run will bring. */
  readonly waiting = h("p", { class: "acc-hint", role: "status" }, "Loading…");
  /** From a question to the last answer. */
  readonly busy: Busy;
  branches: ReadonlyArray<BranchPanel<Question, Loaded, View>> = [];
  private question: Question | null = null;
  private hasLoaded = false;
  private isPosing = false;

  constructor(
    private readonly runs: readonly RunChoice[],
    private readonly parts: RowParts<Question, Loaded, View>,
  ) {
    this.busy = new Busy(parts.showBusy);
    this.addButton = h("button", { type: "button", class: "acc-button", onclick: () => this.addNext() }, ...parts.addLabel);
  }

  get shown(): string[] {
    return this.branches.map(({ run }) => run);
  }

  /** The branch at a place, counted from 0. */
  at(place = 0): BranchPanel<Question, Loaded, View> {
    const found = this.branches[place];
    if (!found) throw new Error(`there is no branch ${place}; shown are ${this.branches.length}`);
    return found;
  }

  /** Shows runs; settles when one of them can be used, or says that none can. */
  async start(runs: readonly string[]): Promise<void> {
    for (const run of runs.slice(0, this.parts.most)) this.add(run);
    await Promise.any(this.branches.map(({ ready }) => ready)).catch(() => {
      this.waiting.textContent = "Choose a branch that can be loaded.";
    });
  }

  ask(question: Question): void {
    this.question = question;
    for (const branch of this.branches) branch.ask(question);
  }

  /** Asks in the next frame what is the question then, null for none: what the reader moves may move several times in one. */
  askSoon(pose: () => Question | null): void {
    if (this.isPosing) return;
    this.isPosing = true;
    const asked = nextFrame().then(() => {
      this.isPosing = false;
      const question = pose();
      if (question !== null) this.ask(question);
    });
    void this.busy.during(asked);
  }

  private addNext(): void {
    const run = nextRun(this.runs, this.shown);
    if (run) this.add(run);
  }

  private add(run: string): void {
    const opened = (loaded: Loaded) => this.bringFirst(loaded);
    const close = () => this.remove(branch);
    const branch: BranchPanel<Question, Loaded, View> = new BranchPanel(this.runs, run, { ...this.parts, busy: this.busy, opened, close });
    this.branches = [...this.branches, branch];
    this.element.append(branch.element);
    if (this.question) branch.ask(this.question);
    this.update();
  }

  private remove(branch: BranchPanel<Question, Loaded, View>): void {
    this.branches = this.branches.filter((other) => other !== branch);
    branch.dispose();
    this.update();
  }

  private bringFirst(loaded: Loaded): void {
    if (this.hasLoaded) return;
    this.hasLoaded = true;
    this.parts.first(loaded);
  }

  private update(): void {
    const { branches, parts } = this;
    this.addButton.hidden = branches.length >= Math.min(this.runs.length, parts.most);
    branches.forEach((branch, place) => branch.setClosable(branches.length > 1 && (place > 0 || parts.keeps === "one")));
    this.element.dataset.count = String(branches.length);
    parts.changed();
  }
}
