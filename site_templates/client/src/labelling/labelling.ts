import { isServed, Refusal } from "../live/server";
import { pageAddress } from "../shared/address";
import type { RunChoice } from "../shared/contract";
import { h, icon, provenanceLine } from "../shared/dom";
import { failureNote, messageOf } from "../shared/failure";
import { count, number, percent, plural } from "../shared/format";
import { type Asked, loadAsked, type Rule } from "./asked";
import { keepPerson, Kept, placeOf, readPerson } from "./kept";
import { keysOf } from "./keys";
import { LabelMap } from "./label_map";
import { csvOf, type Line, saidBy, wrongName } from "./lines";
import { Outbox } from "./outbox";
import { Rounds } from "./rounds";
import { type GivenLabels, readLabels, sendLabels } from "./server";
import { countLabels, nextOpen } from "./walk";

const PICTURE = { wide: 280, narrow: 148 }; // CSS pixels
const THUMB = 40;
const MOST_TOLD = 4; // problems of the label file
const WRONG = 422; // the server's status for labels that cannot be
const LIKELIEST = 3; // classes of the model's prediction that are told

/** What an image of the queue is called and marked with, where this person says nothing of it. */
const STATES = {
  conflict: { words: "", mark: "" },
  labelled: { words: "", mark: "" },
  others: { words: "labelled by others", mark: "•" },
  skipped: { words: "skipped", mark: "–" },
  open: { words: "open", mark: "" },
} as const;

/** What can be undone: a label with what was said before, or an image that was skipped. */
interface Deed {
  image: number;
  rule: string;
  /** What this person said before; null: the image was skipped. */
  before: string | null;
}

/** One person going through the queue of a run, image after image. */
export class Labelling {
  readonly element = h("div", { class: "acc-playground acc-label" });
  readonly map = new LabelMap((image) => this.goTo(image));
  private readonly recipe: string;
  private readonly kept: Kept;
  private readonly outbox: Outbox | null;
  private readonly rounds: Rounds | null;
  private readonly address;
  private readonly narrow = window.matchMedia("(max-width: 48rem)");

  private asked!: Asked;
  private rule!: Rule;
  private run: RunChoice;
  private place = -1; // in the order of the rule; -1: nothing is left to do
  private person = readPerson();
  private given: GivenLabels = { said: {}, problems: [], lines: 0 };
  private readonly skipped = new Set<number>();
  private readonly deeds: Deed[] = [];
  private classKeys: ReadonlyArray<string | null> = [];
  private unread = ""; // why the label file could not be read

  // What is drawn.
  private readonly runs: HTMLSelectElement;
  private readonly rules = h("select", { "aria-label": "Which images are asked about", onchange: () => this.choose(this.rules.value) });
  private readonly who = h("div", { class: "acc-label-who" });
  private readonly picture = h("div", { role: "img" });
  private readonly card = h("div", { class: "acc-label-card", tabindex: -1 });
  private readonly caption = h("p", { class: "acc-label-caption" });
  private readonly prediction = h("div", { class: "acc-label-prediction" });
  private readonly showsPrediction = h("input", { type: "checkbox", onchange: () => this.draw() });
  private readonly classes = h("div", { class: "acc-label-classes", role: "group", "aria-label": "What it shows" });
  private readonly undoButton = h("button", { type: "button", class: "acc-button", onclick: () => this.undo() }, icon("reset"), "Undo", h("kbd", {}, "⌫"));
  private readonly backButton = h("button", { type: "button", class: "acc-button", onclick: () => this.step(-1) }, "Back", h("kbd", {}, "←"));
  private readonly skipButton = h("button", { type: "button", class: "acc-button", onclick: () => this.skip() }, "Skip", h("kbd", {}, "→"));
  private readonly progress = h("progress", { "aria-label": "Labelled of this queue" });
  private readonly progressWords = h("p", { class: "acc-label-progress-words" });
  private readonly strip = h("div", { class: "acc-label-strip", role: "group", "aria-label": "The queue" });
  private readonly announced = h("p", { class: "visually-hidden", role: "status" });
  private readonly saved = h("div", { class: "acc-label-saved" });
  private readonly savedWords = h("p");
  private readonly savedButtons = h("div", { class: "acc-row" });
  private readonly problems = h("section", { class: "acc-label-box", "aria-label": "Conflicts and problems", hidden: true });
  private readonly foot = h("div", { class: "acc-viewer-foot" });

