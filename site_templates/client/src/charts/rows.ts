import * as Plot from "@observablehq/plot";
import { h } from "../shared/dom";
import { choice, onWidth } from "./frame";
import { valueText } from "./heat";
import { axisTick } from "./series";

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
  const titles = panels.map(({ title }) => title);
  const orders = ["as numbered", "by value"];
  const state = { panel: titles[0]!, sorted: false, width: 0 };
  const frame = h("div", {});
  const draw = () => state.width > 0 && frame.replaceChildren(drawRows(label, names, panels[titles.indexOf(state.panel)]!, state.sorted, state.width));
  element.append(
    h(
      "div",
      { class: "chart-toolbar" },
      titles.length > 1
        ? choice("Quantity", titles, state.panel, (title) => {
            state.panel = title;
            draw();
          })
        : h("span", { class: "muted" }, titles[0]!),
      choice("Order of the rows", orders, orders[0]!, (order) => {
        state.sorted = order !== orders[0];
        draw();
      }),
    ),
    frame,
  );
  onWidth(frame, (width) => {
    state.width = width;
    draw();
  });
}

function drawRows(label: string, names: readonly string[], panel: RowsPanel, sorted: boolean, width: number): SVGSVGElement | HTMLElement {
  const rows = names.flatMap((name, i) => {
    const value = panel.values[i] ?? null;
    return value === null ? [] : [{ name, value, low: panel.low?.[i] ?? 0, high: panel.high?.[i] ?? value, count: panel.counts?.[i] }];
  });
  const order = sorted ? [...rows].sort((a, b) => b.value - a.value).map(({ name }) => name) : [...names];
  const between = panel.low !== undefined;
  const marginLeft = Math.min(Math.round(width * 0.36), Math.max(...names.map((name) => name.length)) * 6.6 + 16);
  const title = (d: (typeof rows)[number]) =>
    [
      `${label} ${d.name}`,
      valueText(d.value, panel),
      between && `95 % interval ${valueText(d.low, { ...panel, unit: "" })} to ${valueText(d.high, panel)}`,
      d.count !== undefined && `${d.count.toLocaleString("en")} images`,
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
    y: { type: "band", domain: order, label: null, tickSize: 0, padding: 0.25 },
    ariaLabel: `${panel.title} of each ${label}`,
    marks: [
      panel.all !== undefined ? Plot.ruleX([panel.all], { stroke: "currentColor", strokeDasharray: "3 3" }) : null,
      between ? Plot.ruleY(rows, { y: "name", x1: "low", x2: "high", stroke: "var(--accent)", strokeOpacity: 0.35, strokeWidth: 7 }) : Plot.barX(rows, { y: "name", x: "value", fill: "var(--accent)" }),
      between ? Plot.dot(rows, { y: "name", x: "value", fill: "var(--accent)", r: 4 }) : Plot.ruleX([0]),
      Plot.tip(rows, Plot.pointerY({ y: "name", x: "value", title })),
    ],
  });
}
