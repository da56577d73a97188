import * as Plot from "@observablehq/plot";
import { h } from "../shared/dom";
import { percent, plural } from "../shared/format";
import { binBars } from "./bars";
import { onWidth } from "./frame";
import { axisTick } from "./series";

export interface ConfidencePanel {
  title: string;
  /** Images in each bin of equal width over 0 to 1, by what they have in common: right, wrong, or all. */
  counts: Readonly<Record<string, readonly number[]>>;
}

/** How sure the model is: a histogram each of what it gets right and wrong, which are far from equally many. */
export function mountConfidence(element: HTMLElement, panels: readonly ConfidencePanel[]): void {
  element.append(h("div", { class: "chart-grid" }, ...panels.map(drawPanel)));
}

function drawPanel({ title, counts }: ConfidencePanel): HTMLElement {
  const frame = h("div", { class: "chart-panel-plot" });
  onWidth(frame, (width) => {
    const parts = Object.entries(counts);
    frame.replaceChildren(
      ...parts.map(([part, values], at) => {
        const bars = values.map((count, i) => ({ x0: i / values.length, x1: (i + 1) / values.length, count }));
        const last = at === parts.length - 1;
        const sum = values.reduce((total, count) => total + count, 0);
        return Plot.plot({
          width,
          height: last ? 124 : 98,
          marginLeft: 46,
          marginRight: 8,
          marginTop: 16,
          marginBottom: last ? 34 : 8,
          x: { domain: [0, 1], ticks: 6, tickFormat: last ? (share: number) => `${Math.round(100 * share)}` : () => "", label: last ? "%" : null },
          y: { label: null, ticks: 3, tickFormat: axisTick, grid: true },
          ariaLabel: `${title}: ${part}`,
          marks: [
            Plot.text([`${part}: ${plural(sum, "image")}`], { frameAnchor: "top-left", dx: 4, dy: -12, fill: "var(--ink)", fontWeight: 600 }),
            ...binBars(bars, part === "wrong" ? "var(--branch-1)" : "var(--accent)", (bin) => `${percent(bin.x0)} to ${percent(bin.x1)}\n${plural(bin.count, "image")}`),
          ],
        });
      }),
    );
  });
  return h("div", { class: "chart-panel" }, h("h3", {}, title), frame);
}
