import { h } from "../shared/dom";
import { percent } from "../shared/format";
import { PATH_SAMPLES } from "./interpolation";

const NS = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, PAD] = [200, 44, 3];

/** Drift along the way as a small area chart, in parts of the distance from A to B, with a line where t stands. */
export class DriftChart {
  readonly element: HTMLElement;
  private readonly svg = document.createElementNS(NS, "svg");
  private readonly area = this.add("path", "acc-drift-area");
  private readonly cursor = this.add("line", "acc-drift-cursor");
  private readonly top = h("span", { class: "acc-drift-top" });
  private drifts: readonly number[] = [];

  constructor() {
    this.svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.svg.setAttribute("class", "acc-drift");
    this.svg.setAttribute("role", "img");
    const axis = h("div", { class: "acc-drift-axis", "aria-hidden": "true" }, this.top, h("span", {}, "0 %"));
    this.element = h("div", { class: "acc-drift-chart" }, axis, this.svg);
  }

  /** Takes the drifts of a way of length 1; `scale` draws them. */
  update(drifts: readonly number[], t: number): void {
    this.drifts = drifts;
    for (const [name, value] of Object.entries({ x1: t * WIDTH, x2: t * WIDTH, y1: 0, y2: HEIGHT })) this.cursor.setAttribute(name, String(value));
  }

  /** Shows the drifts on an axis up to `top`, which all branches share. */
  scale(top: number): void {
    const { drifts } = this;
    if (drifts.length === 0) return;
    const y = (drift: number) => HEIGHT - (drift / top) * (HEIGHT - PAD);
    const points = drifts.map((drift, s) => `${((s / (PATH_SAMPLES - 1)) * WIDTH).toFixed(1)} ${y(drift).toFixed(1)}`);
    this.area.setAttribute("d", `M0 ${HEIGHT}L${points.join("L")}L${WIDTH} ${HEIGHT}Z`);
    this.top.textContent = percent(top);
    this.svg.setAttribute(
      "aria-label",
      `Drift from A to B, in parts of their distance: ${percent(drifts[0]!)} at A, at most ${percent(Math.max(...drifts))}, ${percent(drifts.at(-1)!)} at B; the axis ends at ${percent(top)}`,
    );
  }

  private add(tag: "path" | "line", name: string): SVGElement {
    const part = document.createElementNS(NS, tag);
    part.setAttribute("class", name);
    this.svg.append(part);
    return part;
  }
}

/** The end of an axis for shares up to `most`: the next of 1, 2 or 5 times a power of ten. */
export function niceTop(most: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(most, 0.01)));
  return [1, 2, 5, 10].map((times) => times * power).find((top) => top >= most - 1e-9)!;
}
