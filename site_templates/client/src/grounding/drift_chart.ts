import { number } from "../shared/format";
import { PATH_SAMPLES } from "./interpolation";

const NS = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, PAD] = [200, 44, 3];

/** Drift along the way as a small area chart, with a line where t stands. */
export class DriftChart {
  readonly element = document.createElementNS(NS, "svg");
  private readonly area = this.add("path", "acc-drift-area");
  private readonly cursor = this.add("line", "acc-drift-cursor");

  constructor() {
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute("preserveAspectRatio", "none");
    this.element.setAttribute("class", "acc-drift");
    this.element.setAttribute("role", "img");
  }

  update(drifts: readonly number[], t: number): void {
    const most = Math.max(...drifts, 1e-9);
    const y = (drift: number) => HEIGHT - (drift / most) * (HEIGHT - PAD);
    const points = drifts.map((drift, s) => `${((s / (PATH_SAMPLES - 1)) * WIDTH).toFixed(1)} ${y(drift).toFixed(1)}`);
    this.area.setAttribute("d", `M0 ${HEIGHT}L${points.join("L")}L${WIDTH} ${HEIGHT}Z`);
    for (const [name, value] of Object.entries({ x1: t * WIDTH, x2: t * WIDTH, y1: 0, y2: HEIGHT })) this.cursor.setAttribute(name, String(value));
    this.element.setAttribute("aria-label", `Drift from A to B: ${number(drifts[0]!)} at A, at most ${number(most)}, ${number(drifts.at(-1)!)} at B`);
  }

  private add(tag: "path" | "line", name: string): SVGElement {
    const part = document.createElementNS(NS, tag);
    part.setAttribute("class", name);
    this.element.append(part);
    return part;
  }
}