  constructor(private readonly choices: readonly RunChoice[]) {
    this.address = pageAddress(() => (this.rule ? new URLSearchParams({ run: this.run.key, rule: this.rule.id }) : null));
    const wanted = this.address.asked.get("run");
    this.run = choices.find(({ key }) => key === wanted) ?? choices[0]!;
    const [, recipe = "", node = ""] = this.run.key.split("/");
    this.recipe = recipe;
    this.kept = new Kept(placeOf(recipe), () => this.draw());
    this.runs = h("select", { "aria-label": "Whose queue it is", onchange: () => void this.open(this.runs.value).catch((error: unknown) => this.element.prepend(failureNote(error))) }, ...choices.map(({ key, label }) => h("option", { value: key, selected: key === this.run.key }, label)));
    const isFinal = (error: Error) => error instanceof Refusal && error.status === WRONG;
    this.outbox = isServed() ? new Outbox(this.kept, (lines) => this.send(lines), isFinal, () => this.draw()) : null;
    const seeds = [...new Set(choices.map(({ key }) => Number(key.split("seed-")[1])))].sort((a, b) => a - b);
    const saveAll = async () => {
      await this.outbox?.send();
      return this.kept.lines().length === 0;
    };
    this.rounds = this.outbox ? new Rounds(recipe, seeds, () => this.asked?.meta.node ?? node, saveAll) : null;
    this.card.append(this.picture, h("div", { class: "acc-label-about" }, this.caption, h("label", { class: "acc-check" }, this.showsPrediction, "Show what the model thinks"), this.prediction));
    this.saved.append(this.savedWords, this.savedButtons);
    this.element.append(
      h("div", { class: "acc-label-bar" }, field("Queue of", this.runs), field("Rule", this.rules), this.who),
      h(
        "div",
        { class: "acc-label-main" },
        this.card,
        this.classes,
        h("div", { class: "acc-row acc-label-actions" }, this.undoButton, this.backButton, this.skipButton),
        h("div", { class: "acc-label-progress" }, this.progress, this.progressWords),
        this.strip,
        this.saved,
        this.announced,
      ),
      h("div", { class: "acc-label-side" }, this.map.element, this.rounds?.element, this.problems),
      this.foot,
    );
    this.narrow.addEventListener("change", () => this.draw());
    document.addEventListener("keydown", (event) => this.onKey(event));
    window.addEventListener("beforeunload", (event) => {
      if (!this.kept.isLasting && this.kept.lines().length > this.kept.exported) event.preventDefault();
    });
  }

  /** Loads the queue, and what was said so far. */
  async start(): Promise<void> {
    await this.open(this.run.key, this.address.asked.get("rule") ?? undefined);
    if (!this.outbox) return;
    void this.read().then(() => this.outbox?.send());
    void this.rounds?.start();
  }

  state() {
    return {
      run: this.run.key,
      rule: this.rule.id,
      image: this.image,
      order: this.rule.order,
      said: Object.fromEntries(this.said) as Record<number, string>,
      unsaved: this.kept.lines().length,
    };
  }

  private get image(): number | null {
    return this.rule.order[this.place] ?? null;
  }

  /** What this person says, with what is not saved yet. */
  private get said(): Map<number, string> {
    const known = Object.entries(this.given.said).flatMap(([index, words]) => (this.person in words ? [[Number(index), words[this.person]!] as const] : []));
    return saidBy(this.person, new Map(known), this.kept.lines());
  }

