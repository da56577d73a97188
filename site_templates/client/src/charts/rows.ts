import * as Plot from "@observablehq/plot";
import { plural } from "../shared/format";
import { mountChoices, nameAxis } from "./frame";
import { axisTick, valueText } from "./series";

export interface RowsPanel {
  title: string;
  unit: string;
  digits: number;
  values: ReadonlyArray<number | null>;
  /** Bounds of an interval around each value. */
  low?: readonly number[];
  high?: readonly number[];
  /** Images behind each value. */
  counts?: readonly number[];
  /** The value over all names, drawn as a line. */
  all?: number;
}

/** One value for each name: a bar from 0, or, with an interval, a dot; as numbered or by value. */
export function mountRows(element: HTMLElement, label: string, names: readonly string[], panels: readonly RowsPanel[]): void {
  const quantities = { label: "Quantity", names: panels.map(({ title }) => title), orders: ["as numbered", "by value"] };
  mountChoices(element, quantities, (at, order, width) => [drawRows(label, names, panels[at]!, order > 0, width)]);
}

function drawRows(label: string, names: readonly string[], panel: RowsPanel, sorted: boolean, width: number): SVGSVGElement | HTMLElement {
  const rows = names.flatMap((name, i) => {
    const value = panel.values[i] ?? null;
    return value === null ? [] : [{ name, value, low: panel.low?.[i] ?? 0, high: panel.high?.[i] ?? value, count: panel.counts?.[i] }];
  });
  const order = sorted ? [...rows].sort((a, b) => b.value - a.value).map(({ name }) => name) : [...names];
  const between = panel.low !== undefined;
  const { marginLeft, tickFormat } = nameAxis(names, width);
  const title = (d: (typeof rows)[number]) =>
    [
      `${label} ${d.name}`,
      valueText(d.value, panel),
      between && `95 % interval ${valueText(d.low, { ...panel, unit: "" })} to ${valueText(d.high, panel)}`,
      d.count !== undefined && plural(d.count, "image"),
    ]
      .filter(Boolean)
      .join("\n");
  return Plot.plot({
    width: Math.min(width, 640),
    height: names.length * 20 + 46,
    marginLeft,
    marginRight: 16,
    marginTop: 4,
    marginBottom: 34,
    x: { label: `${panel.title}${panel.unit ? ` (${panel.unit})` : ""}`, grid: true, nice: true, tickFormat: axisTick, ticks: 5, ...(between ? {} : { zero: true }) },
    y: { type: "band", domain: order, label: null, tickSize: 0, padding: 0.25, tickFormat },
    ariaLabel: `${panel.title} of each ${label}`,
    marks: [
      panel.all !== undefined ? Plot.ruleX([panel.all], { stroke: "currentColor", strokeDasharray: "3 3" }) : null,
      between ? Plot.ruleY(rows, { y: "name", x1: "low", x2: "high", stroke: "var(--accent)", strokeOpacity: 0.35, strokeWidth: 7 }) : Plot.barX(rows, { y: "name", x: "value", fill: "var(--accent)" }),
      between ? Plot.dot(rows, { y: "name", x: "value", fill: "var(--accent)", r: 4 }) : Plot.ruleX([0]),
      Plot.tip(rows, Plot.pointerY({ y: "name", x: "value", title })),
    ],
  });
}
