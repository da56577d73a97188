import type { RunChoice } from "./contract";
import { h, iconButton } from "./dom";
import { LatestOnly } from "./latest";

/** What a panel shows of a loaded run. */
export interface PanelView {
  element: HTMLElement;
  dispose?: () => void;
}

export interface PanelParts<Question, Loaded, View extends PanelView> {
  /** Loads a run; `say` hears what is being waited for. */
  load: (run: string, say: (text: string) => void) => Promise<Loaded>;
  open: (loaded: Loaded) => View;
  answer: (view: View, question: Question) => Promise<void>;
  /** The reader chose another run. */
  changed: () => void;
  /** The view stands on the page. */
  opened?: (loaded: Loaded) => void;
  /** There is nothing to show any more: another run is loading, or this one failed. */
  emptied?: () => void;
  close: { label: string; act: () => void } | null;
}

/** One of several runs, chosen by the reader, that answers the question which all panels of a page share. */
export class RunPanel<Question, Loaded, View extends PanelView> {
  readonly element: HTMLElement;
  /** Settles when the run is loaded; rejects with the reason. */
  ready: Promise<Loaded>;
  view: View | null = null;
  private readonly select: HTMLSelectElement;
  private readonly closeButton: HTMLButtonElement | null;
  private readonly body = h("div", { class: "acc-branch-body" });
  private readonly queue = new LatestOnly();
  private question: Question | null = null;
  private request = 0;

  constructor(
    private readonly runs: readonly RunChoice[],
    public run: string,
    private readonly parts: PanelParts<Question, Loaded, View>,
  ) {
    this.select = h(
      "select",
      { "aria-label": "Branch and seed", onchange: () => this.changeRun(this.select.value) },
      ...runs.map(({ key, label }) => h("option", { value: key }, label)),
    );
    this.select.value = run;
    this.closeButton = parts.close && iconButton("close", parts.close.label, parts.close.act);
    this.element = h("section", { class: "acc-branch", "aria-label": "Branch" }, h("div", { class: "acc-branch-head" }, this.select, this.closeButton), this.body);
    this.ready = this.start();
  }

  get label(): string {
    return this.runs.find(({ key }) => key === this.run)?.label ?? this.run;
  }

  /** The newest question wins; questions that were overtaken are never answered. */
  ask(question: Question): void {
    this.question = question;
    const { view } = this;
    if (view) this.enqueue(() => this.parts.answer(view, question));
  }

  /** Runs a job after the one that runs now, in place of one that waits. */
  enqueue(job: () => Promise<void>): void {
    void this.queue.run(job).catch((error: unknown) => this.fail(error));
  }

  setClosable(closable: boolean): void {
    if (this.closeButton) this.closeButton.hidden = !closable;
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
    this.parts.changed();
  }

  private start(): Promise<Loaded> {
    const ready = this.load();
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
      this.view = this.parts.open(loaded);
      this.body.replaceChildren(this.view.element);
      if (this.question) this.ask(this.question);
      this.parts.opened?.(loaded); // the first panel's brings the first question, which is not to be asked twice
      return loaded;
    } catch (error) {
      if (request === this.request) this.fail(error);
      throw error;
    }
  }

  private empty(): void {
    this.view?.dispose?.();
    this.view = null;
    this.parts.emptied?.();
  }

  private fail(error: unknown): void {
    console.error(error);
    this.empty();
    this.body.replaceChildren(h("p", { class: "acc-error", role: "alert" }, error instanceof Error ? error.message : String(error)));
  }
}
