import * as Plot from "@observablehq/plot";
import { h } from "../shared/dom";
import { onWidth } from "./frame";
import { axisNumber, axisTick } from "./series";

export interface LatentBar {
  dim: number;
  value: number;
  factor: string;
}

export type HistogramBar = { label: string; count: number } | { x0: number; x1: number; count: number };

/** One bar for each latent dimension, in groups by factor. */
export function mountLatent(element: HTMLElement, bars: readonly LatentBar[], label: string): void {
  const frame = h("div", {});
  element.append(frame);
  const factors = [...new Set(bars.map((bar) => bar.factor))];
  const grouped = factors.length < bars.length; // without named groups every dimension is its own factor
  onWidth(frame, (width) => {
    const gap = grouped ? 12 : 0;
    const step = (Math.min(width, 900) - 60 - gap * factors.length) / bars.length;
    let left = 48;
    const places = bars.map((bar, i) => {
      if (i > 0 && grouped && bars[i - 1]!.factor !== bar.factor) left += gap;
      const x1 = left;
      left += step;
      return { ...bar, x1: x1 + step * 0.1, x2: left - step * 0.1, middle: x1 + step / 2 };
    });
    const names = factors.map((factor) => {
      const own = places.filter((place) => place.factor === factor);
      return { factor, middle: (own[0]!.x1 + own[own.length - 1]!.x2) / 2 };
    });
    frame.replaceChildren(
      Plot.plot({
        width: Math.min(width, 900),
        height: 220,
        marginLeft: 48,
        marginBottom: grouped ? 42 : 28,
        marginTop: 22,
        marginRight: 0,
        x: { type: "identity", axis: null },
        y: { label, grid: true, ticks: 5, tickFormat: axisTick, domain: [0, Math.max(...bars.map((bar) => bar.value), 1e-9)], nice: true },
        ariaLabel: `${label} of each latent dimension`,
        marks: [
          Plot.rect(places, { x1: "x1", x2: "x2", y1: 0, y2: "value", fill: "var(--accent)" }),
          Plot.text(places, { x: "middle", text: (d) => String(d.dim), frameAnchor: "bottom", dy: 14 }),
          grouped ? Plot.text(names, { x: "middle", text: "factor", frameAnchor: "bottom", dy: 32, fontWeight: 600, fill: "var(--ink)", fontSize: 12 }) : null,
          Plot.ruleY([0]),
          Plot.tip(places, Plot.pointerX({ x: "middle", y: "value", title: (d) => `dimension ${d.dim}${grouped ? ` (${d.factor})` : ""}\n${axisNumber(d.value)}` })),
        ],
      }),
    );
  });
}

/** Bars of bins, with what `title` says of each. */
export function binBars<Bin extends { x0: number; x1: number; count: number }>(bins: readonly Bin[], fill: string, title: (bin: Bin) => string): Plot.Markish[] {
  return [
    Plot.rectY(bins, { x1: "x0", x2: "x1", y: "count", fill, insetLeft: 0.5, insetRight: 0.5 }),
    Plot.ruleY([0]),
    Plot.tip(bins, Plot.pointerX({ x: (bin) => (bin.x0 + bin.x1) / 2, y: "count", title })),
  ];
}

/** How often each class, or each range of a real target, occurs. */
export function mountHistogram(element: HTMLElement, bars: readonly HistogramBar[], label: string): void {
  const frame = h("div", {});
  element.append(frame);
  onWidth(frame, (width) => {
    const classes = bars.flatMap((bar) => ("label" in bar ? [bar] : []));
    const ranges = bars.flatMap((bar) => ("x0" in bar ? [bar] : []));
    frame.replaceChildren(
      Plot.plot({
        width: Math.min(width, 640),
        height: 230,
        marginBottom: 40,
        marginLeft: 44,
        x: { label, ...(classes.length ? { type: "band" as const, domain: classes.map((bar) => bar.label) } : { tickFormat: axisTick }) },
        y: { label: "images", grid: true, ticks: 5, tickFormat: axisTick },
        ariaLabel: `Histogram of ${label}`,
        marks: [
          classes.length > 0 ? Plot.barY(classes, { x: "label", y: "count", fill: "var(--accent)", tip: true }) : null,
          ranges.length > 0 ? Plot.rectY(ranges, { x1: "x0", x2: "x1", y: "count", fill: "var(--accent)", insetLeft: 0.5, insetRight: 0.5, tip: true }) : null,
          Plot.ruleY([0]),
        ],
      }),
    );
  });
}
