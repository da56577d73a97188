import * as Plot from "@observablehq/plot";
import { h } from "../shared/dom";
import { nameAxis, onWidth, panelHead } from "./frame";
import { axisTick, branchColor, dotDomain, type DotMetric, valueText } from "./series";

const FIRST = 6; // metrics shown before one asks for all

/** One strip for each metric: a dot for each seed, the mean as a tick, one standard deviation as a bar. */
export function mountDots(element: HTMLElement, metrics: readonly DotMetric[], nodes: readonly string[]): void {
  const telling = [...metrics.filter((metric) => metric.better), ...metrics.filter((metric) => !metric.better)];
  const grid = h("div", { class: "chart-grid" });
  const show = (count: number) => grid.replaceChildren(...telling.slice(0, count).map((metric) => drawMetric(metric, nodes)));
  element.append(grid);
  show(FIRST);
  if (telling.length > FIRST) {
    const button = h("button", { type: "button", class: "button" }, `Show all ${telling.length} metrics`);
    button.addEventListener("click", () => {
      show(telling.length);
      button.remove();
    });
    element.append(h("p", { class: "chart-more" }, button));
  }
}

function drawMetric(metric: DotMetric, nodes: readonly string[]): HTMLElement {
  const scale = metric.percent ? 100 : 1;
  const unit = metric.percent ? "%" : metric.unit;
  const { domain, far } = dotDomain(metric);
  const rows = metric.rows.map((row) => ({ ...row, stroke: branchColor(row.color) }));
  const dots = rows.flatMap(({ node, stroke, values }) =>
    values.flatMap(([seed, value]) => (value === null ? [] : [{ node, stroke, seed, value: value * scale }])),
  );
  const means = rows.flatMap(({ node, stroke, mean, sd }) =>
    mean === null ? [] : [{ node, stroke, mean: mean * scale, sd: (sd ?? 0) * scale }],
  );
  const text = (value: number) => valueText(value, { unit, digits: metric.digits });
  const base = metric.baseline === null ? null : metric.baseline * scale;
  const away = far && base !== null ? `, baseline ${text(base)} ${far === "left" ? "←" : "→"}` : "";
  const frame = h("div", { class: "chart-panel-plot" });
  onWidth(frame, (width) => {
    const { marginLeft, tickFormat } = nameAxis(nodes, width);
    const plot = Plot.plot({
      width,
      height: nodes.length * 30 + 38,
      marginLeft,
      marginRight: 14,
      marginTop: 4,
      marginBottom: 26,
      x: { domain: domain.map((value) => value * scale), ticks: Math.max(3, Math.floor((width - marginLeft) / 70)), tickFormat: axisTick, label: null, grid: true },
      y: { type: "band", domain: [...nodes], label: null, padding: 0.4, tickSize: 0, tickFormat },
      ariaLabel: `${metric.label} of every branch and seed`,
      marks: [
        base !== null && !far ? Plot.ruleX([base], { stroke: "currentColor", strokeDasharray: "3 3" }) : null,
        Plot.ruleY(means, { y: "node", x1: (d) => d.mean - d.sd, x2: (d) => d.mean + d.sd, stroke: "stroke", strokeWidth: 9, strokeOpacity: 0.22, strokeLinecap: "butt" }),
        Plot.dot(dots, { y: "node", x: "value", fill: "stroke", r: 4, fillOpacity: 0.8 }),
        Plot.tickX(means, { y: "node", x: "mean", stroke: "stroke", strokeWidth: 2.5 }),
        Plot.text(nodes.filter((node) => !rows.some((row) => row.node === node)), { y: (node) => node, frameAnchor: "left", dx: 4, text: () => "not measured", fillOpacity: 0.7 }),
        Plot.tip(dots, Plot.pointer({ y: "node", x: "value", title: (d) => `${d.node}, seed ${d.seed}\n${text(d.value)}` })),
      ],
    });
    frame.replaceChildren(plot);
  });
  return h("div", { class: "chart-panel" }, panelHead(metric.label, unit, metric.better, away), frame);
}
