import { h } from "../shared/dom";
import { count, number } from "../shared/format";
import { signedScale } from "./colors";
import type { Look } from "./look";
import { MapCanvas } from "./map_canvas";
import { isMap, Snapshot } from "./snapshot";

const MOST = 12; // snapshots, evenly taken of more

/** The chosen map at the snapshots of training. */
export class TrainingStrip {
  readonly element: HTMLDetailsElement;
  private readonly list = h("div", { class: "acc-training" });

  constructor(
    private readonly run: string,
    steps: readonly number[],
    private readonly onStep: (step: number) => void,
    onToggle: (open: boolean) => void,
  ) {
    this.element = h("details", { class: "acc-more", ontoggle: () => onToggle(this.element.open) }, h("summary", {}, `The same map over training (${count(steps.length)} snapshots)`), this.list);
  }

  async show(look: Look, open: boolean): Promise<void> {
    this.element.hidden = look.snapshot.isDrawn || look.snapshot.meta.steps.length < 2;
    this.element.open = open;
    if (!open || look.snapshot.isDrawn) return;
    const { meta } = look.snapshot;
    const { layer, example, channel, page } = look;
    const loaded = await Promise.all(chosen(meta.steps).map((step) => Snapshot.load(this.run, meta, step)));
    const snapshots = loaded.filter((snapshot) => snapshot.hasLayer(layer));
    const [height, width] = isMap(layer) ? [layer.shape[1]!, layer.shape[2]!] : [1, 1];
    const maps = snapshots.map((snapshot) => snapshot.values(layer, example, channel));
    const scale = signedScale(maps.flatMap((values) => [...values])); // one for all: what grows is seen to grow
    const figures = snapshots.map((snapshot, i) => {
      const canvas = new MapCanvas();
      canvas.show(maps[i]!, height, width, scale, page.theme);
      const epoch = meta.epochs[meta.steps.indexOf(snapshot.step)] ?? null;
      const time = `step ${count(snapshot.step)}${epoch === null ? "" : `, epoch ${number(epoch)}`}`;
      return h(
        "button",
        { type: "button", class: "acc-training-map", "aria-pressed": String(snapshot.step === look.snapshot.step), title: time, onclick: () => this.onStep(snapshot.step) },
        h("span", { class: "acc-map-frame", style: `aspect-ratio:${width} / ${height}` }, canvas.element),
        h("span", {}, count(snapshot.step)),
      );
    });
    const focused = [...this.list.children].indexOf(document.activeElement!);
    this.list.replaceChildren(...figures);
    figures[focused]?.focus();
  }
}

/** At most `MOST` of the steps, the first and the last among them. */
function chosen(steps: readonly number[]): number[] {
  if (steps.length <= MOST) return [...steps];
  return Array.from({ length: MOST }, (_, i) => steps[Math.round((i * (steps.length - 1)) / (MOST - 1))]!);
}
