import { h } from "../shared/dom";
import { LatestOnly } from "../shared/latest";
import { onThemeChange, readPageColors } from "../shared/theme";
import { addressOf, picturesOf, type Picture, type Unit } from "./server";

/** The pictures of families that a run has written and the page was not rendered with. */
export class Gallery {
  readonly element = h("div", { class: "run-pictures" });
  private families: ReadonlySet<string> = new Set();
  private readonly requests = new LatestOnly();
  private shown = new Map<string, HTMLElement>();
  private pictures: readonly Picture[] = [];

  constructor(private readonly unit: Unit) {
    onThemeChange(() => this.draw());
  }

  /** Asks what there is now of these families. */
  async update(families: ReadonlySet<string>): Promise<void> {
    this.families = families;
    const found = families.size ? await this.requests.run(() => picturesOf(this.unit)) : [];
    if (!found) return; // a newer question is under way
    this.pictures = found.filter((picture) => this.families.has(picture.family));
    this.draw();
  }

  private draw(): void {
    const { theme } = readPageColors();
    const next = new Map<string, HTMLElement>();
    for (const picture of this.pictures) {
      const asked = new URLSearchParams({ ...(picture.themed ? { theme } : {}), version: picture.version });
      const address = addressOf(this.unit, `/pictures/${encodeURIComponent(picture.family)}/${encodeURIComponent(picture.name)}?${asked}`);
      next.set(address, this.shown.get(address) ?? figure(picture, address));
    }
    this.shown = next;
    this.element.replaceChildren(...next.values());
  }
}

function figure(picture: Picture, address: string): HTMLElement {
  const image = h("img", { src: address, alt: picture.alt, class: picture.pixelated ? "pixelated" : "smooth" });
  return h("figure", { class: "figure" }, h("h3", {}, picture.title), h("div", { class: "figure-frame" }, image), h("figcaption", {}, picture.caption));
}
