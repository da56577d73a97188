import { loadData } from "../data";
import { h } from "../shared/dom";
import { count, number, percent, plural } from "../shared/format";
import { LatestOnly } from "../shared/latest";
import { LatentMap } from "./latent_map";
import type { RunEvent } from "./log";
import { Previews, type Preview, type PreviewsMeta } from "./previews";
import { drawPairs } from "./reconstructions";
import { previewsOf, type Unit } from "./server";

/** What the model makes of test images, and where it puts them, at the snapshot that the slider stands at. */
export class Snapshots {
  readonly element = h("div", { class: "run-previews" });
  private readonly previews = new Previews();
  private readonly asked = new Map<number, number>(); // by step, the id of the event that told of it
  private readonly requests = new LatestOnly();
  private readonly pairs = h("canvas", { class: "pixelated", role: "img" });
  private readonly map = new LatentMap();
  private readonly made = figure("Reconstructions", this.pairs);
  private readonly placed = figure("Latent map", this.map.element);
  private readonly lacks = h("p", { class: "note" });
  private shown: Preview | null = null;

  constructor(
    private readonly unit: Unit,
    private readonly onChange: () => void,
  ) {
    this.element.append(this.made.element, this.placed.element, this.lacks);
    this.draw(null);
  }

  get steps(): number[] {
    return this.previews.steps;
  }

  /** Takes what a page from disk brings. */
  async load(key: string): Promise<void> {
    this.previews.add(await loadData<PreviewsMeta>(key));
    this.onChange();
  }

  /** Asks the server for what events tell of and is not here, and forgets what stands no more. */
  async update(standing: readonly RunEvent[]): Promise<void> {
    const told = new Map(standing.filter((event) => typeof event["preview"] === "string").map((event) => [event.step ?? 0, event.id]));
    for (const [step, id] of this.asked) {
      if (told.get(step) === id) continue;
      this.asked.delete(step);
      this.previews.remove(step);
    }
    const missing = [...told].filter(([step]) => !this.asked.has(step));
    if (missing.length) {
      const found = await this.requests.run(() => previewsOf(this.unit, Math.min(...missing.map(([step]) => step)) - 1));
      if (!found) return; // a newer question is under way
      for (const [step, id] of missing) this.asked.set(step, id);
      this.previews.add(found);
    }
    this.onChange();
  }

  /** Shows the newest snapshot up to a step. */
  show(step: number): void {
    const preview = this.previews.at(step);
    if (preview !== this.shown) this.draw(preview);
  }

  private draw(preview: Preview | null): void {
    this.shown = preview;
    const { words, images, labels } = this.previews;
    const { reconstructions, places } = preview ?? { reconstructions: null, places: null };
    this.lacks.textContent = `Not drawn: ${words?.lacks.join("; ")}.`;
    this.lacks.hidden = !words?.lacks.length;
    this.made.element.hidden = !reconstructions;
    this.placed.element.hidden = !places;
    this.element.hidden = !preview && this.lacks.hidden;
    if (!preview || !words || !images || !labels) return;
    const step = `step ${count(preview.step)}`;
    if (reconstructions) {
      drawPairs(this.pairs, images, reconstructions);
      const error = preview.mse === null ? "" : ` Mean squared error ${number(preview.mse)}.`;
      this.pairs.ariaLabel = `${plural(images.shape[0] ?? 0, "test image")}, each above what the model makes of it at ${step}.${error}`;
      this.made.tell(step, words.reconstructions + error);
    }
    if (places) {
      this.map.show(places, preview.width, labels, words);
      const held = preview.explained === null ? "" : ` They hold ${percent(preview.explained)} of the variance.`;
      const colors = words.classes ? `in ${words.classes.length} colours, one a class` : `coloured by ${words.target}`;
      this.map.canvas.ariaLabel = `${plural(labels.data.length, "test image")} as points on a map of the latents at ${step}, ${colors}.${held}`;
      this.placed.tell(step, words.map + held);
    }
  }
}

function figure(title: string, picture: HTMLElement): { element: HTMLElement; tell: (step: string, caption: string) => void } {
  const at = h("span", { class: "muted" });
  const words = h("figcaption");
  const element = h("figure", { class: "figure" }, h("h3", {}, `${title} `, at), h("div", { class: "figure-frame" }, picture), words);
  const tell = (step: string, caption: string) => {
    at.textContent = step;
    words.textContent = caption;
  };
  return { element, tell };
}
