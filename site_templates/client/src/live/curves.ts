import type { CurvePanel, CurveSeries } from "../charts/series";
import type { RunEvent } from "./log";

const POINTS = 400; // most points of a curve that is drawn; each is the mean of the values it stands for

/** What curves are called that no page was rendered with; the report says it. */
export interface CurveWords {
  groups: readonly string[]; // in their order
  titles: Readonly<Record<string, readonly [group: string, title: string]>>; // by series, or what it begins with
  metrics: Readonly<Record<string, { label: string; percent: boolean }>>; // those that do not go by their own name
}

type Numbers = Readonly<Record<string, number | null>>;
type Diagnostics = Readonly<Record<string, number | null | ReadonlyArray<number | null>>>;

/**
 * The curves of a run from its events: a panel for each quantity, as the report makes them of the stored history. `known`
 * are the panels of other runs of the node, which know units, too.
 */
export function panelsOf(events: readonly RunEvent[], run: { node: string; seed: number; color: number }, known: readonly CurvePanel[], words: CurveWords): CurvePanel[] {
  const found = new Map<string, { x: number[]; y: Array<number | null> }>();
  const add = (id: string, step: number, value: unknown) => {
    const curve = found.get(id) ?? { x: [], y: [] };
    found.set(id, curve);
    curve.x.push(step);
    curve.y.push(typeof value === "number" ? value : null);
  };
  for (const event of events) {
    const step = event.step ?? 0;
    if (event.event === "train.metrics") {
      add("total", step, event["total"]);
      for (const [task, value] of Object.entries((event["losses"] ?? {}) as Numbers)) add(`loss/${task}`, step, value);
      for (const [name, value] of Object.entries((event["diagnostics"] ?? {}) as Diagnostics)) {
        if (Array.isArray(value)) value.forEach((one, i) => add(`${name}[${i}]`, step, one));
        else add(name, step, value);
      }
      add("lr", step, event["lr"]);
    } else if (event.event === "train.validated") {
      for (const [task, values] of Object.entries((event["metrics"] ?? {}) as Readonly<Record<string, Numbers>>)) {
        for (const [metric, value] of Object.entries(values)) add(`val/${task}/${metric}`, step, value);
      }
    }
  }
  const byId = new Map(known.map((panel) => [panel.id, panel]));
  const panels = [...found].map(([id, { x, y }]) => ({ ...(byId.get(id) ?? namedBy(words, id)), series: [{ ...run, x, y }] }));
  return panels.sort((a, b) => words.groups.indexOf(a.group) - words.groups.indexOf(b.group));
}

function namedBy(words: CurveWords, id: string): Omit<CurvePanel, "series"> {
  const [owner = "", task = "", metric = ""] = id.split("/");
  const [group, title] = words.titles[id.includes("/") ? `${owner}/` : id] ?? words.titles[""]!;
  const plain = (name: string) => name.replaceAll(/[/_]/g, " ");
  const told = owner === "val" ? words.metrics[metric] : undefined;
  const texts: Readonly<Record<string, string>> = { task, metric: told?.label ?? plain(metric), series: plain(id) };
  return { id, group, title: title.replaceAll(/\{(\w+)\}/g, (_, name: string) => texts[name] ?? ""), unit: "", better: null, percent: told?.percent ?? false };
}

/** One run's part of the panels that a page holds for all seeds. */
export function panelsOfSeed(panels: readonly CurvePanel[], seed: number): CurvePanel[] {
  return panels
    .map((panel) => ({ ...panel, series: panel.series.filter((one) => one.seed === seed) }))
    .filter((panel) => panel.series.length > 0);
}

/** The panels as they were at a step, thin enough to draw. */
export function cut(panels: readonly CurvePanel[], step: number): CurvePanel[] {
  return panels.map((panel) => ({ ...panel, series: panel.series.map((one) => thinned(cutSeries(one, step))) }));
}

function cutSeries(series: CurveSeries, step: number): CurveSeries {
  const end = series.x.findIndex((x) => x > step);
  return end < 0 ? series : { ...series, x: series.x.slice(0, end), y: series.y.slice(0, end) };
}

function thinned(series: CurveSeries): CurveSeries {
  const size = Math.ceil(series.x.length / POINTS);
  if (size <= 1) return series;
  const x: number[] = [];
  const y: Array<number | null> = [];
  for (let start = 0; start < series.x.length; start += size) {
    const values = series.y.slice(start, start + size).filter((value) => value !== null);
    x.push(mean(series.x.slice(start, start + size)));
    y.push(values.length ? mean(values) : null);
  }
  return { ...series, x, y };
}

/** Every step that some curve has a value at, in order. */
export function stepsOf(panels: readonly CurvePanel[]): number[] {
  return [...new Set(panels.flatMap((panel) => panel.series.flatMap((one) => one.x)))].sort((a, b) => a - b);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
