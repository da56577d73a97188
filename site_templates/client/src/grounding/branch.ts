import { loadBranch } from "../playground/runtime";
import type { RunChoice } from "../shared/contract";
import { RunPanel } from "../shared/run_panel";
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
  /** The branch answered, or has no answer any more. */
  answered: () => void;
  /** The end of the axis that the drift charts share. */
  driftTop: () => number;
  close: () => void;
}

/** One branch: its encoder, decoder and map at work on the question that all branches share. */
export class Branch {
  readonly panel: RunPanel<Question, GroundedModel, BranchView>;
  /** The newest answer. */
  result: Result | null = null;
  /** Milliseconds from a question to its answer on the screen, for the last ones. */
  readonly frameTimes: number[] = [];
  private path: { a: number; b: number; path: Path } | null = null;
  private shownPath: Path | null = null;

  constructor(
    runs: readonly RunChoice[],
    run: string,
    private readonly on: BranchEvents,
  ) {
    this.panel = new RunPanel<Question, GroundedModel, BranchView>(runs, run, {
      load: async (key, say) => {
        say("Loading the manifold…");
        const manifold = await loadManifold(key);
        return new GroundedModel(await loadBranch(key, say), manifold);
      },
      open: (grounded) => new BranchView(grounded, this.panel.label, on.pick),
      answer: (view, question) => this.answer(view, question),
      changed: on.changeRun,
      opened: on.loaded,
      emptied: () => {
        this.result = this.path = this.shownPath = null;
        on.answered();
      },
      close: { label: "Remove this branch", act: on.close },
    });
  }

  get run(): string {
    return this.panel.run;
  }

  get label(): string {
    return this.panel.label;
  }

  get view(): BranchView | null {
    return this.panel.view;
  }

  get ready(): Promise<GroundedModel> {
    return this.panel.ready;
  }

  /** The largest drift on the way that is shown, in parts of its length; 0 where none is. */
  get mostDrift(): number {
    return this.shownPath ? Math.max(...this.shownPath.drifts) : 0;
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
}