  /** Whether others, and not this person, have labelled an image. */
  private isOfOthers(image: number, said: ReadonlyMap<number, string>): boolean {
    return !said.has(image) && Object.keys(this.given.said[image] ?? {}).some((person) => person !== this.person);
  }

  private isOpen(image: number, said: ReadonlyMap<number, string>): boolean {
    return !said.has(image) && !this.skipped.has(image) && !this.isOfOthers(image, said);
  }

  /** What others say of an image that this person has labelled otherwise: "bob says 8"; "" where nobody does. */
  private contradiction(image: number, said: ReadonlyMap<number, string>): string {
    const own = said.get(image);
    if (own === undefined) return "";
    const others = Object.entries(this.given.said[image] ?? {}).filter(([person, word]) => person !== this.person && word !== own);
    return others.map(([person, word]) => `${person} says ${word}`).join(", ");
  }

  private async open(key: string, rule = this.rule?.id): Promise<void> {
    const asked = await loadAsked(key);
    if (this.runs.value !== key) return; // another one is wanted by now
    this.run = this.choices.find((one) => one.key === key)!;
    this.asked = asked;
    this.classKeys = keysOf(asked.meta.classes);
    this.rules.replaceChildren(...asked.rules.map(({ id, words }) => h("option", { value: id, title: words }, id.replaceAll("_", " "))));
    this.classes.replaceChildren(
      ...asked.meta.classes.map((name, i) => {
        const key = this.classKeys[i];
        return h(
          "button",
          { type: "button", title: name.length > 2 && name, "data-class": name, "aria-keyshortcuts": key, onclick: () => this.label(name) },
          h("span", { class: "acc-label-name" }, name),
          key && key !== name.toLowerCase() && h("kbd", {}, key),
          h("span", { class: "acc-label-count" }),
        );
      }),
    );
    this.classes.classList.toggle("acc-label-many", asked.meta.classes.length > 10 || asked.meta.classes.some((name) => name.length > 2));
    this.foot.replaceChildren(...[provenanceLine(asked.meta.provenance)].filter((one) => one !== null));
    this.choose(asked.rules.some(({ id }) => id === rule) ? rule! : asked.rules[0]!.id);
  }

  private choose(rule: string): void {
    this.rule = this.asked.rules.find(({ id }) => id === rule)!;
    this.rules.value = rule;
    const said = this.said;
    this.place = nextOpen(this.rule.order, -1, (image) => this.isOpen(image, said));
    this.strip.replaceChildren(
      ...this.rule.order.map((image) => {
        const picture = h("span", {});
        this.asked.pictures.show(picture, this.asked.tileOf.get(image)!, THUMB);
        return h("button", { type: "button", class: "acc-label-thumb", "data-image": image, onclick: () => this.goTo(image) }, picture, h("span", { class: "acc-label-mark", "aria-hidden": "true" }));
      }),
    );
    this.map.show(this.asked, this.rule);
    this.address.save();
    this.draw();
  }

  private goTo(image: number): void {
    const place = this.rule.order.indexOf(image);
    if (place < 0) return;
    this.place = place;
    this.tell("");
    this.draw();
  }

  /** To the image before or behind, whatever is said of it. */
  private step(by: 1 | -1): void {
    const { length } = this.rule.order;
    this.place = this.place < 0 ? (by < 0 ? length - 1 : 0) : (this.place + by + length) % length;
    this.tell("");
    this.draw();
  }

  private label(name: string): void {
    const { image } = this;
    if (image === null || !this.isReady()) return;
    const before = this.said.get(image) ?? "";
    this.deeds.push({ image, rule: this.rule.id, before });
    this.skipped.delete(image);
    if (before !== name) this.say(image, name);
    this.advance();
    this.tell(`Training image ${image} is ${name}.`);
  }

