import * as Plot from "@observablehq/plot";
import { h } from "../shared/dom";
import { onWidth } from "./frame";
import { axisTick } from "./series";

export interface ConfidencePanel {
  title: string;
  /** Images in each bin of equal width over 0 to 1, by what they have in common: right, wrong, or all. */
  counts: Readonly<Record<string, readonly number[]>>;
}

const COLORS: Readonly<Record<string, string>> = { right: "var(--accent)", wrong: "var(--branch-1)", all: "var(--accent)" };

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
            Plot.rectY(bars, { x1: "x0", x2: "x1", y: "count", fill: COLORS[part] ?? "var(--accent)", insetLeft: 0.5, insetRight: 0.5 }),
            Plot.ruleY([0]),
            Plot.text([`${part}: ${sum.toLocaleString("en")} images`], { frameAnchor: "top-left", dx: 4, dy: -12, fill: "var(--ink)", fontWeight: 600 }),
            Plot.tip(
              bars,
              Plot.pointerX({
                x: (d) => (d.x0 + d.x1) / 2,
                y: "count",
                title: (d) => `${Math.round(100 * d.x0)} to ${Math.round(100 * d.x1)} %\n${d.count.toLocaleString("en")} images`,
              }),
            ),
          ],
        });
      }),
    );
  });
  return h("div", { class: "chart-panel" }, h("h3", {}, title), frame);
}
