import { drawPanel } from "../charts/curves";
import { choice } from "../charts/frame";
import type { CurvePanel } from "../charts/series";
import type { Mount } from "../shared/component";
import { h } from "../shared/dom";
import { messageOf } from "../shared/failure";
import { count, number } from "../shared/format";
import { cut, panelsOf, panelsOfSeed, stepsOf } from "./curves";
import { Gallery } from "./gallery";
import { RunLog, until, type RunEvent, type Status } from "./log";
import { Scrubber } from "./scrubber";
import { cancelRun, follow, isServed, runOf, type Run, type Unit } from "./server";
import { BAD, listed, wordsOf } from "./words";

const DRAW_MS = 400; // between two drawings while events come
const ASK_MS = 5000; // between two looks whether a run that is silent is still at work
const SHOWN = 8; // newest events of the list; the others unfold
const NO_PICTURES = ["checkpoints", "history"];

/** What the log says of a run, or that the server knows better. */
type Shown = Status | "interrupted";

/** A status as it is called, and what more there is to say of it. */
const STATUS: Readonly<Record<Shown, readonly [string, string]>> = {
  waiting: ["not begun", ""],
  running: ["running", ""],
  completed: ["completed", ""],
  cancelled: ["cancelled", ""],
  failed: ["failed", ""],
  interrupted: ["interrupted", ": no process is at work on it; the next build goes on from its last snapshot"],
};

/**
 * One run of a node: live where the page is served, replayed from what the page holds where it is not.
 *
 * Parameters: recipe, node, seed, color (number of the branch's colour), events (those that the page holds; the curves
 * are those of the page's chart of learning curves), withheld (nothing of what is stored is the recipe's).
 */
export const mountTraining: Mount = (element, parameters) => {
  const unit: Unit = { recipe: String(parameters["recipe"]), node: String(parameters["node"]), seed: Number(parameters["seed"]) };
  const events = (parameters["events"] ?? []) as RunEvent[];
  new Training(element, unit, Number(parameters["color"]), events, parameters["withheld"] === true);
};

