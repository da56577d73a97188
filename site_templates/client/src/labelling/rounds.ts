import { ForkList } from "../forking/list";
import { h } from "../shared/dom";
import { plural } from "../shared/format";
import { beginRound } from "./server";

/** Rounds of a recipe: a button that trains on with the labels, and how far each round is. Only on the served site. */
export class Rounds {
  readonly element: HTMLElement;
  private readonly button = h("button", { type: "button", class: "acc-button acc-label-train", onclick: () => void this.begin() }, "Train a round with these labels");
  private readonly told = h("p", { class: "acc-hint" });
  private readonly problem = h("p", { class: "acc-error", role: "alert", hidden: true });
  private readonly list: ForkList;
  private newLines = 0;
  private isBeginning = false;

  /** `node`: the one whose branch goes on. `before`: sends what is not saved yet; resolves to whether all is. */
  constructor(
    private readonly recipe: string,
    seeds: readonly number[],
    private readonly node: () => string,
    private readonly before: () => Promise<boolean>,
  ) {
    const labelled = (name: string) => h("a", { href: `#run=runs/${recipe}/${name}_trained/seed-${seeds[0]}` }, "label what it asks about");
    this.list = new ForkList(recipe, seeds, {
      wanted: ({ labels }) => Object.keys(labels).length > 0,
      more: ({ name }, isOver) => [isOver ? h("span", { class: "row-note" }, "Once its pages are rendered, ", labelled(name), ".") : null],
      looked: () => this.draw(),
      fail: (why) => this.fail(why),
    });
    this.element = h("section", { class: "acc-label-box", "aria-label": "Rounds" }, h("h3", {}, "Train with the labels"), this.told, this.button, this.problem, this.list.element);
  }

  start(): Promise<void> {
    return this.list.start();
  }

  /** Takes how many lines of the label file are newer than what the shown node was trained with. */
  tell(newLines: number): void {
    this.newLines = newLines;
    this.draw();
  }

  private async begin(): Promise<void> {
    if (this.isBeginning) return;
    this.isBeginning = true;
    this.draw();
    await this.list.act(async () => {
      if (!(await this.before())) throw new Error("Some labels are not saved yet, so that a round would miss them. Save them first.");
      for (const fork of await beginRound(this.recipe, this.node())) await this.list.build(fork);
    });
    this.isBeginning = false;
    this.draw();
  }

  private fail(why: string): void {
    this.problem.hidden = !why;
    if (this.problem.textContent !== why) this.problem.textContent = why;
  }

  private draw(): void {
    this.told.textContent = this.list.forks.length
      ? "A round reads what is there when its training begins. A further one goes on from it, once it is trained, with the labels that came since."
      : this.newLines
        ? `${plural(this.newLines, "line")} of the label file ${this.newLines === 1 ? "is" : "are"} newer than what this node was trained with. A round trains its branch on with them, as a new node.`
        : "No label is newer than what this node was trained with.";
    this.button.setAttribute("aria-disabled", String(this.isBeginning));
    this.button.classList.toggle("acc-label-first", this.newLines > 0 && !this.list.isBusy);
    this.button.textContent = this.isBeginning ? "Beginning…" : "Train a round with these labels";
  }
}
