import { listRuns, type Run } from "../live/server";
import { progressBar, statusMark } from "../live/words";
import { h, renew } from "../shared/dom";
import { messageOf } from "../shared/failure";
import { count } from "../shared/format";
import { buildFork, type Fork, readForks, trained } from "./server";

const ASK_MS = 1500; // between two looks at forks at work
const IDLE_MS = 10 * ASK_MS; // at forks of which nobody has begun to build one here

/** What a page shows of a recipe's forks. */
export interface Listing {
  wanted: (fork: Fork) => boolean;
  /** What stands behind the state of a fork. */
  more: (fork: Fork, isOver: boolean) => Array<HTMLElement | null>;
  /** Hears of every look. */
  looked: () => void;
  /** Takes why the last thing failed; empty where it did not. */
  fail: (why: string) => void;
}

/** Forks of a recipe, the newest first: how far each is, and a button that builds it. Only on the served site. */
export class ForkList {
  readonly element = h("ul", { class: "acc-forks" });
  forks: Fork[] = [];
  private readonly begun: Begun; // by this tab
  private runs = new Map<string, Run[]>();
  private timer = 0;

  constructor(
    private readonly recipe: string,
    private readonly seeds: readonly number[],
    private readonly listing: Listing,
  ) {
    this.begun = new Begun(recipe);
  }

  start(): Promise<void> {
    return this.look();
  }

  /** Whether a fork is not trained to its end. */
  get isBusy(): boolean {
    return this.forks.some((one) => !this.isOver(one));
  }

  async build({ name }: Fork): Promise<void> {
    await buildFork(this.recipe, name);
    this.begun.add(name);
  }

  /** Does something, tells why it failed where it did, and looks how the forks stand. */
  async act(deed: () => Promise<void>): Promise<void> {
    this.listing.fail("");
    try {
      await deed();
    } catch (error) {
      this.listing.fail(messageOf(error));
    }
    await this.look();
  }

  private async look(): Promise<void> {
    try {
      this.forks = (await readForks(this.recipe)).filter((fork) => this.listing.wanted(fork));
      for (const fork of this.forks) {
        if (!this.isOver(fork)) this.runs.set(fork.name, await listRuns({ recipe: this.recipe, node: trained(fork) }));
      }
    } catch (error) {
      this.listing.fail(`The server does not answer (${messageOf(error)}); this page tries again by itself.`);
    }
    renew(this.element, "fork", this.forks.toReversed().map((fork) => this.row(fork)));
    this.listing.looked();
    this.lookLater();
  }

  private lookLater(): void {
    const isMoving = this.forks.some((one) => !this.isOver(one) && !this.isIdle(one));
    const again = () => (document.hidden || !this.isBusy ? this.lookLater() : void this.look());
    clearTimeout(this.timer);
    this.timer = window.setTimeout(again, isMoving ? ASK_MS : IDLE_MS);
  }

  private isOver({ name }: Fork): boolean {
    const runs = this.runs.get(name) ?? [];
    return runs.length >= this.seeds.length && runs.every(({ status }) => status === "completed");
  }

  private isIdle({ name }: Fork): boolean {
    return !this.runs.get(name)?.length && !this.begun.has(name);
  }

  private row(fork: Fork): HTMLElement {
    const runs = this.runs.get(fork.name) ?? [];
    const root = document.documentElement.dataset["root"] ?? "";
    const page = `${root}recipes/${encodeURIComponent(this.recipe)}/nodes/${encodeURIComponent(trained(fork))}.html`;
    const isBegun = this.begun.has(fork.name);
    const isOver = this.isOver(fork);
    const shown = this.seeds.map((seed) => {
      const run = runs.find((one) => one.seed === seed);
      return { seed, run, status: run?.status ?? (isBegun ? "queued" : "recorded") };
    });
    return h(
      "li",
      { "data-node": trained(fork), "data-state": ORDER.find((one) => shown.some(({ status }) => status === one)) },
      h("a", { href: page, "data-fork": `${fork.name} page` }, trained(fork)),
      h("span", { class: "row-note" }, `off ${fork.checkpoint}`),
      ...shown.map(({ seed, run, status }) => stateOf(seed, run, status)),
      this.isIdle(fork) && h("button", { type: "button", class: "acc-link", "data-fork": `${fork.name} build`, onclick: () => void this.act(() => this.build(fork)) }, "Build it"),
      isBegun && !isOver && h("span", { class: "row-note" }, `What the build says is in forks/${this.recipe}.log of the store.`),
      ...this.listing.more(fork, isOver),
    );
  }
}

/** The forks whose build this tab has begun, also after it was loaded anew. */
class Begun {
  private readonly names: Set<string>;
  private readonly place: string;

  constructor(recipe: string) {
    this.place = `acc-forks:${recipe}`;
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

/** What a fork is said to be where its runs differ: the first of these. */
const ORDER = ["failed", "unreadable", "running", "interrupted", "cancelled", "queued", "recorded", "completed"];

function stateOf(seed: number, run: Run | undefined, status: string): HTMLElement {
  const bar = run ? progressBar(run) : null;
  const step = bar ? ` ${count(run?.done ?? 0)} of ${count(run?.of ?? 0)} steps` : "";
  return statusMark(status, `seed ${seed}: ${status === "completed" ? "done" : status}${step}`, bar, run?.error ? h("span", { class: "row-note" }, run.error) : null);
}
