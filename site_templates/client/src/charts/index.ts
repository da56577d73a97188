import type { Mount, Parameters } from "../shared/component";
import { type AgainstPanel, mountAgainst } from "./against";
import { type HistogramBar, type LatentBar, mountHistogram, mountLatent } from "./bars";
import { type ChannelData, mountChannels } from "./channels";
import { type ConfidencePanel, mountConfidence } from "./confidence";
import { mountCurves } from "./curves";
import { mountDots } from "./dots";
import { type HeatData, mountHeat } from "./heat";
import { mountCopy, mountSwitch, mountThemeToggle } from "./page";
import { mountReliability, type ReliabilitySeries } from "./reliability";
import { mountRows, type RowsPanel } from "./rows";
import type { CurvePanel, DotMetric } from "./series";
import { mountSortable } from "./sorting";
import { mountTree, type TreeData } from "./tree";

const CHARTS: Readonly<Record<string, (element: HTMLElement, parameters: Parameters) => void>> = {
  curves: (element, { panels }) => mountCurves(element, panels as CurvePanel[]),
  against: (element, { x, panels }) => mountAgainst(element, String(x), panels as AgainstPanel[]),
  dots: (element, { metrics, nodes }) => mountDots(element, metrics as DotMetric[], nodes as string[]),
  latent: (element, { bars, label }) => mountLatent(element, bars as LatentBar[], String(label)),
  histogram: (element, { bars, label }) => mountHistogram(element, bars as HistogramBar[], String(label)),
  heat: (element, parameters) => mountHeat(element, parameters as unknown as HeatData),
  rows: (element, { label, names, panels }) => mountRows(element, String(label), names as string[], panels as RowsPanel[]),
  reliability: (element, { series }) => mountReliability(element, series as ReliabilitySeries[]),
  confidence: (element, { panels }) => mountConfidence(element, panels as ConfidencePanel[]),
  channels: (element, parameters) => mountChannels(element, parameters as unknown as ChannelData),
};

const mountChart: Mount = (element, parameters) => {
  const draw = CHARTS[String(parameters["kind"])];
  if (!draw) throw new Error(`there is no chart "${String(parameters["kind"])}"; there are: ${Object.keys(CHARTS).join(", ")}`);
  draw(element, parameters);
};

/** Components of this folder by their `data-acc` name. */
export const charts: Readonly<Record<string, Mount>> = {
  chart: mountChart,
  tree: (element, parameters) => mountTree(element, parameters as unknown as TreeData),
  switch: mountSwitch,
  "theme-toggle": mountThemeToggle,
  copy: mountCopy,
  sortable: mountSortable,
};
