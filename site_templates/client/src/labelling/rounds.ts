import type { Run } from "../live/server";
import { h } from "../shared/dom";
import { messageOf } from "../shared/failure";
import { count, plural } from "../shared/format";
import { beginRound, buildFork, type Fork, readRounds, runsOfNode } from "./server";

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
    this.fail("");
    this.draw();
    try {
      if (!(await this.before())) throw new Error("Some labels are not saved yet, so that a round would miss them. Save them first.");
      for (const fork of await beginRound(this.recipe, this.node())) {
        this.rounds.push(fork);
        await this.build(fork);
      }
    } catch (error) {
      this.fail(messageOf(error));
    } finally {
      this.isBeginning = false;
      await this.look();
    }
  }

  private async build({ name }: Fork): Promise<void> {
    await buildFork(this.recipe, name);
    this.begun.add(name);
  }

  private async look(): Promise<void> {
    try {
      this.rounds = await readRounds(this.recipe);
      for (const round of this.rounds) {
        if (!this.isOver(round)) this.runs.set(round.name, await runsOfNode(this.recipe, trained(round)));
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
    const focused = (document.activeElement as HTMLElement | null)?.dataset["round"];
    this.list.replaceChildren(...this.rounds.toReversed().map((round) => this.row(round)));
    if (focused) this.list.querySelector<HTMLElement>(`[data-round="${CSS.escape(focused)}"]`)?.focus();
  }

  private row(round: Fork): HTMLElement {
    const runs = this.runs.get(round.name) ?? [];
    const root = document.documentElement.dataset["root"] ?? "";
    const page = `${root}recipes/${encodeURIComponent(this.recipe)}/nodes/${encodeURIComponent(trained(round))}.html`;
    const isIdle = runs.length === 0 && !this.begun.has(round.name);
    const states = this.seeds.map((seed) => stateOf(seed, runs.find((run) => run.seed === seed), this.begun.has(round.name)));
    return h(
      "li",
      { "data-node": trained(round), "data-state": worst(this.seeds.map((seed) => runs.find((run) => run.seed === seed)?.status ?? (isIdle ? "recorded" : "queued"))) },
      h("a", { href: page, "data-round": `${round.name} page` }, trained(round)),
      h("span", { class: "row-note" }, `off ${round.checkpoint}`),
      ...states,
      isIdle && h("button", { type: "button", class: "acc-link", "data-round": `${round.name} build`, onclick: () => void this.buildNow(round) }, "Build it"),
      this.begun.has(round.name) && !this.isOver(round) && h("span", { class: "row-note" }, `What the build says is in forks/${this.recipe}.log of the store.`),
      this.isOver(round) && h("span", { class: "row-note" }, "Once its pages are rendered, ", h("a", { href: `#run=runs/${this.recipe}/${trained(round)}/seed-${this.seeds[0]}` }, "label what it asks about"), "."),
    );
  }

  private async buildNow(round: Fork): Promise<void> {
    this.fail("");
    try {
      await this.build(round);
    } catch (error) {
      this.fail(messageOf(error));
    }
    await this.look();
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

const ORDER = ["failed", "unreadable", "running", "interrupted", "cancelled", "queued", "recorded", "completed"];

function worst(states: readonly string[]): string {
  return ORDER.find((one) => states.includes(one)) ?? "queued";
}

function stateOf(seed: number, run: Run | undefined, isBegun: boolean): HTMLElement {
  const status = run?.status ?? (isBegun ? "queued" : "recorded");
  const progress = run?.status === "running" && run.of ? h("progress", { max: run.of, value: run.done ?? 0, "aria-label": `Training with seed ${seed}` }) : null;
  const step = run?.status === "running" && run.of ? ` ${count(run.done ?? 0)} of ${count(run.of)} steps` : "";
  return h(
    "span",
    { class: `run-status run-${status}` },
    h("span", { class: "run-dot", "aria-hidden": "true" }),
    `seed ${seed}: ${status === "completed" ? "done" : status}${step}`,
    progress,
    run?.error && h("span", { class: "row-note" }, run.error),
  );
}
