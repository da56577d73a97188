import * as Plot from "@observablehq/plot";
import { h } from "../shared/dom";
import { plural } from "../shared/format";
import { binBars } from "./bars";
import { mountChoices } from "./frame";
import { axisTick, valueText } from "./series";

export interface ReliabilitySeries {
  name: string;
  /** Images in each bin of equal width over 0 to 1; their mean confidence and accuracy, null where there are none. */
  counts: readonly number[];
  confidence: ReadonlyArray<number | null>;
  accuracy: ReadonlyArray<number | null>;
  /** Expected calibration error, %. */
  ece: number;
}

/** The bins that hold images, with their bounds. */
export function filledBins({ counts, confidence, accuracy }: ReliabilitySeries) {
  return counts.flatMap((count, i) => {
    const [sure, right] = [confidence[i] ?? null, accuracy[i] ?? null];
    return sure === null || right === null ? [] : [{ x0: i / counts.length, x1: (i + 1) / counts.length, count, sure, right }];
  });
}

const percent = (share: number) => valueText(100 * share, { unit: "%", digits: 1 });

/** Accuracy against confidence, and how many images each bin holds; the chosen series strong, the others faint. */
export function mountReliability(element: HTMLElement, series: readonly ReliabilitySeries[]): void {
  const names = series.map(({ name }) => name);
  mountChoices(element, { label: "Confidence", names }, (at, _, width) => drawReliability(series, series[at]!, width));
}

function drawReliability(series: readonly ReliabilitySeries[], chosen: ReliabilitySeries, room: number): HTMLElement[] {
  const width = Math.min(room, 460);
  const bins = filledBins(chosen);
  const most = Math.max(...bins.map(({ count }) => count), 1);
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1];
  const common = { width, marginLeft: 46, marginRight: 12, style: { background: "none" } };
  const title = (d: (typeof bins)[number]) =>
    `between ${percent(d.x0)} and ${percent(d.x1)}: ${plural(d.count, "image")}\n${percent(d.sure)} sure, ${percent(d.right)} right`;
  const curve = Plot.plot({
    ...common,
    height: width - 28,
    marginTop: 24,
    marginBottom: 10,
    r: { type: "identity" },
    x: { domain: [0, 1], ticks, tickFormat: () => "", label: null, grid: true },
    y: { domain: [0, 1], ticks, tickFormat: (share: number) => `${Math.round(100 * share)}`, label: "right, %", grid: true },
    ariaLabel: `Accuracy against ${chosen.name}`,
    marks: [
      Plot.line([[0, 0], [1, 1]], { stroke: "currentColor", strokeDasharray: "3 3" }),
      ...series.filter((other) => other !== chosen).map((other) => Plot.line(filledBins(other), { x: "sure", y: "right", stroke: "var(--ink-2)", strokeOpacity: 0.45 })),
      Plot.link(bins, { x1: "sure", x2: "sure", y1: "sure", y2: "right", stroke: "var(--branch-1)", strokeWidth: 2 }),
      Plot.line(bins, { x: "sure", y: "right", stroke: "var(--accent)", strokeWidth: 2 }),
      Plot.dot(bins, { x: "sure", y: "right", r: (d) => 2 + 6 * Math.sqrt(d.count / most), fill: "var(--accent)" }),
      Plot.text([`ECE ${chosen.ece.toFixed(1)} %`], { frameAnchor: "top-left", dx: 10, dy: 8, fontSize: 13, fontWeight: 650, fill: "var(--ink)" }),
      Plot.tip(bins, Plot.pointer({ x: "sure", y: "right", title })),
    ],
  });
  const counts = Plot.plot({
    ...common,
    height: 124,
    marginTop: 20,
    marginBottom: 34,
    x: { domain: [0, 1], ticks, tickFormat: (share: number) => `${Math.round(100 * share)}`, label: "sure, %" },
    y: { label: "images", ticks: 3, tickFormat: axisTick, grid: true },
    ariaLabel: `Images by ${chosen.name}`,
    marks: binBars(bins, "var(--accent)", title),
  });
  return [h("div", {}, curve), h("div", {}, counts)];
}
