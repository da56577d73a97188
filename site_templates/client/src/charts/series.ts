/** What the report writes for charts, and the small calculations that drawing needs. */

export interface CurveSeries {
  node: string;
  seed: number;
  /** Number of the branch's colour; -1 is the root. */
  color: number;
  x: readonly number[];
  y: ReadonlyArray<number | null>;
}

export interface CurvePanel {
  id: string;
  group: string;
  title: string;
  unit: string;
  better: string | null;
  percent: boolean;
  series: readonly CurveSeries[];
}

export interface DotRow {
  node: string;
  color: number;
  values: ReadonlyArray<readonly [seed: number, value: number | null]>;
  mean: number | null;
  sd: number | null;
}

export interface DotMetric {
  key: string;
  label: string;
  unit: string;
  better: string | null;
  percent: boolean;
  digits: number;
  baseline: number | null;
  rows: readonly DotRow[];
}

export interface Point {
  node: string;
  color: number;
  seed: number;
  x: number;
  y: number;
}

/** The colour of a branch, the same on every chart. */
export function branchColor(color: number): string {
  return `var(--branch-${color < 0 ? "root" : color % 8})`;
}

/** Points of single seeds; gaps (values that were not finite) are left out. */
export function pointsOf(series: readonly CurveSeries[], scale = 1): Point[] {
  return series.flatMap(({ node, color, seed, x, y }) =>
    x.flatMap((step, i) => {
      const value = y[i];
      return typeof value === "number" ? [{ node, color, seed, x: step, y: value * scale }] : [];
    }),
  );
}

/** The mean over seeds of each node, at the steps that all of its seeds have. */
export function meansOf(series: readonly CurveSeries[], scale = 1): Point[] {
  const byNode = new Map<string, CurveSeries[]>();
  for (const one of series) byNode.set(one.node, [...(byNode.get(one.node) ?? []), one]);
  return [...byNode.values()].flatMap((all) => {
    const sums = new Map<number, { sum: number; count: number }>();
    for (const point of pointsOf(all, scale)) {
      const entry = sums.get(point.x) ?? { sum: 0, count: 0 };
      sums.set(point.x, { sum: entry.sum + point.y, count: entry.count + 1 });
    }
    const { node, color } = all[0]!;
    return [...sums]
      .filter(([, { count }]) => count === all.length)
      .sort(([a], [b]) => a - b)
      .map(([x, { sum, count }]) => ({ node, color, seed: -1, x, y: sum / count }));
  });
}

/** Whether a curve reads better on a logarithmic axis: all values positive, over more than a factor of 30. */
export function suitsLog(points: ReadonlyArray<{ y: number }>): boolean {
  const values = points.map((point) => point.y);
  const low = Math.min(...values);
  return values.length > 0 && low > 0 && Math.max(...values) / low > 30;
}

/**
 * The range of a dot plot. The baseline is inside it where that leaves the differences between the dots visible;
 * otherwise `far` says on which side it lies.
 */
export function dotDomain(metric: DotMetric): { domain: [number, number]; far: "left" | "right" | null } {
  const values = metric.rows.flatMap(({ values, mean, sd }) => [
    ...values.flatMap(([, value]) => (value === null ? [] : [value])),
    ...(mean !== null && sd !== null ? [mean - sd, mean + sd] : []),
  ]);
  let low = Math.min(...values);
  let high = Math.max(...values);
  const span = high - low || Math.abs(high) * 0.02 || 1;
  let far: "left" | "right" | null = null;
  const { baseline } = metric;
  if (baseline !== null) {
    const reach = Math.max(high, baseline) - Math.min(low, baseline);
    if (reach <= 5 * span) {
      low = Math.min(low, baseline);
      high = Math.max(high, baseline);
    } else far = baseline < low ? "left" : "right";
  }
  const pad = 0.12 * (high - low || span);
  return { domain: [low - pad, high + pad], far };
}

/**
 * The range of the seeds' values, with what the intervals add to it, up to a quarter at each end; of shares within 0 to
 * 100 %.
 */
export function intervalDomain(
  points: ReadonlyArray<{ seeds: readonly number[]; y1: number; y2: number }>,
  zero: boolean,
  share = false,
): [number, number] {
  const values = [...points.flatMap(({ seeds }) => seeds), ...(zero ? [0] : [])];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || Math.abs(high) || 1) / 4;
  const ends: [number, number] = [
    Math.max(low - room, Math.min(low, ...points.map(({ y1 }) => y1))),
    Math.min(high + room, Math.max(high, ...points.map(({ y2 }) => y2))),
  ];
  return share ? [Math.max(0, ends[0]), Math.min(100, ends[1])] : ends;
}

/** A number in a tip, or alone. */
export function axisNumber(value: number): string {
  return short(value, 3);
}

/** A number with its digits and unit. */
export function valueText(value: number, { unit, digits }: { unit: string; digits: number }): string {
  const text = value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text}${unit ? ` ${unit}` : ""}`.replace("-", "−");
}

/** Numbers that stand together, in three digits or in as many more as it takes to tell different ones apart. */
export function axisNumbers(values: readonly number[]): string[] {
  const different = new Set(values).size;
  for (let digits = 3; ; digits++) {
    const texts = values.map((value) => short(value, digits));
    if (new Set(texts).size === different || digits === 12) return texts;
  }
}

/** The text of one tick, for Plot's `tickFormat`; a logarithmic axis gives the value alone. */
export function axisTick(value: number, index?: number, ticks?: readonly number[]): string {
  return index === undefined || ticks === undefined ? axisNumber(value) : axisNumbers(ticks)[index]!;
}

function short(value: number, digits: number): string {
  const size = Math.abs(value);
  if (size >= 10_000) return `${+(value / 1000).toPrecision(digits)}k`;
  if (size > 0 && size < 0.001) return value.toExponential(digits - 3).replace("-", "−");
  return `${+value.toPrecision(digits)}`.replace("-", "−");
}

export interface Measured {
  mean: number;
  /** Standard deviation over seeds; null with one seed. */
  sd: number | null;
  /** Standard error from the number of test images; null where it is not known. */
  error: number | null;
}

/**
 * The range that colours stand for: at least four times the uncertainty of a value, which is the larger of its spread over
 * seeds and its error. Null where all values lie within twice the uncertainty: a colour would show noise as a result.
 */
export function colorRange(cells: readonly Measured[]): { low: number; high: number } | null {
  if (cells.length < 2) return null;
  const values = cells.map((cell) => cell.mean);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const unsure = cells.reduce((sum, cell) => sum + Math.max(cell.sd ?? 0, cell.error ?? 0), 0) / cells.length;
  if (low === high || high - low <= 2 * unsure) return null;
  const widen = Math.max(0, 4 * unsure - (high - low)) / 2;
  return { low: low - widen, high: high + widen };
}
