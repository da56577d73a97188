import { mountCopy } from "../charts/page";
import { h } from "../shared/dom";
import { failureNote } from "../shared/failure";
import { plural } from "../shared/format";
import { type Editor, editorOf, fieldsOf, type Form } from "./editors";
import { ForkList } from "./list";
import { nextFold } from "./next";
import { inWords, type Schema } from "./schema";
import { type Fork, readForm, recordFork, removeFork } from "./server";
import { buildCommand, forkCommand, type Settings } from "./settings";

const MAIN = ["lr", "batch_size", "optimizer", "lr_schedule"]; // of the training; the other options are folded

/** A form for a fork of one checkpoint, and the forks of it that are recorded. */
export class ForkPanel {
  readonly element: HTMLElement;
  private readonly list: ForkList;
  private readonly place = h("div", {});
  private readonly fold: HTMLDetailsElement;
  private readonly told = h("p", { class: "acc-fork-told", role: "status" });
  private readonly problem = h("p", { class: "acc-error", role: "alert", hidden: true });
  private isAsked = false;

  constructor(
    private readonly recipe: string,
    private readonly node: string,
    seeds: readonly number[],
  ) {
    this.list = new ForkList(recipe, seeds, {
      wanted: ({ checkpoint }) => checkpoint === node,
      more: (fork) => [this.removal(fork), this.commands(fork)],
      looked: () => (heading.hidden = this.list.forks.length === 0),
      fail: (why) => this.fail(why),
    });
    const heading = h("h3", { hidden: true }, "Recorded forks of it");
    this.fold = h("details", { class: "acc-fork", ontoggle: () => void this.open() }, h("summary", {}, "Set up a fork"), this.place);
    this.element = h("div", { class: "acc-forking" }, this.fold, nextFold(recipe, node, (fork) => this.accept(fork)), this.told, this.problem, heading, this.list.element);
    const follow = () => void (location.hash === "#fork" && (this.fold.open = true));
    window.addEventListener("hashchange", follow);
    follow();
  }

  start(): Promise<void> {
    return this.list.start();
  }

  private async open(): Promise<void> {
    if (!this.fold.open || this.isAsked) return;
    this.isAsked = true;
    this.place.replaceChildren(h("p", { class: "acc-loading", role: "status" }, "Asking what may be set…"));
    try {
      this.place.replaceChildren(this.formOf(await readForm(this.recipe, this.node)));
    } catch (error) {
      this.isAsked = false;
      this.place.replaceChildren(failureNote(error));
    }
  }

