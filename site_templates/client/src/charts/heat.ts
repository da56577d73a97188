import * as Plot from "@observablehq/plot";
import { mountChoices, nameAxis } from "./frame";
import { valueText } from "./series";

export interface HeatPanel {
  title: string;
  unit: string;
  digits: number;
  /** A value for each row and column; null: none. */
  values: ReadonlyArray<ReadonlyArray<number | null>>;
  /** What a hovered cell says beside its value. */
  notes?: ReadonlyArray<ReadonlyArray<string>>;
}

export interface HeatData {
  rows: readonly string[];
  columns: readonly string[];
  row: string;
  column: string;
  panels: readonly HeatPanel[];
  /** How rows may be sorted beside their own order: by their last value, or by the column of their largest. */
  sort?: "last" | "peak";
  /** Whether colours begin at the least value in place of 0. */
  floor?: "least";
}

/** Rows in the order of `sort`, as their places. */
export function heatOrder(values: HeatPanel["values"], sort: "last" | "peak"): number[] {
  const last = (i: number) => values[i]!.at(-1) ?? -Infinity;
  const peak = (i: number) => values[i]!.reduce<number>((best, value, j) => ((value ?? -Infinity) > (values[i]![best] ?? -Infinity) ? j : best), 0);
  const top = (i: number) => values[i]![peak(i)] ?? -Infinity;
  const places = values.map((_, i) => i);
  return sort === "last"
    ? places.sort((a, b) => last(b) - last(a) || a - b)
    : places.sort((a, b) => peak(a) - peak(b) || top(b) - top(a) || a - b);
}

/** A heat map: a cell for each row and column, of one panel at a time. */
export function mountHeat(element: HTMLElement, data: HeatData): void {
  const names = data.panels.map(({ title }) => title);
  const orders = data.sort ? ["as numbered", data.sort === "last" ? "by last" : `by ${data.column}`] : [];
  mountChoices(element, { label: "Quantity", names, orders }, (name, order, width) => [drawHeat(data, data.panels[name]!, order > 0, width)]);
}

function drawHeat(data: HeatData, panel: HeatPanel, sorted: boolean, width: number): SVGSVGElement | HTMLElement {
  const order = sorted && data.sort ? heatOrder(panel.values, data.sort) : data.rows.map((_, i) => i);
  const known = panel.values.flat().filter((value): value is number => value !== null);
  const low = data.floor === "least" ? Math.min(...known) : Math.min(0, ...known);
  const high = Math.max(...known, low + 1e-12);
  const cells = order.flatMap((i) =>
    data.columns.map((column, j) => {
      const value = panel.values[i]![j] ?? null;
      const share = value === null ? 0 : (value - low) / (high - low);
      return { row: data.rows[i]!, column, value, share, note: panel.notes?.[i]?.[j] ?? "" };
    }),
  );
  const { marginLeft, tickFormat } = nameAxis(data.rows, width);
  const total = Math.min(width, marginLeft + data.columns.length * 64);
  const cell = (total - marginLeft - 8) / data.columns.length;
  const printed = [panel.digits, 0]
    .map((digits) => (value: number) => valueText(value, { unit: "", digits }))
    .find((text) => cell >= 6.2 * Math.max(...known.map((value) => text(value).length), 1));
  const every = Math.ceil((Math.max(...data.columns.map((name) => name.length)) * 6.4 + 4) / cell);
  const title = (d: (typeof cells)[number]) =>
    [`${data.row} ${d.row}, ${data.column} ${d.column}`, d.value === null ? "no value" : valueText(d.value, panel), d.note].filter(Boolean).join("\n");
  return Plot.plot({
    width: total,
    height: data.rows.length * 22 + 44,
    marginLeft,
    marginRight: 8,
    marginTop: 4,
    marginBottom: 38,
    x: { type: "band", domain: [...data.columns], label: data.column, tickSize: 0, padding: 0.04, tickFormat: (name: string) => (data.columns.indexOf(name) % every === 0 ? name : "") },
    y: { type: "band", domain: order.map((i) => data.rows[i]!), label: null, tickSize: 0, padding: 0.04, tickFormat },
    ariaLabel: `${panel.title}, by ${data.row} and ${data.column}`,
    marks: [
      Plot.cell(cells, { x: "column", y: "row", fill: (d) => `color-mix(in oklab, var(--accent) ${Math.round(100 * d.share)}%, var(--surface-2))` }),
      printed
        ? Plot.text(cells, { x: "column", y: "row", text: (d) => (d.value === null ? "" : printed(d.value)), fill: (d) => (d.share > 0.55 ? "var(--accent-ink)" : "var(--ink)"), fillOpacity: (d) => (d.share < 0.02 ? 0.5 : 1), fontSize: 10 })
        : null,
      Plot.tip(cells, Plot.pointer({ x: "column", y: "row", title })),
    ],
  });
}