  private skip(): void {
    const { image } = this;
    if (image === null) return;
    if (!this.said.has(image)) {
      this.deeds.push({ image, rule: this.rule.id, before: null });
      this.skipped.add(image);
    }
    this.advance();
    this.tell(`Training image ${image} skipped.`);
  }

  private undo(): void {
    const deed = this.deeds.pop();
    if (!deed) return;
    if (deed.before === null) this.skipped.delete(deed.image);
    else if ((this.said.get(deed.image) ?? "") !== deed.before) this.say(deed.image, deed.before);
    if (deed.rule !== this.rule.id && this.asked.rules.some(({ id }) => id === deed.rule)) this.choose(deed.rule);
    this.place = this.rule.order.indexOf(deed.image);
    this.tell(deed.before ? `Training image ${deed.image} is ${deed.before} again.` : `Undone: training image ${deed.image} is open again.`);
    this.draw();
  }

  private say(index: number, label: string): void {
    this.kept.add({ person: this.person, time: new Date().toISOString(), index, label });
    void this.outbox?.send();
  }

  private advance(): void {
    const said = this.said;
    this.place = nextOpen(this.rule.order, this.place, (image) => this.isOpen(image, said));
    this.draw();
  }

  /** Whether labels can be given; where the name is missing, asks for it. */
  private isReady(): boolean {
    if (this.person) return true;
    this.who.querySelector("input")?.focus();
    return false;
  }

  private async send(lines: readonly Line[]): Promise<void> {
    this.given = await answerOf(sendLabels(this.recipe, lines));
    this.unread = "";
  }

  private async read(): Promise<void> {
    try {
      this.given = await answerOf(readLabels(this.recipe));
      this.unread = "";
      const said = this.said;
      if (this.deeds.length === 0 && (this.image === null || !this.isOpen(this.image, said))) this.advance();
    } catch (error) {
      this.unread = messageOf(error);
    }
    this.draw();
  }

