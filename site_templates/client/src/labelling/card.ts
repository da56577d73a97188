import { h } from "../shared/dom";
import { number, percent, plural } from "../shared/format";
import type { Asked, Rule } from "./asked";
import type { Standing } from "./standing";

const PICTURE = { wide: 280, narrow: 148 }; // CSS pixels
const LIKELIEST = 3; // classes of the model's prediction that are told

/** The image that is looked at: its picture, how it stands, and, where one asks for it, what the model thinks. */
export class Card {
  private readonly picture = h("div", { role: "img" });
  private readonly caption = h("p", { class: "acc-label-caption" });
  private readonly prediction = h("div", { class: "acc-label-prediction" });
  private readonly showsPrediction = h("input", { type: "checkbox", onchange: () => this.onChange() });
  readonly element = h(
    "div",
    { class: "acc-label-card", tabindex: -1 },
    this.picture,
    h("div", { class: "acc-label-about" }, this.caption, h("label", { class: "acc-check" }, this.showsPrediction, "Show what the model thinks"), this.prediction),
  );
  private readonly narrow = window.matchMedia("(max-width: 48rem)");

  /** `onChange` hears that the card is to be drawn anew, `onAgain` of skipped images that are wanted again. */
  constructor(
    private readonly onChange: () => void,
    private readonly onAgain: (images: readonly number[]) => void,
  ) {
    this.narrow.addEventListener("change", () => this.onChange());
  }

  /** Shows the image at a place of the queue of a rule; -1: nothing is left to do. */
  draw(asked: Asked, rule: Rule, place: number, standing: Standing): void {
    const image = rule.order[place];
    this.element.classList.toggle("acc-label-over", image === undefined);
    this.picture.hidden = image === undefined;
    if (image === undefined) {
      const left = rule.order.filter((one) => standing.isSkipped(one));
      this.caption.replaceChildren(
        h("strong", {}, "This queue is done."),
        " ",
        left.length ? h("button", { type: "button", class: "acc-button", onclick: () => this.onAgain(left) }, `Look at the ${plural(left.length, "skipped image")} again`) : "Another rule asks about other images.",
      );
      this.prediction.replaceChildren();
      return;
    }
    asked.pictures.show(this.picture, asked.tileOf.get(image)!, this.narrow.matches ? PICTURE.narrow : PICTURE.wide);
    this.picture.setAttribute("aria-label", `Training image ${image}`);
    const word = standing.said.get(image);
    const against = standing.contradiction(image);
    this.caption.replaceChildren(
      h("strong", {}, `Training image ${image}`),
      h("span", {}, `${place + 1} of ${rule.order.length}, score ${number(rule.scores[asked.rowOf.get(image)!]!)}`),
      h("span", {}, word ? `You said ${word}${against ? `, but ${against}: it has no label until you agree` : ""}.` : standing.isOfOthers(image) ? "Somebody else has labelled it." : standing.isSkipped(image) ? "You skipped it." : "No label yet."),
    );
    this.drawPrediction(asked, image);
  }

  private drawPrediction(asked: Asked, image: number): void {
    if (!this.showsPrediction.checked) {
      this.prediction.replaceChildren(h("p", { class: "acc-hint" }, "Hidden, so that it does not sway you."));
      return;
    }
    const probabilities = Array.from(asked.probabilitiesOf(image));
    const best = probabilities.map((share, i) => [share, i] as const).sort((a, b) => b[0] - a[0]).slice(0, LIKELIEST);
    this.prediction.replaceChildren(
      h(
        "ol",
        {},
        ...best.map(([share, i]) => h("li", {}, h("span", { class: "acc-label-likely" }, asked.meta.classes[i]!), h("span", { class: "acc-label-share", style: `--share: ${share}` }), h("span", { class: "num" }, percent(share)))),
      ),
      h("p", { class: "acc-hint" }, `By ${asked.meta.probabilities}.`),
    );
  }
}
