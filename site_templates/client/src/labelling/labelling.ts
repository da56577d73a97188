import { isServed } from "../live/server";
import { pageAddress } from "../shared/address";
import type { RunChoice } from "../shared/contract";
import { field, h, icon, provenanceLine } from "../shared/dom";
import { failureNote } from "../shared/failure";
import { count, plural } from "../shared/format";
import { type Asked, loadAsked, type Rule } from "./asked";
import { Card } from "./card";
import { keysOf, listenToKeys } from "./keys";
import { LabelMap } from "./label_map";
import { Person } from "./person";
import { Problems } from "./problems";
import { Rounds } from "./rounds";
import { Saving } from "./saving";
import { Standing } from "./standing";
import { Strip } from "./strip";
import { countLabels, nextOpen } from "./walk";

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
  private readonly person = new Person(() => this.rename());
  private readonly card: Card;
  private readonly strip = new Strip((image) => this.goTo(image));
  private readonly saving: Saving;
  private readonly problems: Problems;
  private readonly rounds: Rounds | null;
  private readonly address;

  private asked!: Asked;
  private rule!: Rule;
  private run: RunChoice;
  private place = -1; // in the order of the rule; -1: nothing is left to do
  private readonly skipped = new Set<number>();
  private readonly deeds: Deed[] = [];
  private classKeys: ReadonlyArray<string | null> = [];

  // What is drawn.
  private readonly runs: HTMLSelectElement;
  private readonly rules = h("select", { "aria-label": "Which images are asked about", onchange: () => this.choose(this.rules.value) });
  private readonly classes = h("div", { class: "acc-label-classes", role: "group", "aria-label": "What it shows" });
  private readonly undoButton = h("button", { type: "button", class: "acc-button", onclick: () => this.undo() }, icon("reset"), "Undo", h("kbd", {}, "⌫"));
  private readonly backButton = h("button", { type: "button", class: "acc-button", onclick: () => this.step(-1) }, "Back", h("kbd", {}, "←"));
  private readonly skipButton = h("button", { type: "button", class: "acc-button", onclick: () => this.skip() }, "Skip", h("kbd", {}, "→"));
  private readonly progress = h("progress", { "aria-label": "Labelled of this queue" });
  private readonly progressWords = h("p", { class: "acc-label-progress-words" });
  private readonly announced = h("p", { class: "visually-hidden", role: "status" });
  private readonly foot = h("div", { class: "acc-viewer-foot" });

  constructor(private readonly choices: readonly RunChoice[]) {
    this.address = pageAddress(() => (this.rule ? new URLSearchParams({ run: this.run.key, rule: this.rule.id }) : null));
    const wanted = this.address.asked.get("run");
    this.run = choices.find(({ key }) => key === wanted) ?? choices[0]!;
    const [, recipe = "", node = ""] = this.run.key.split("/");
    this.card = new Card(() => this.draw(), (images) => this.lookAgain(images));
    this.saving = new Saving(recipe, this.card.element, { onChange: () => this.draw(), onRead: () => this.onRead(), onForget: () => this.onForget() });
    this.problems = new Problems(recipe, (image) => this.goTo(image));
    this.runs = h("select", { "aria-label": "Whose queue it is", onchange: () => void this.open(this.runs.value).catch((error: unknown) => this.element.prepend(failureNote(error))) }, ...choices.map(({ key, label }) => h("option", { value: key, selected: key === this.run.key }, label)));
    const seeds = [...new Set(choices.map(({ key }) => Number(key.split("seed-")[1])))].sort((a, b) => a - b);
    this.rounds = isServed() ? new Rounds(recipe, seeds, () => this.asked?.meta.node ?? node, () => this.saving.saveAll()) : null;
    this.element.append(
      h("div", { class: "acc-label-bar" }, field("Queue of", this.runs), field("Rule", this.rules), this.person.element),
      h(
        "div",
        { class: "acc-label-main" },
        this.card.element,
        this.classes,
        h("div", { class: "acc-row acc-label-actions" }, this.undoButton, this.backButton, this.skipButton),
        h("div", { class: "acc-label-progress" }, this.progress, this.progressWords),
        this.strip.element,
        this.saving.element,
        this.announced,
      ),
      h("div", { class: "acc-label-side" }, this.map.element, this.rounds?.element, this.problems.element),
      this.foot,
    );
    listenToKeys(this.element, () => this.classKeys, {
      label: (place) => this.label(this.asked.meta.classes[place]!),
      skip: () => this.skip(),
      back: () => this.step(-1),
      undo: () => this.undo(),
    });
  }

  /** Loads the queue, and what was said so far. */
  async start(): Promise<void> {
    await this.open(this.run.key, this.address.asked.get("rule") ?? undefined);
    void this.saving.start();
    void this.rounds?.start();
  }

  state() {
    return {
      run: this.run.key,
      rule: this.rule.id,
      image: this.image,
      order: this.rule.order,
      said: Object.fromEntries(this.standing.said) as Record<number, string>,
      unsaved: this.saving.lines.length,
    };
  }

  private get image(): number | null {
    return this.rule.order[this.place] ?? null;
  }

  /** How the images stand for this person now. */
  private get standing(): Standing {
    return new Standing(this.person.name, this.saving.given.said, this.saving.lines, this.skipped);
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
    this.place = this.nextPlace(-1);
    this.strip.show(this.asked, this.rule);
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
    const before = this.standing.said.get(image) ?? "";
    this.deeds.push({ image, rule: this.rule.id, before });
    this.skipped.delete(image);
    if (before !== name) this.say(image, name);
    this.advance();
    this.tell(`Training image ${image} is ${name}.`);
  }

  private skip(): void {
    const { image } = this;
    if (image === null) return;
    if (!this.standing.said.has(image)) {
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
    else if ((this.standing.said.get(deed.image) ?? "") !== deed.before) this.say(deed.image, deed.before);
    if (deed.rule !== this.rule.id && this.asked.rules.some(({ id }) => id === deed.rule)) this.choose(deed.rule);
    this.place = this.rule.order.indexOf(deed.image);
    this.tell(deed.before ? `Training image ${deed.image} is ${deed.before} again.` : `Undone: training image ${deed.image} is open again.`);
    this.draw();
  }

  private say(index: number, label: string): void {
    this.saving.add({ person: this.person.name, time: new Date().toISOString(), index, label });
  }

  private advance(): void {
    this.place = this.nextPlace(this.place);
    this.draw();
  }

  private nextPlace(from: number): number {
    const { standing } = this;
    return nextOpen(this.rule.order, from, (image) => standing.isOpen(image));
  }

  private lookAgain(images: readonly number[]): void {
    for (const image of images) this.skipped.delete(image);
    this.advance();
    this.tell("");
  }

  /** Whether labels can be given; where the name is missing, asks for it. */
  private isReady(): boolean {
    if (!this.person.name) this.person.ask();
    return this.person.name !== "";
  }

  /** Leaves an image that turns out to be done, as long as nothing was done here. */
  private onRead(): void {
    if (this.deeds.length === 0 && (this.image === null || !this.standing.isOpen(this.image))) this.advance();
  }

  private onForget(): void {
    this.deeds.length = 0;
    this.draw();
  }

  private rename(): void {
    this.deeds.length = 0; // they were another person's
    this.choose(this.rule.id);
    if (this.person.name) this.card.element.focus();
    else this.person.ask();
  }

  private tell(done: string): void {
    const { image } = this;
    const next = image === null ? "Nothing is left in this queue." : `Now training image ${image}, ${this.place + 1} of ${this.rule.order.length}.`;
    this.announced.textContent = `${done} ${next}`.trim();
  }

  private draw(): void {
    const { asked, rule, place, image, standing } = this;
    const { given } = this.saving;
    this.card.draw(asked, rule, place, standing);
    this.drawClasses(standing);
    this.drawProgress(standing);
    this.strip.draw(standing, image);
    this.saving.draw();
    this.problems.draw(given.problems, rule.order);
    this.map.mark(rule.order.filter((one) => standing.isOpen(one)), image);
    this.rounds?.tell(Math.max(0, given.lines - Math.max(1, asked.meta.lines)));
  }

  private drawClasses({ said }: Standing): void {
    const counts = countLabels(said);
    const mine = this.image === null ? undefined : said.get(this.image);
    for (const button of this.classes.querySelectorAll<HTMLButtonElement>("button")) {
      const name = button.dataset["class"]!;
      const many = counts.get(name) ?? 0;
      button.setAttribute("aria-pressed", String(mine === name));
      button.setAttribute("aria-label", `${name}, ${plural(many, "label")} so far`);
      button.setAttribute("aria-disabled", String(this.image === null || !this.person.name));
      button.querySelector(".acc-label-count")!.textContent = many ? count(many) : "";
    }
    this.undoButton.setAttribute("aria-disabled", String(this.deeds.length === 0)); // it keeps the focus
    this.skipButton.setAttribute("aria-disabled", String(this.image === null));
  }

  private drawProgress(standing: Standing): void {
    const { order } = this.rule;
    const { said } = standing;
    const done = order.filter((image) => said.has(image)).length;
    const skipped = order.filter((image) => standing.isSkipped(image)).length;
    const others = order.filter((image) => standing.isOfOthers(image)).length;
    this.progress.max = order.length;
    this.progress.value = done;
    const parts = [`${done} of ${order.length} labelled`, skipped && `${skipped} skipped`, others && `${others} by others`, said.size > done && `${count(said.size)} by you in all`];
    this.progressWords.textContent = parts.filter(Boolean).join(", ");
  }
}
