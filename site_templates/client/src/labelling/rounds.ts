import { listRuns, type Run } from "../live/server";
import { progressBar, statusMark } from "../live/words";
import { h, renew } from "../shared/dom";
import { messageOf } from "../shared/failure";
import { count, plural } from "../shared/format";
import { beginRound, buildFork, type Fork, readRounds } from "./server";

const ASK_MS = 1500; // between two looks at rounds at work

/** Rounds of a recipe: a button that trains on with the labels, and how far each round is. Only on the served site. */
export class Rounds {
  readonly element: HTMLElement;
  private readonly button = h("button", { type: "button", class: "acc-button acc-label-train", onclick: () => void this.begin() }, "Train a round with these labels");
  private readonly told = h("p", { class: "acc-hint" });
  private readonly problem = h("p", { class: "acc-error", role: "alert", hidden: true });
  private readonly list = h("ul", { class: "acc-label-rounds" });
  private readonly begun: Begun; // by this tab
  private rounds: Fork[] = [];
  private runs = new Map<string, Run[]>();
  private newLines = 0;
  private isBeginning = false;

  /** `node`: the one whose branch goes on. `before`: sends what is not saved yet; resolves to whether all is. */
  constructor(
    private readonly recipe: string,
    private readonly seeds: readonly number[],
    private readonly node: () => string,
    private readonly before: () => Promise<boolean>,
  ) {
    this.begun = new Begun(recipe);
    this.element = h("section", { class: "acc-label-box", "aria-label": "Rounds" }, h("h3", {}, "Train with the labels"), this.told, this.button, this.problem, this.list);
  }

  async start(): Promise<void> {
    await this.look();
    const again = async () => {
      if (!document.hidden && this.rounds.some((one) => !this.isOver(one))) await this.look();
      setTimeout(() => void again(), ASK_MS);
    };
    setTimeout(() => void again(), ASK_MS);
  }

  /** Takes how many lines of the label file are newer than what the shown node was trained with. */
  tell(newLines: number): void {
    this.newLines = newLines;
    this.draw();
  }

  private async begin(): Promise<void> {
    if (this.isBeginning) return;
    this.isBeginning = true;
    await this.act(async () => {
      if (!(await this.before())) throw new Error("Some labels are not saved yet, so that a round would miss them. Save them first.");
      for (const fork of await beginRound(this.recipe, this.node())) await this.build(fork);
    });
    this.isBeginning = false;
    this.draw();
  }

  private async build({ name }: Fork): Promise<void> {
    await buildFork(this.recipe, name);
    this.begun.add(name);
  }

  /** Does something, tells why it failed where it did, and looks how the rounds stand. */
  private async act(deed: () => Promise<void>): Promise<void> {
    this.fail("");
    this.draw();
    try {
      await deed();
    } catch (error) {
      this.fail(messageOf(error));
    }
    await this.look();
  }

  private async look(): Promise<void> {
    try {
      this.rounds = await readRounds(this.recipe);
      for (const round of this.rounds) {
        if (!this.isOver(round)) this.runs.set(round.name, await listRuns({ recipe: this.recipe, node: trained(round) }));
      }
    } catch (error) {
      this.fail(`The server does not answer (${messageOf(error)}); this page tries again by itself.`);
    }
    this.draw();
  }

  private isOver(round: Fork): boolean {
    const runs = this.runs.get(round.name) ?? [];
    return runs.length >= this.seeds.length && runs.every(({ status }) => status === "completed");
  }

  private fail(why: string): void {
    this.problem.hidden = !why;
    if (this.problem.textContent !== why) this.problem.textContent = why;
  }

  private draw(): void {
    this.told.textContent = this.rounds.length
      ? "A round reads what is there when its training begins. A further one goes on from it, once it is trained, with the labels that came since."
      : this.newLines
        ? `${plural(this.newLines, "line")} of the label file ${this.newLines === 1 ? "is" : "are"} newer than what this node was trained with. A round trains its branch on with them, as a new node.`
        : "No label is newer than what this node was trained with.";
    this.button.setAttribute("aria-disabled", String(this.isBeginning));
    this.button.classList.toggle("acc-label-first", this.newLines > 0 && !this.rounds.some((one) => !this.isOver(one)));
    this.button.textContent = this.isBeginning ? "Beginning…" : "Train a round with these labels";
    renew(this.list, "round", this.rounds.toReversed().map((round) => this.row(round)));
  }

  private row(round: Fork): HTMLElement {
    const runs = this.runs.get(round.name) ?? [];
    const root = document.documentElement.dataset["root"] ?? "";
    const page = `${root}recipes/${encodeURIComponent(this.recipe)}/nodes/${encodeURIComponent(trained(round))}.html`;
    const isBegun = this.begun.has(round.name);
    const isIdle = runs.length === 0 && !isBegun;
    const isOver = this.isOver(round);
    const shown = this.seeds.map((seed) => {
      const run = runs.find((one) => one.seed === seed);
      return { seed, run, status: run?.status ?? (isBegun ? "queued" : "recorded") };
    });
    return h(
      "li",
      { "data-node": trained(round), "data-state": ORDER.find((one) => shown.some(({ status }) => status === one)) },
      h("a", { href: page, "data-round": `${round.name} page` }, trained(round)),
      h("span", { class: "row-note" }, `off ${round.checkpoint}`),
      ...shown.map(({ seed, run, status }) => stateOf(seed, run, status)),
      isIdle && h("button", { type: "button", class: "acc-link", "data-round": `${round.name} build`, onclick: () => void this.act(() => this.build(round)) }, "Build it"),
      isBegun && !isOver && h("span", { class: "row-note" }, `What the build says is in forks/${this.recipe}.log of the store.`),
      isOver && h("span", { class: "row-note" }, "Once its pages are rendered, ", h("a", { href: `#run=runs/${this.recipe}/${trained(round)}/seed-${this.seeds[0]}` }, "label what it asks about"), "."),
    );
  }
}

/** The rounds whose build this tab has begun, also after it was loaded anew. */
class Begun {
  private readonly names: Set<string>;
  private readonly place: string;

  constructor(recipe: string) {
    this.place = `acc-rounds:${recipe}`;
    try {
      this.names = new Set(JSON.parse(sessionStorage.getItem(this.place) ?? "[]") as string[]);
    } catch {
      this.names = new Set(); // a browser that keeps nothing
    }
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  add(name: string): void {
    this.names.add(name);
    try {
      sessionStorage.setItem(this.place, JSON.stringify([...this.names]));
    } catch {
      // it then holds for as long as the page
    }
  }
}

/** The node at the end of a round. */
function trained({ name }: Fork): string {
  return `${name}_trained`;
}

/** What a round is said to be where its runs differ: the first of these. */
const ORDER = ["failed", "unreadable", "running", "interrupted", "cancelled", "queued", "recorded", "completed"];

function stateOf(seed: number, run: Run | undefined, status: string): HTMLElement {
  const bar = run ? progressBar(run) : null;
  const step = bar ? ` ${count(run?.done ?? 0)} of ${count(run?.of ?? 0)} steps` : "";
  return statusMark(status, `seed ${seed}: ${status === "completed" ? "done" : status}${step}`, bar, run?.error ? h("span", { class: "row-note" }, run.error) : null);
}
