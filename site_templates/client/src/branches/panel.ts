import type { Busy } from "../shared/busy";
import type { RunChoice } from "../shared/contract";
import { h, iconButton } from "../shared/dom";
import { failureNote } from "../shared/failure";
import { LatestOnly } from "../shared/latest";
import { runSelect } from "./choice";

/** What a panel shows of a loaded run. */
export interface PanelView<Question> {
  element: HTMLElement;
  /** Shows the answer to a question. */
  answer: (question: Question) => Promise<void>;
  dispose?: () => void;
}

export interface PanelParts<Question, Loaded, View extends PanelView<Question>> {
  /** Loads a run; `say` hears what is being waited for. */
  load: (run: string, say: (text: string) => void) => Promise<Loaded>;
  open: (loaded: Loaded, panel: BranchPanel<Question, Loaded, View>) => View;
  /** The view of a run stands on the page. */
  opened: (loaded: Loaded) => void;
  /** What is shown changed: the branches, their runs, or an answer. */
  changed: () => void;
  /** The reader closes the panel; `closeLabel` is what the button says. */
  close: () => void;
  closeLabel: string;
  /** Knows of every run that loads and of every question without an answer. */
  busy: Busy;
}

/** One of several runs, chosen by the reader, that answers the question which all panels of a page share. */
export class BranchPanel<Question, Loaded, View extends PanelView<Question>> {
  readonly element: HTMLElement;
  /** Settles when the run is loaded; rejects with the reason. */
  ready: Promise<Loaded>;
  view: View | null = null;
  private readonly closeButton: HTMLButtonElement;
  private readonly body = h("div", { class: "acc-branch-body" });
  private readonly queue = new LatestOnly();
  private question: Question | null = null;
  private request = 0;

  constructor(
    private readonly runs: readonly RunChoice[],
    public run: string,
    private readonly parts: PanelParts<Question, Loaded, View>,
  ) {
    const select = runSelect(runs, (chosen) => this.changeRun(chosen));
    select.setAttribute("aria-label", "Branch and seed");
    select.value = run;
    this.closeButton = iconButton("close", parts.closeLabel, parts.close);
    this.element = h("section", { class: "acc-branch", "aria-label": "Branch" }, h("div", { class: "acc-branch-head" }, select, this.closeButton), this.body);
    this.ready = this.start();
  }

  get label(): string {
    return this.runs.find(({ key }) => key === this.run)?.label ?? this.run;
  }

  /** The newest question wins; questions that were overtaken are never answered. */
  ask(question: Question): void {
    this.question = question;
    const { view } = this;
    if (view) this.enqueue(() => view.answer(question));
  }

  /** Runs a job after the one that runs now, in place of one that waits. */
  enqueue(job: () => Promise<void>): void {
    const { view } = this;
    const answered = async () => {
      await job();
      if (view === this.view) this.parts.changed();
    };
    void this.parts.busy.during(this.queue.run(answered).catch((error: unknown) => this.fail(error)));
  }

  setClosable(closable: boolean): void {
    this.closeButton.hidden = !closable;
  }

  dispose(): void {
    this.request++; // what is still loading is not shown
    this.empty();
    this.element.remove();
  }

  private changeRun(run: string): void {
    if (run === this.run) return;
    this.run = run;
    this.ready = this.start();
  }

  private start(): Promise<Loaded> {
    const ready = this.parts.busy.during(this.load());
    ready.catch(() => {}); // the panel shows its own error
    return ready;
  }

  private async load(): Promise<Loaded> {
    const request = ++this.request;
    const status = h("p", { class: "acc-hint", role: "status" });
    this.empty();
    this.body.replaceChildren(status);
    try {
      const loaded = await this.parts.load(this.run, (text) => (status.textContent = text));
      if (request !== this.request) return loaded;
      this.view = this.parts.open(loaded, this);
      this.body.replaceChildren(this.view.element);
      if (this.question) this.ask(this.question);
      this.parts.opened(loaded); // the first panel's brings the first question, which is not to be asked twice
      return loaded;
    } catch (error) {
      if (request === this.request) this.fail(error);
      throw error;
    }
  }

  private empty(): void {
    this.view?.dispose?.();
    this.view = null;
    this.parts.changed();
  }

  private fail(error: unknown): void {
    this.empty();
    this.body.replaceChildren(failureNote(error));
  }
}
