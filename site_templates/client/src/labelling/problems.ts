import { h, renew } from "../shared/dom";
import { plural } from "../shared/format";
import type { GivenLabels } from "./server";

const MOST_TOLD = 4;

/** What is wrong in a recipe's label file: lines that give no label, and images on which people disagree. */
export class Problems {
  readonly element = h("section", { class: "acc-label-box", "aria-label": "Conflicts and problems", hidden: true });

  /** `onPick` hears of the image that one wants to look at. */
  constructor(
    private readonly recipe: string,
    private readonly onPick: (image: number) => void,
  ) {}

  /** Tells of the latest problems; those of images of the queue `order` lead there. */
  draw(problems: GivenLabels["problems"], order: readonly number[]): void {
    this.element.hidden = problems.length === 0;
    if (this.element.hidden) return;
    const items = problems.slice(-MOST_TOLD).reverse().map(({ line, why, conflict }) => {
      const image = conflict ? Number(/image (\d+)/.exec(why)?.[1]) : NaN;
      const there = order.includes(image);
      return h("li", {}, `Line ${line}: ${why}. `, there && h("button", { type: "button", class: "acc-link", "data-problem": line, onclick: () => this.onPick(image) }, "Look at it"));
    });
    renew(this.element, "problem", [
      h("h3", {}, plural(problems.length, "problem"), " in the label file"),
      h("ul", {}, ...items),
      problems.length > MOST_TOLD && h("p", { class: "acc-hint" }, `The other ${problems.length - MOST_TOLD} are told by `, h("code", {}, `acc label ${this.recipe}`), "."),
      h("p", { class: "acc-hint" }, "An image on which people disagree has no label until they agree; lines that give none stay where they are."),
    ]);
  }
}