  private formOf(schema: Schema): HTMLElement {
    const form: Form = { defs: schema.$defs ?? {}, changed: () => preview() };
    const { name: naming = {}, steps: counted = {}, task = {}, train = {}, grow } = schema.properties ?? {};
    const [name, steps] = [editorOf(form, "name", naming, naming.default), editorOf(form, "steps", counted, counted.default)];
    const tasks = Object.entries(task.properties ?? {}).map(([key, one]) => ({ key, schema: one, editor: fieldsOf(form, `task.${key}`, one, presentOf(one)) }));
    const training = fieldsOf(form, "train", train, presentOf(train));
    const growing = grow ? fieldsOf(form, "grow", grow, presentOf(grow)) : null;
    const parts = [...(growing ? [growing] : []), ...tasks.map(({ editor }) => editor), training];
    const settings = (): Settings => Object.assign({}, ...parts.map((one) => one.changes())) as Settings;
    const wanted = () => ({ name: String(name.read() ?? ""), checkpoint: this.node, settings: settings(), steps: (steps.changes()["steps"] as number | undefined) ?? null });

    const command = h("p", { class: "acc-fork-command" });
    const summary = h("p", { class: "acc-hint" });
    const record = h("button", { type: "submit", class: "button button-primary" }, "Record the fork");
    const back = h("button", { type: "button", class: "button button-quiet" }, "Put everything back");
    const preview = () => {
      const fork = wanted();
      const changed = Object.keys(fork.settings).length + Number(fork.steps !== null);
      summary.textContent = changed ? `${plural(changed, "change")} against ${this.node}. The same from a terminal:` : "Nothing differs yet: it would train on as before. The same from a terminal:";
      command.replaceChildren(commandLine(forkCommand(this.recipe, { ...fork, name: fork.name || "NAME" })));
      back.hidden = changed === 0;
    };
    const editors: Editor[] = [name, steps, ...parts];
    const submit = async (event: SubmitEvent) => {
      event.preventDefault();
      if (record.getAttribute("aria-disabled") === "true") return;
      const wrong = editors.map((editor) => editor.check()).find(Boolean);
      if (wrong) {
        for (let fold = wrong.closest("details"); fold; fold = fold.parentElement?.closest("details") ?? null) fold.open = true;
        wrong.focus();
        return;
      }
      const fork = wanted();
      record.setAttribute("aria-disabled", "true");
      this.say("");
      await this.list.act(async () => {
        await recordFork(this.recipe, fork);
        this.say(`Recorded ${fork.name} off ${this.node}. Build it here, or set up another one.`);
        this.fold.open = this.isAsked = false; // asked again, it proposes another name
        this.fold.querySelector("summary")?.focus();
      });
      record.setAttribute("aria-disabled", "false");
    };
    back.addEventListener("click", () => {
      for (const editor of editors) editor.reset();
      preview();
      record.focus();
    });
    const [first, others] = [MAIN, [...training.fields.keys()].filter((key) => !MAIN.includes(key))].map((keys) => h("div", { class: "acc-set-fields" }, ...keys.map((key) => training.fields.get(key)?.element)));
    const element = h(
      "form",
      { class: "acc-fork-form", novalidate: true, onsubmit: submit },
      h("fieldset", {}, h("legend", {}, "Name and length"), h("div", { class: "acc-set-fields" }, name.element, steps.element)),
      growing && h("fieldset", {}, h("legend", {}, "Model"), ...wordsOf(grow!), growing.element),
      ...tasks.map(({ key, schema: one, editor }) => h("fieldset", {}, h("legend", {}, "Task ", h("code", {}, key), h("span", { class: "muted" }, ` ${inWords(one.title ?? "")}`)), ...wordsOf(one), editor.element)),
      h("fieldset", {}, h("legend", {}, "Training"), first!, h("details", {}, h("summary", {}, "More options of training"), others!)),
      h("div", { class: "acc-fork-end" }, summary, command, h("p", { class: "actions" }, record, back)),
    );
    preview();
    return element;
  }

  /** Records a proposal; resolves to whether the recipe has taken it. */
  private async accept(fork: Fork): Promise<boolean> {
    let isTaken = false;
    await this.list.act(async () => {
      await recordFork(this.recipe, fork);
      isTaken = true;
      this.say(`Recorded ${fork.name} off ${this.node}. Build it here.`);
    });
    return isTaken;
  }

  private removal(fork: Fork): HTMLElement {
    const { name, checkpoint, settings, steps } = fork;
    const remove = () =>
      this.list.act(async () => {
        const kept = await removeFork(this.recipe, name);
        const stay = kept.length ? `, and what is built of it stays in the store (${kept.join(", ")})` : "";
        this.say(`Removed ${name}${stay}. To have it again: `, commandLine(forkCommand(this.recipe, { name, checkpoint, settings, steps })));
      });
    return h("button", { type: "button", class: "acc-link", "data-fork": `${name} remove`, "aria-label": `Remove ${name}`, onclick: () => void remove() }, "Remove");
  }

  private commands(fork: Fork): HTMLElement {
    const isRound = Object.keys(fork.labels).length > 0; // which the form does not set up
    const lines = [...(isRound ? [] : [forkCommand(this.recipe, fork)]), buildCommand(this.recipe, fork.name)];
    return h("div", { class: "acc-fork-lines" }, ...lines.map(commandLine));
  }

  private say(...words: Array<string | HTMLElement>): void {
    this.told.replaceChildren(...words);
  }

  private fail(why: string): void {
    this.problem.hidden = !why;
    if (this.problem.textContent !== why) this.problem.textContent = why;
  }
}

/** The values that the fields of an object have now. */
function presentOf({ properties }: Schema) {
  return Object.fromEntries(Object.entries(properties ?? {}).flatMap(([key, field]) => (field.default === undefined ? [] : [[key, field.default]])));
}

/** What a configuration says of itself: its first sentence, and the rest folded. */
function wordsOf({ description = "" }: Schema): HTMLElement[] {
  const [first = "", ...rest] = description.split("\n\n");
  const more = rest.join("\n\n");
  return [
    h("p", { class: "acc-hint" }, first.replaceAll("\n", " ")),
    ...(more ? [h("details", { class: "acc-fork-words" }, h("summary", {}, "More about it"), h("pre", {}, more))] : []),
  ];
}

function commandLine(text: string): HTMLElement {
  const line = h("span", { class: "command" }, h("code", {}, text));
  void mountCopy(line, {});
  return line;
}

