import { h } from "../shared/dom";
import type { Asked, Rule } from "./asked";
import type { Standing } from "./standing";

const THUMB = 40; // CSS pixels

/** The queue as small pictures in a row, each with how it stands. */
export class Strip {
  readonly element = h("div", { class: "acc-label-strip", role: "group", "aria-label": "The queue" });

  /** `onPick` hears of the image that was chosen. */
  constructor(private readonly onPick: (image: number) => void) {}

  /** Shows the queue of a rule. */
  show({ pictures, tileOf }: Asked, { order }: Rule): void {
    this.element.replaceChildren(
      ...order.map((image) => {
        const picture = h("span", {});
        pictures.show(picture, tileOf.get(image)!, THUMB);
        return h("button", { type: "button", class: "acc-label-thumb", "data-image": image, onclick: () => this.onPick(image) }, picture, h("span", { class: "acc-label-mark", "aria-hidden": "true" }));
      }),
    );
  }

  /** Marks how the images stand, and the one that is looked at; without one the tab key reaches the first. */
  draw(standing: Standing, image: number | null): void {
    const buttons = this.element.querySelectorAll<HTMLButtonElement>("button");
    for (const [place, button] of buttons.entries()) {
      const own = Number(button.dataset["image"]);
      const { state, words, mark } = standing.of(own);
      const isCurrent = own === image;
      button.dataset["state"] = state;
      button.tabIndex = isCurrent || (image === null && place === 0) ? 0 : -1;
      button.setAttribute("aria-label", `Training image ${own}, ${words}`);
      if (isCurrent && button.getAttribute("aria-current") !== "true") reveal(this.element, button);
      if (isCurrent) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      button.querySelector(".acc-label-mark")!.textContent = mark;
    }
  }
}

/** Brings a button of a strip into its sight, without moving the page. */
function reveal(strip: HTMLElement, button: HTMLElement): void {
  const [frame, own] = [strip.getBoundingClientRect(), button.getBoundingClientRect()];
  if (own.left < frame.left || own.right > frame.right) strip.scrollLeft += own.left - frame.left - frame.width / 2;
  if (own.top < frame.top || own.bottom > frame.bottom) strip.scrollTop += own.top - frame.top - frame.height / 2;
}