  private onKey(event: KeyboardEvent): void {
    const target = event.target instanceof HTMLElement ? event.target : document.body;
    if (event.defaultPrevented || event.altKey || !this.element.isConnected || target.matches("input:not([type=checkbox]), select, textarea")) return;
    const isUndo = event.key === "Backspace" || (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey));
    if (!isUndo && (event.ctrlKey || event.metaKey)) return;
    const arrows = !target.closest(".acc-stage");
    const place = this.classKeys.indexOf(event.key.toLowerCase());
    const deed = isUndo
      ? () => this.undo()
      : event.key === "ArrowRight" && arrows
        ? () => this.skip()
        : event.key === "ArrowLeft" && arrows
          ? () => this.step(-1)
          : event.key.length === 1 && place >= 0
            ? () => this.label(this.asked.meta.classes[place]!)
            : null;
    if (!deed) return;
    event.preventDefault();
    if (!event.repeat) deed(); // a key held down labels one image, not all
  }

  private tell(done: string): void {
    const { image } = this;
    const next = image === null ? "Nothing is left in this queue." : `Now training image ${image}, ${this.place + 1} of ${this.rule.order.length}.`;
    this.announced.textContent = `${done} ${next}`.trim();
  }

  private draw(): void {
    const said = this.said;
    this.drawWho();
    this.drawCard(said);
    this.drawClasses(said);
    this.drawProgress(said);
    this.drawStrip(said);
    this.drawSaved();
    this.drawProblems();
    this.map.mark(this.rule.order.filter((image) => this.isOpen(image, said)), this.image);
    this.rounds?.tell(Math.max(0, this.given.lines - Math.max(1, this.asked.meta.lines)));
  }

  private drawWho(): void {
    const state = this.person ? `is ${this.person}` : "asks";
    if (this.who.dataset["state"] === state) return;
    this.who.dataset["state"] = state;
    if (this.person) {
      const change = h("button", { type: "button", class: "acc-link", onclick: () => this.rename("") }, "change");
      this.who.replaceChildren(h("span", { class: "acc-field-name" }, "Labels are kept as"), h("span", { class: "acc-label-person" }, h("strong", {}, this.person), change));
      return;
    }
    const name = h("input", { type: "text", name: "person", maxlength: 80, autocomplete: "name", placeholder: "Your name", "aria-label": "Your name", "aria-describedby": "acc-label-name-problem" });
    const problem = h("p", { id: "acc-label-name-problem", class: "acc-label-name-problem", role: "alert" });
    const form = h(
      "form",
      {
        onsubmit: (event: Event) => {
          event.preventDefault();
          const given = name.value.trim();
          problem.textContent = wrongName(given);
          if (problem.textContent) name.focus();
          else this.rename(given);
        },
      },
      name,
      h("button", { type: "submit", class: "acc-button" }, "Begin"),
    );
    this.who.replaceChildren(h("span", { class: "acc-field-name" }, "Who is labelling?"), form, problem);
  }

  private rename(name: string): void {
    this.person = name;
    this.deeds.length = 0; // they were another person's
    if (name) keepPerson(name);
    this.choose(this.rule.id);
    (name ? this.card : this.who.querySelector("input"))?.focus();
  }

  private drawCard(said: ReadonlyMap<number, string>): void {
    const { image } = this;
    this.card.classList.toggle("acc-label-over", image === null);
    this.picture.hidden = image === null;
    if (image === null) {
      const left = this.rule.order.filter((one) => this.skipped.has(one) && !said.has(one));
      const again = () => {
        for (const one of left) this.skipped.delete(one);
        this.advance();
        this.tell("");
      };
      this.caption.replaceChildren(
        h("strong", {}, "This queue is done."),
        " ",
        left.length ? h("button", { type: "button", class: "acc-button", onclick: again }, `Look at the ${plural(left.length, "skipped image")} again`) : "Another rule asks about other images.",
      );
      this.prediction.replaceChildren();
      return;
    }
    this.asked.pictures.show(this.picture, this.asked.tileOf.get(image)!, this.narrow.matches ? PICTURE.narrow : PICTURE.wide);
    this.picture.setAttribute("aria-label", `Training image ${image}`);
    const score = this.rule.scores[this.asked.rowOf.get(image)!]!;
    const word = said.get(image);
    const against = this.contradiction(image, said);
    this.caption.replaceChildren(
      h("strong", {}, `Training image ${image}`),
      h("span", {}, `${this.place + 1} of ${this.rule.order.length}, score ${number(score)}`),
      h("span", {}, word ? `You said ${word}${against ? `, but ${against}: it has no label until you agree` : ""}.` : this.isOfOthers(image, said) ? "Somebody else has labelled it." : this.skipped.has(image) ? "You skipped it." : "No label yet."),
    );
    this.drawPrediction(image);
  }

  private drawPrediction(image: number): void {
    if (!this.showsPrediction.checked) {
      this.prediction.replaceChildren(h("p", { class: "acc-hint" }, "Hidden, so that it does not sway you."));
      return;
    }
    const probabilities = Array.from(this.asked.probabilitiesOf(image));
    const best = probabilities.map((share, i) => [share, i] as const).sort((a, b) => b[0] - a[0]).slice(0, LIKELIEST);
    this.prediction.replaceChildren(
      h(
        "ol",
        {},
        ...best.map(([share, i]) => h("li", {}, h("span", { class: "acc-label-likely" }, this.asked.meta.classes[i]!), h("span", { class: "acc-label-share", style: `--share: ${share}` }), h("span", { class: "num" }, percent(share)))),
      ),
      h("p", { class: "acc-hint" }, `By ${this.asked.meta.probabilities}.`),
    );
  }

  private drawClasses(said: ReadonlyMap<number, string>): void {
    const counts = countLabels(said);
    const mine = this.image === null ? undefined : said.get(this.image);
    for (const button of this.classes.querySelectorAll<HTMLButtonElement>("button")) {
      const name = button.dataset["class"]!;
      const many = counts.get(name) ?? 0;
      button.setAttribute("aria-pressed", String(mine === name));
      button.setAttribute("aria-label", `${name}, ${plural(many, "label")} so far`);
      button.setAttribute("aria-disabled", String(this.image === null || !this.person));
      button.querySelector(".acc-label-count")!.textContent = many ? count(many) : "";
    }
    this.undoButton.setAttribute("aria-disabled", String(this.deeds.length === 0)); // it keeps the focus
    this.skipButton.setAttribute("aria-disabled", String(this.image === null));
  }

  private drawProgress(said: ReadonlyMap<number, string>): void {
    const { order } = this.rule;
    const done = order.filter((image) => said.has(image)).length;
    const skipped = order.filter((image) => this.skipped.has(image) && !said.has(image)).length;
    const others = order.filter((image) => this.isOfOthers(image, said)).length;
    this.progress.max = order.length;
    this.progress.value = done;
    const parts = [`${done} of ${order.length} labelled`, skipped && `${skipped} skipped`, others && `${others} by others`, said.size > done && `${count(said.size)} by you in all`];
    this.progressWords.textContent = parts.filter(Boolean).join(", ");
  }

  private drawStrip(said: ReadonlyMap<number, string>): void {
    const { image } = this;
    for (const button of this.strip.querySelectorAll<HTMLButtonElement>("button")) {
      const own = Number(button.dataset["image"]);
      const word = said.get(own);
      const state: keyof typeof STATES = this.contradiction(own, said) ? "conflict" : word !== undefined ? "labelled" : this.isOfOthers(own, said) ? "others" : this.skipped.has(own) ? "skipped" : "open";
      const isCurrent = own === image;
      button.dataset["state"] = state;
      button.tabIndex = isCurrent || (image === null && own === this.rule.order[0]) ? 0 : -1;
      button.setAttribute("aria-label", `Training image ${own}, ${word === undefined ? STATES[state].words : `labelled ${word}${state === "conflict" ? ", others disagree" : ""}`}`);
      if (isCurrent && button.getAttribute("aria-current") !== "true") reveal(this.strip, button);
      if (isCurrent) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      button.querySelector(".acc-label-mark")!.textContent = word ?? STATES[state].mark;
    }
  }

  private drawSaved(): void {
    const lines = this.kept.lines();
    const fresh = lines.length - this.kept.exported;
    const { outbox } = this;
    const name = `labels-${this.recipe}.csv`;
    let words: string;
    const buttons: HTMLElement[] = [];
    const exporting = (label: string, isFirst: boolean) => h("button", { type: "button", class: isFirst ? "acc-button acc-label-first" : "acc-button", "data-does": "export", onclick: () => this.export(name) }, icon("download"), label);
    const lost = this.kept.isLasting ? "" : " This browser keeps nothing for this page: they are lost when it is closed.";
    if (!outbox) {
      words = lines.length === 0 ? "Labels stay in this browser until you export them." : fresh ? `${plural(fresh, "line")} not exported yet, kept in this browser.` : `All ${plural(lines.length, "line")} exported. Add them with: acc label ${this.recipe} --add ${name}`;
      if (lines.length) buttons.push(exporting("Export the labels (CSV)", fresh > 0));
      if (lines.length && !fresh) buttons.push(h("button", { type: "button", class: "acc-button", "data-does": "forget", onclick: () => this.forget() }, "Forget them here"));
    } else {
      const { refused, trouble } = outbox;
      const why = refused.map(({ line, why: told }) => `Image ${line.index}: ${told}`).join(" ");
      words = refused.length
        ? `${plural(refused.length, "label")} not taken by the server. ${why}`
        : trouble
          ? `${plural(lines.length, "label")} not saved yet (${trouble}). This page tries again by itself.`
          : lines.length
            ? `Saving ${plural(lines.length, "label")}…`
            : this.unread
              ? `The labels given so far cannot be read: ${this.unread}`
              : `All labels are saved, in labels/${this.recipe}.csv of the store.`;
      if (refused.length || trouble) buttons.push(h("button", { type: "button", class: "acc-button", "data-does": "retry", onclick: () => void outbox.retryRefused() }, "Try now"), exporting("Export them (CSV)", false));
      if (refused.length) buttons.push(h("button", { type: "button", class: "acc-button", "data-does": "drop", onclick: () => this.dropRefused() }, "Drop them"));
      if (!lines.length && this.unread) buttons.push(h("button", { type: "button", class: "acc-button", "data-does": "read", onclick: () => void this.read() }, "Try now"));
    }
    this.saved.dataset["state"] = outbox ? (outbox.refused.length || outbox.trouble || this.unread ? "trouble" : lines.length ? "saving" : "saved") : fresh ? "kept" : "exported";
    const told = words + (lines.length ? lost : "");
    this.savedWords.setAttribute("role", this.saved.dataset["state"] === "trouble" ? "alert" : "note"); // who hears the page hears of each image anyway
    if (this.savedWords.textContent !== told) this.savedWords.textContent = told;
    const focused = (document.activeElement as HTMLElement | null)?.dataset["does"];
    this.savedButtons.replaceChildren(...buttons);
    if (focused) (this.savedButtons.querySelector<HTMLElement>(`[data-does="${focused}"]`) ?? this.card).focus();
  }

  private export(name: string): void {
    const url = URL.createObjectURL(new Blob([csvOf(this.kept.lines())], { type: "text/csv" }));
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    if (!this.outbox) this.kept.noteExport();
    this.draw();
  }

  private forget(): void {
    this.kept.remove(this.kept.lines());
    this.deeds.length = 0;
    this.draw();
  }

  private dropRefused(): void {
    if (!this.outbox) return;
    this.kept.remove(this.outbox.refused.map(({ line }) => line));
    void this.outbox.retryRefused();
  }

  private drawProblems(): void {
    const { problems } = this.given;
    this.problems.hidden = problems.length === 0;
    if (this.problems.hidden) return;
    const focused = (document.activeElement as HTMLElement | null)?.dataset["problem"];
    this.problems.replaceChildren(
      h("h3", {}, plural(problems.length, "problem"), " in the label file"),
      h(
        "ul",
        {},
        ...problems.slice(-MOST_TOLD).reverse().map(({ line, why, conflict }) => {
          const image = conflict ? Number(/image (\d+)/.exec(why)?.[1]) : NaN;
          const there = this.rule.order.includes(image);
          return h("li", {}, `Line ${line}: ${why}. `, there && h("button", { type: "button", class: "acc-link", "data-problem": line, onclick: () => this.goTo(image) }, "Look at it"));
        }),
      ),
      problems.length > MOST_TOLD ? h("p", { class: "acc-hint" }, `The other ${problems.length - MOST_TOLD} are told by `, h("code", {}, `acc label ${this.recipe}`), ".") : "",
      h("p", { class: "acc-hint" }, "An image on which people disagree has no label until they agree; lines that give none stay where they are."),
    );
    if (focused) this.problems.querySelector<HTMLElement>(`[data-problem="${focused}"]`)?.focus();
  }
}

function field(name: string, control: HTMLElement): HTMLElement {
  return h("label", { class: "acc-field" }, h("span", { class: "acc-field-name" }, name), control);
}

/** What the server answers; where nothing answers, an error that says so. */
async function answerOf<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Error("the server does not answer", { cause: error });
  }
}

/** Brings a button of a strip into its sight, without moving the page. */
function reveal(strip: HTMLElement, button: HTMLElement): void {
  const [frame, own] = [strip.getBoundingClientRect(), button.getBoundingClientRect()];
  if (own.left < frame.left || own.right > frame.right) strip.scrollLeft += own.left - frame.left - frame.width / 2;
  if (own.top < frame.top || own.bottom > frame.bottom) strip.scrollTop += own.top - frame.top - frame.height / 2;
}
