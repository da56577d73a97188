import { drawPanel } from "../charts/curves";
import { choice } from "../charts/frame";
import type { CurvePanel } from "../charts/series";
import type { Mount } from "../shared/component";
import { h } from "../shared/dom";
import { messageOf } from "../shared/failure";
import { count, number } from "../shared/format";
import { cut, panelsOf, panelsOfSeed, stepsOf, type CurveWords } from "./curves";
import { Gallery } from "./gallery";
import { RunLog, until, type RunEvent, type Status } from "./log";
import { Scrubber } from "./scrubber";
import { cancelRun, follow, isServed, listRuns, type Run, type Unit } from "./server";
import { Snapshots } from "./snapshots";
import { BAD, listed, statusMark, wordsOf } from "./words";

const DRAW_MS = 400; // between two drawings while events come
const ASK_MS = 2000; // between two looks whether a run that is silent is still at work, or one that has ended goes on
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
 * are those of the page's chart of learning curves), needs (key of the pictures of its snapshots), words (what curves are
 * called), withheld (nothing of what is stored is the recipe's).
 */
export const mountTraining: Mount = (element, parameters) => {
  const unit: Unit = { recipe: String(parameters["recipe"]), node: String(parameters["node"]), seed: Number(parameters["seed"]) };
  const { needs } = parameters;
  new Training(element, unit, {
    color: Number(parameters["color"]),
    events: (parameters["events"] ?? []) as RunEvent[],
    words: parameters["words"] as CurveWords,
    previews: typeof needs === "string" ? needs : null,
    withheld: parameters["withheld"] === true,
  });
};

/** What the page brings of a run. */
interface Brought {
  color: number;
  events: readonly RunEvent[];
  words: CurveWords;
  previews: string | null;
  withheld: boolean; // whether the page shows nothing of what is stored
}

class Training {
  private readonly rendered: readonly CurvePanel[];
  private readonly renderedTo: number; // id of the newest event that the page was rendered with
  private readonly log = new RunLog();
  private readonly scrubber = new Scrubber(() => this.draw());
  private readonly gallery: Gallery | null;
  private readonly snapshots: Snapshots;
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
  private end: (() => void) | null = null; // lets go of the stream that is followed
  private quiet = false; // whether all was read when the server was asked last
  private asked: number | null = null; // the `begun` of what was asked to end
  private heard = false; // the server has answered that it is asked
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly element: HTMLElement,
    private readonly unit: Unit,
    private readonly brought: Brought,
  ) {
    const { events } = brought;
    this.rendered = panelsOfSeed(renderedPanels(), unit.seed);
    this.gallery = isServed() ? new Gallery(unit) : null;
    this.snapshots = new Snapshots(unit, () => this.draw());
    this.log.add(events);
    this.renderedTo = Math.max(0, ...events.map((event) => event.id ?? 0));
    this.button.addEventListener("click", () => void this.cancel());
    const head = h("div", { class: "run-head" }, this.facts, this.button, this.alert);
    element.append(head, this.note, this.scrubber.element, this.snapshots.element, this.groups, this.curves, ...(this.gallery ? [this.gallery.element] : []), this.list);
    this.draw();
    this.whileShown(isServed() ? (shown) => this.watch(shown) : (shown) => shown && this.replay());
  }

  private get panels(): CurvePanel[] {
    return this.fromServer ? panelsOf(this.log.standing, { ...this.unit, color: this.brought.color }, this.rendered, this.brought.words) : [...this.rendered];
  }

  private get status(): Shown {
    const { status } = this.log;
    return status === "running" && this.told?.status === "interrupted" ? "interrupted" : status;
  }

  /** Id of the event that the build under way begins or goes on with. */
  private get begun(): number {
    return Math.max(this.log.newest("run.created")?.id ?? 0, this.log.newest("run.resumed")?.id ?? 0);
  }

  private whileShown(onChange: (shown: boolean) => void): void {
    let before = false;
    const look = () => {
      const shown = this.element.clientWidth > 0 && !document.hidden;
      if (shown !== before) onChange(shown);
      before = shown;
    };
    new ResizeObserver(look).observe(this.element);
    document.addEventListener("visibilitychange", look);
  }

  /** The pictures of a page from disk, once they are seen. */
  private replay(): void {
    const { previews } = this.brought;
    if (previews) this.snapshots.load(previews).catch((error: unknown) => this.complain(error));
  }

  /** A browser opens few connections to one server, of all its pages: a run that nobody sees is not followed. */
  private watch(shown: boolean): void {
    clearInterval(this.asking);
    this.follow(shown);
    if (!shown) return;
    this.asking = setInterval(() => void this.ask(), ASK_MS);
    void this.ask();
  }

  private follow(wanted: boolean): void {
    if (wanted === (this.end !== null)) return;
    this.end?.();
    const after = this.fromServer ? this.log.last : null;
    this.end = wanted ? follow(this.unit, after, { events: (events) => this.take(events), open: (is) => this.hear(is) }) : null;
  }

  private take(events: RunEvent[]): void {
    this.fromServer ||= events.some(({ event }) => event === "run.created");
    if (!this.log.add(events)) return;
    if (events.some(({ event }) => event === "run.created" || event === "artifact.created")) {
      this.gallery?.update(this.newFamilies()).catch((error: unknown) => this.complain(error));
    }
    this.askForPictures();
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

  private askForPictures(): void {
    this.snapshots.update(this.log.standing).catch((error: unknown) => this.complain(error));
  }

  private hear(connected: boolean): void {
    if (connected === this.connected) return;
    this.connected = connected;
    if (connected) this.askForPictures(); // what was asked for when the server went
    this.draw();
  }

  /** Asks how the run stands; the stream of one that has ended is let go once all is read, and taken up when more came. */
  private async ask(): Promise<void> {
    try {
      [this.told = null] = await listRuns(this.unit);
    } catch {
      return; // whether the server is there, the stream tells
    }
    this.drawHead();
    const behind = (this.told?.last_event ?? 0) > this.log.last;
    const ended = this.status !== "running" && this.status !== "waiting";
    if (this.asking !== undefined && this.element.clientWidth > 0 && !document.hidden) this.follow(behind || !ended || !this.quiet);
    this.quiet = !behind;
  }

  private complain(error: unknown): void {
    this.alert.textContent = messageOf(error);
    this.drawHead();
  }

  private draw(): void {
    const { panels } = this;
    const steps = [...new Set([...stepsOf(panels), ...this.snapshots.steps])].sort((a, b) => a - b);
    this.scrubber.update(steps, isServed() && this.connected && this.status === "running");
    this.drawHead();
    this.snapshots.show(this.scrubber.step);
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
      h("p", { role: "status" }, statusMark(status, h("span", {}, h("b", {}, name), more))),
      ...(at ? [h("progress", { max: of, value: done, "aria-label": "Training" }), h("p", { class: "note" }, at)] : []),
    );
    this.button.hidden = status !== "running" || !isServed();
    this.button.disabled = this.asked === this.begun;
    this.button.textContent = !this.button.disabled ? "Cancel" : this.heard ? "Asked to end" : "Asking it to end";
    this.alert.hidden = !this.alert.textContent;
    this.note.textContent = this.words();
    this.note.hidden = !this.note.textContent;
  }

  /** A status as a page from disk knows it. */
  private stored(status: Shown): readonly [string, string] {
    if (status === "running") return [STATUS.running[0], " when this page was rendered"];
    return status === "waiting" && this.brought.withheld ? ["not shown", ": what is stored is not what the recipe says now"] : STATUS[status];
  }

  private words(): string {
    const snapshots = this.log.standing.filter((event) => event["family"] === "checkpoints");
    const undrawn = snapshots.length > 0 && !snapshots.some((event) => event["preview"]) ? "Its snapshots have no pictures: an earlier version trained it." : "";
    if (!isServed()) return this.log.standing.length > 0 || this.rendered.length > 0 ? `Replayed from what this page holds. A page that acc serve gives draws a run while it trains. ${undrawn}` : "";
    if (!this.connected) return "The server does not answer; this page tries again by itself and loses nothing.";
    if (this.status === "waiting") return "Nothing is begun; this page draws the run as soon as it is.";
    if (this.status === "running") return "Curves come as it trains, reconstructions and the latent map at every snapshot.";
    return this.fromServer ? undrawn : "What was stored when this page was rendered.";
  }

  private async cancel(): Promise<void> {
    this.asked = this.begun;
    this.heard = false;
    this.alert.textContent = "";
    this.drawHead();
    try {
      await cancelRun(this.unit);
      this.heard = true;
      this.drawHead();
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
