import { isServed } from "../live/server";
import { h, icon, renew } from "../shared/dom";
import { messageOf } from "../shared/failure";
import { plural } from "../shared/format";
import { Kept, placeOf } from "./kept";
import { csvOf, type Line } from "./lines";
import { Outbox } from "./outbox";
import { type GivenLabels, isFinal, readLabels, sendLabels } from "./server";

/** What the labelling hears of its labels. */
interface Listeners {
  /** They, or how far they are saved, have changed. */
  onChange: () => void;
  /** The label file was read. */
  onRead: () => void;
  /** The lines that this browser kept are gone. */
  onForget: () => void;
}

/** How far labels are saved, in words, and what can be done about it. */
interface Told {
  state: "saved" | "saving" | "trouble" | "kept" | "exported";
  words: string;
  buttons: HTMLElement[];
}

/** Keeps the labels of a recipe in this browser, and takes them to the server or, where none serves the page, to a file. */
export class Saving {
  readonly element = h("div", { class: "acc-label-saved" });
  /** What the label file says, as far as it is known. */
  given: GivenLabels = { said: {}, problems: [], lines: 0 };
  private readonly words = h("p");
  private readonly buttons = h("div", { class: "acc-row" });
  private readonly kept: Kept;
  private readonly outbox: Outbox | null;
  private unread = ""; // why the label file could not be read

  /** `otherwise` gets the focus of a button that goes away. */
  constructor(
    private readonly recipe: string,
    private readonly otherwise: HTMLElement,
    private readonly on: Listeners,
  ) {
    this.kept = new Kept(placeOf(recipe), on.onChange);
    this.outbox = isServed() ? new Outbox(this.kept, (lines) => this.send(lines), isFinal, on.onChange) : null;
    this.element.append(this.words, this.buttons);
    window.addEventListener("beforeunload", (event) => {
      if (!this.kept.isLasting && this.kept.lines().length > this.kept.exported) event.preventDefault();
    });
  }

  /** The lines that are not saved yet, or, without a server, all of this browser. */
  get lines(): readonly Line[] {
    return this.kept.lines();
  }

  /** Reads what was said so far, and sends what an earlier visit left. */
  async start(): Promise<void> {
    if (!this.outbox) return;
    await this.read();
    await this.outbox.send();
  }

  add(line: Line): void {
    this.kept.add(line);
    void this.outbox?.send();
  }

  /** Whether all is saved, after one more attempt. */
  async saveAll(): Promise<boolean> {
    await this.outbox?.send();
    return this.lines.length === 0;
  }

  draw(): void {
    const { state, words, buttons } = this.outbox ? this.toServer(this.outbox) : this.toFile();
    const lost = this.lines.length && !this.kept.isLasting ? " This browser keeps nothing for this page: they are lost when it is closed." : "";
    this.element.dataset["state"] = state;
    this.words.setAttribute("role", state === "trouble" ? "alert" : "note"); // who hears the page hears of each image anyway
    if (this.words.textContent !== words + lost) this.words.textContent = words + lost;
    renew(this.buttons, "does", buttons, this.otherwise);
  }

  private toServer(outbox: Outbox): Told {
    const { lines, unread } = this;
    const { refused, trouble } = outbox;
    const buttons: HTMLElement[] = [];
    if (refused.length || trouble) buttons.push(button("retry", ["Try now"], () => void outbox.retryRefused()), this.exporting("Export them (CSV)"));
    if (refused.length) buttons.push(button("drop", ["Drop them"], () => this.dropRefused(outbox)));
    if (!lines.length && unread) buttons.push(button("read", ["Try now"], () => void this.read()));
    const state = refused.length || trouble || unread ? "trouble" : lines.length ? "saving" : "saved";
    if (refused.length) {
      const why = refused.map(({ line, why: told }) => `Image ${line.index}: ${told}`).join(" ");
      return { state, buttons, words: `${plural(refused.length, "label")} not taken by the server. ${why}` };
    }
    if (trouble) return { state, buttons, words: `${plural(lines.length, "label")} not saved yet (${trouble}). This page tries again by itself.` };
    if (lines.length) return { state, buttons, words: `Saving ${plural(lines.length, "label")}…` };
    if (unread) return { state, buttons, words: `The labels given so far cannot be read: ${unread}` };
    return { state, buttons, words: `All labels are saved, in labels/${this.recipe}.csv of the store.` };
  }

  private toFile(): Told {
    const { lines } = this;
    const fresh = lines.length - this.kept.exported;
    const exporting = this.exporting("Export the labels (CSV)", fresh > 0);
    if (!lines.length) return { state: "exported", words: "Labels stay in this browser until you export them.", buttons: [] };
    if (fresh) return { state: "kept", words: `${plural(fresh, "line")} not exported yet, kept in this browser.`, buttons: [exporting] };
    return {
      state: "exported",
      words: `All ${plural(lines.length, "line")} exported. Add them with: acc label ${this.recipe} --add ${this.file}`,
      buttons: [exporting, button("forget", ["Forget them here"], () => this.forget())],
    };
  }

  private get file(): string {
    return `labels-${this.recipe}.csv`;
  }

  private exporting(label: string, isFirst = false): HTMLElement {
    const element = button("export", [icon("download"), label], () => this.export());
    element.classList.toggle("acc-label-first", isFirst);
    return element;
  }

  private export(): void {
    const url = URL.createObjectURL(new Blob([csvOf(this.lines)], { type: "text/csv" }));
    h("a", { href: url, download: this.file }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    if (!this.outbox) this.kept.noteExport();
    this.on.onChange();
  }

  private forget(): void {
    this.kept.remove(this.lines);
    this.on.onForget();
  }

  private dropRefused(outbox: Outbox): void {
    this.kept.remove(outbox.refused.map(({ line }) => line));
    void outbox.retryRefused();
  }

  private async send(lines: readonly Line[]): Promise<void> {
    this.given = await sendLabels(this.recipe, lines);
    this.unread = "";
  }

  private async read(): Promise<void> {
    try {
      this.given = await readLabels(this.recipe);
      this.unread = "";
      this.on.onRead();
    } catch (error) {
      this.unread = messageOf(error);
    }
    this.on.onChange();
  }
}

function button(does: string, content: ReadonlyArray<Node | string>, onclick: () => void): HTMLElement {
  return h("button", { type: "button", class: "acc-button", "data-does": does, onclick }, ...content);
}