class Training {
  private readonly rendered: readonly CurvePanel[];
  private readonly renderedTo: number; // id of the newest event that the page was rendered with
  private readonly log = new RunLog();
  private readonly scrubber = new Scrubber(() => this.draw());
  private readonly gallery: Gallery | null;
  private readonly facts = h("div", { class: "run-facts" });
  private readonly button = h("button", { type: "button", class: "button", title: "Ends the run of Dagster that makes it, with a snapshot to go on from" });
  private readonly alert = h("p", { class: "bad", role: "alert" });
  private readonly curves = h("div", { class: "chart-grid" });
  private readonly groups = h("div", { class: "chart-toolbar" });
  private readonly list = h("div", { class: "run-events" });
  private readonly note = h("p", { class: "note" });
  private group = "";
  private fromServer = false; // whether the log is the server's, which has all rows
  private connected = true;
  private told: Run | null = null; // what the server says of the run; the log of a process that was killed says nothing
  private asked: number | null = null; // the `begun` of what was asked to end
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly element: HTMLElement,
    private readonly unit: Unit,
    private readonly color: number,
    events: readonly RunEvent[],
    private readonly withheld: boolean, // whether the page shows nothing of what is stored
  ) {
    this.rendered = panelsOfSeed(renderedPanels(), unit.seed);
    this.gallery = isServed() ? new Gallery(unit) : null;
    this.log.add(events);
    this.renderedTo = Math.max(0, ...events.map((event) => event.id ?? 0));
    this.button.addEventListener("click", () => void this.cancel());
    const head = h("div", { class: "run-head" }, this.facts, this.button, this.alert);
    element.append(head, this.note, this.scrubber.element, this.groups, this.curves, ...(this.gallery ? [this.gallery.element] : []), this.list);
    this.draw();
    if (isServed()) this.followWhileShown();
  }

  private get panels(): CurvePanel[] {
    return this.fromServer ? panelsOf(this.log.standing, { ...this.unit, color: this.color }, this.rendered) : [...this.rendered];
  }

  private get status(): Shown {
    const { status } = this.log;
    return status === "running" && this.told?.status === "interrupted" ? "interrupted" : status;
  }

  /** Id of the event that the build under way begins or goes on with. */
  private get begun(): number {
    return Math.max(this.log.newest("run.created")?.id ?? 0, this.log.newest("run.resumed")?.id ?? 0);
  }

  /** A browser opens few connections to one server, of all its pages: a run that nobody sees is not followed. */
  private followWhileShown(): void {
    let end: (() => void) | null = null;
    let timer: ReturnType<typeof setInterval> | undefined;
    const look = () => {
      const shown = this.element.clientWidth > 0 && !document.hidden;
      if (shown === (end !== null)) return;
      clearInterval(timer);
      end?.();
      end = null;
      if (!shown) return;
      end = follow(this.unit, { events: (events) => this.take(events), open: (is) => this.hear(is) });
      timer = setInterval(() => void this.ask(), ASK_MS);
      void this.ask();
    };
    new ResizeObserver(look).observe(this.element);
    document.addEventListener("visibilitychange", look);
  }

  private take(events: RunEvent[]): void {
    this.fromServer ||= events.some(({ event }) => event === "run.created");
    if (!this.log.add(events)) return;
    if (events.some(({ event }) => event === "run.created" || event === "artifact.created")) {
      this.gallery?.update(this.newFamilies()).catch((error: unknown) => this.complain(error));
    }
    if (events.some((event) => event.event.startsWith("run."))) void this.ask();
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.draw();
    }, DRAW_MS);
  }

  /** What was written after the page was rendered; what was there before, the page shows as figures. */
  private newFamilies(): ReadonlySet<string> {
    const created = this.log.standing.filter((event) => event.event === "artifact.created" && event.id > this.renderedTo);
    return new Set(created.map((event) => String(event["family"])).filter((family) => !NO_PICTURES.includes(family)));
  }

  private hear(connected: boolean): void {
    if (connected === this.connected) return;
    this.connected = connected;
    this.draw();
  }

  private async ask(): Promise<void> {
    if (this.log.status !== "running" && this.told) return;
    try {
      this.told = await runOf(this.unit);
      this.drawHead();
    } catch {
      return; // whether the server is there, the stream tells
    }
  }

  private complain(error: unknown): void {
    this.alert.textContent = messageOf(error);
    this.drawHead();
  }

  private draw(): void {
    const { panels } = this;
    this.scrubber.update(stepsOf(panels), isServed() && this.connected && this.status === "running");
    this.drawHead();
    this.drawCurves(panels);
    this.drawEvents();
  }

  private drawHead(): void {
    const { status } = this;
    const progress = this.log.newest("train.progress");
    const [done, of] = [Number(progress?.["done"] ?? 0), Number(progress?.["of"] ?? 0)];
    const at = status === "running" && isServed() && progress ? `${count(done)} of ${count(of)} steps, ${number(Number(progress["steps_per_s"]))} a second, ${seconds(Number(progress["remaining_s"]))} left` : "";
    const [name, more] = isServed() ? STATUS[status] : this.stored(status);
    this.element.dataset["status"] = status;
    this.facts.replaceChildren(
      h("p", { class: `run-status run-${status}`, role: "status" }, h("span", { class: "run-dot", "aria-hidden": "true" }), h("span", {}, h("b", {}, name), more)),
      ...(at ? [h("progress", { max: of, value: done, "aria-label": "Training" }), h("p", { class: "note" }, at)] : []),
    );
    this.button.hidden = status !== "running" || !isServed();
    this.button.disabled = this.asked === this.begun;
    this.button.textContent = this.button.disabled ? "Asked to end" : "Cancel";
    this.alert.hidden = !this.alert.textContent;
    this.note.textContent = this.words();
    this.note.hidden = !this.note.textContent;
  }

  /** A status as a page from disk knows it. */
  private stored(status: Shown): readonly [string, string] {
    if (status === "running") return [STATUS.running[0], " when this page was rendered"];
    return status === "waiting" && this.withheld ? ["not shown", ": what is stored is not what the recipe says now"] : STATUS[status];
  }

  private words(): string {
    if (!isServed()) return this.log.standing.length > 0 || this.rendered.length > 0 ? "Replayed from what this page holds. A page that acc serve gives draws a run while it trains." : "";
    if (!this.connected) return "The server does not answer; this page tries again by itself and loses nothing.";
    if (this.status === "waiting") return "Nothing is begun; this page draws the run as soon as it is.";
    if (this.status === "running") return "Curves come while it trains. Reconstructions and the latent map follow when they are written, after the training; until then there are snapshots alone.";
    return this.fromServer ? "" : "What was stored when this page was rendered.";
  }

  private async cancel(): Promise<void> {
    this.asked = this.begun;
    this.alert.textContent = "";
    this.drawHead();
    try {
      await cancelRun(this.unit);
    } catch (error) {
      this.asked = null;
      this.complain(error);
    }
  }

  private drawCurves(panels: readonly CurvePanel[]): void {
    const names = [...new Set(panels.map((panel) => panel.group))];
    if (!names.includes(this.group)) this.group = names[0] ?? "";
    if (names.join() !== this.groups.dataset["names"]) {
      this.groups.dataset["names"] = names.join();
      const change = (group: string) => {
        this.group = group;
        this.draw();
      };
      this.groups.replaceChildren(...(names.length > 1 ? [choice("Quantity", names, this.group, change)] : []));
    }
    const steps = stepsOf(panels);
    const start = this.log.newest("run.started")?.step ?? steps[0] ?? 0;
    const last = steps.at(-1) ?? start;
    const ahead = this.status === "running" ? Number(this.log.newest("train.progress")?.["of"] ?? 0) : 0;
    const domain: [number, number] = [start, Math.max(last, start + ahead)];
    const shown = cut(panels.filter((panel) => panel.group === this.group), this.scrubber.step);
    this.curves.replaceChildren(...shown.map((panel) => drawPanel(panel, { scale: "auto", hidden: new Set(), domain })));
  }

  private drawEvents(): void {
    const events = listed(until(this.log.standing, this.scrubber.step)).reverse();
    const unfolded = this.list.querySelector("details")?.open ?? false;
    const items = (some: readonly RunEvent[]) => h("ol", {}, ...some.map(item));
    this.list.replaceChildren(
      ...(events.length ? [h("h3", {}, "What happened"), items(events.slice(0, SHOWN))] : []),
      ...(events.length > SHOWN ? [h("details", { open: unfolded }, h("summary", {}, `${count(events.length - SHOWN)} earlier`), items(events.slice(SHOWN)))] : []),
    );
  }
}

function item(event: RunEvent): HTMLElement {
  const when = new Date(event.time);
  const time = Number.isNaN(when.getTime()) ? "" : when.toLocaleTimeString("en-GB");
  return h("li", { class: BAD.has(event.event) ? "bad" : null }, h("time", { datetime: event.time, title: when.toLocaleString("en-GB") }, time), " ", wordsOf(event));
}

/** The learning curves that the page was rendered with, of all seeds. */
function renderedPanels(): CurvePanel[] {
  const script = document.querySelector('#learning script[type="application/json"]');
  return script?.textContent ? ((JSON.parse(script.textContent) as { panels?: CurvePanel[] }).panels ?? []) : [];
}

function seconds(value: number): string {
  return value < 90 ? `${Math.round(value)} s` : value < 5400 ? `${Math.round(value / 60)} min` : `${number(value / 3600)} h`;
}
