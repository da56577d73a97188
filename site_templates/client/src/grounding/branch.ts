import { loadBranch } from "../playground/runtime";
import type { RunChoice } from "../shared/contract";
import { h, iconButton } from "../shared/dom";
import { LatestOnly } from "../shared/latest";
import { runSelect, showFailure } from "../shared/run_panel";
import { readPageColors } from "../shared/theme";
import { BranchView, type Result } from "./branch_view";
import { GroundedModel, type Path } from "./grounded_model";
import { loadManifold } from "./manifold";

/** What every branch is asked to show; `source`, `a` and `b` are pictures of the data set by their index. */
export type Question =
  | { kind: "probe"; picture: Float32Array; source: number | null; isNew: boolean }
  | { kind: "step"; a: number; b: number; t: number };

export interface BranchEvents {
  changeRun: () => void;
  loaded: (grounded: GroundedModel) => void;
  /** A picture of the data set was clicked, on the map or among the neighbours. */
  pick: (picture: number) => void;
  /** The branch answered. */
  answered: () => void;
  /** The end of the axis that the drift charts share. */
  driftTop: () => number;
  close: () => void;
}

/** One branch: its encoder, decoder and map at work on the question that all branches share. */
export class Branch {
  readonly element: HTMLElement;
  /** Settles when models and manifold are loaded; rejects with the reason. */
  ready: Promise<GroundedModel>;
  run: string;
  /** The newest answer. */
  result: Result | null = null;
  view: BranchView | null = null;
  /** Milliseconds from a question to its answer on the screen, for the last ones. */
  readonly frameTimes: number[] = [];
  private readonly select: HTMLSelectElement;
  private readonly closeButton: HTMLButtonElement;
  private readonly body = h("div", { class: "acc-branch-body" });
  private readonly queue = new LatestOnly();
  private question: Question | null = null;
  private path: { a: number; b: number; path: Path } | null = null;
  private request = 0;
  private shownPath: Path | null = null;

  constructor(
    private readonly runs: readonly RunChoice[],
    run: string,
    private readonly on: BranchEvents,
  ) {
    this.run = run;
    this.select = runSelect(runs, run, (chosen) => this.changeRun(chosen));
    this.closeButton = iconButton("close", "Remove this branch", on.close);
    this.element = h("section", { class: "acc-branch", "aria-label": "Branch" }, h("div", { class: "acc-branch-head" }, this.select, this.closeButton), this.body);
    this.ready = this.start();
  }

  get label(): string {
    return this.runs.find(({ key }) => key === this.run)?.label ?? this.run;
  }

  /** The largest drift on the way that is shown, in parts of its length; 0 where none is. */
  get mostDrift(): number {
    return this.shownPath ? Math.max(...this.shownPath.drifts) : 0;
  }

  /** The newest question wins; questions that were overtaken are never answered. */
  ask(question: Question): void {
    this.question = question;
    const { view } = this;
    if (view) void this.queue.run(() => this.answer(view, question)).catch((error: unknown) => this.fail(error));
  }

  setClosable(closable: boolean): void {
    this.closeButton.hidden = !closable;
  }

  changeRun(run: string): void {
    if (run === this.run) return;
    this.run = run;
    this.select.value = run;
    this.ready = this.start();
    this.on.changeRun();
  }

  dispose(): void {
    this.request++; // what is still loading is not shown
    this.view?.dispose();
    this.view = null;
    this.element.remove();
  }

  private async answer(view: BranchView, question: Question): Promise<void> {
    const start = performance.now();
    const { grounded } = view;
    let result: Result;
    let path: Path | null = null;
    if (question.kind === "probe") {
      if (question.isNew) view.space.forgetTrail();
      result = await grounded.probe(question.picture, question.source);
    } else {
      const { a, b, t } = question;
      if (this.path?.a !== a || this.path.b !== b) this.path = { a, b, path: await grounded.path(a, b) };
      path = this.path.path;
      result = await grounded.step(path, t);
    }
    if (view !== this.view) return;
    this.result = result;
    this.shownPath = path;
    view.show(result, path, question.kind === "step" ? question.t : 0, this.on.driftTop(), readPageColors().theme);
    this.frameTimes.push(performance.now() - start);
    if (this.frameTimes.length > 240) this.frameTimes.shift();
    this.on.answered();
  }

  private start(): Promise<GroundedModel> {
    const ready = this.load();
    ready.catch(() => {}); // the branch shows its own error
    return ready;
  }

  private async load(): Promise<GroundedModel> {
    const request = ++this.request;
    const status = h("p", { class: "acc-hint", role: "status" }, "Loading the manifold…");
    this.view?.dispose();
    this.view = null;
    this.result = null;
    this.path = null;
    this.shownPath = null;
    this.body.replaceChildren(status);
    try {
      const manifold = await loadManifold(this.run);
      const model = await loadBranch(this.run, (text) => (status.textContent = text));
      const grounded = new GroundedModel(model, manifold);
      if (request !== this.request) return grounded;
      this.view = new BranchView(grounded, this.label, this.on.pick);
      this.body.replaceChildren(this.view.element);
      this.on.loaded(grounded);
      if (this.question) this.ask(this.question);
      return grounded;
    } catch (error) {
      if (request === this.request) this.fail(error);
      throw error;
    }
  }

  private fail(error: unknown): void {
    this.view?.dispose();
    this.view = null;
    this.result = null;
    showFailure(this.body, error);
    this.on.answered();
  }
}
