import * as Plot from "@observablehq/plot";
import { h } from "../shared/dom";
import { choice, legend, onWidth, panelHead } from "./frame";
import { axisNumber, axisTick, branchColor, type CurvePanel, meansOf, pointsOf, suitsLog } from "./series";

/** Small multiples of learning curves: thin lines are seeds, the strong line is their mean. */
export function mountCurves(element: HTMLElement, panels: readonly CurvePanel[]): void {
  const groups = [...new Set(panels.map((panel) => panel.group))];
  const nodes = new Map<string, string>();
  for (const panel of panels) for (const { node, color } of panel.series) nodes.set(node, branchColor(color));
  const state = { group: groups[0]!, scale: "auto", hidden: new Set() as ReadonlySet<string> };
  const grid = h("div", { class: "chart-grid" });

  const draw = () => {
    const shown = panels.filter((panel) => panel.group === state.group);
    grid.replaceChildren(...shown.map((panel) => drawPanel(panel, state)));
  };
  const toolbar = h(
    "div",
    { class: "chart-toolbar" },
    nodes.size > 1 &&
      legend(
        [...nodes].map(([node, color]) => ({ node, color })),
        (hidden) => {
          state.hidden = hidden;
          draw();
        },
      ),
    groups.length > 1 &&
      choice("Quantity", groups, state.group, (group) => {
        state.group = group;
        draw();
      }),
    choice("Scale", ["auto", "linear", "log"], state.scale, (scale) => {
      state.scale = scale;
      draw();
    }),
  );
  element.append(toolbar, grid);
  draw();
}

/** One quantity; `domain` are the steps of its axis, by default those that it has. */
export function drawPanel(
  panel: CurvePanel,
  state: { scale: string; hidden: ReadonlySet<string>; domain?: [number, number] },
): HTMLElement {
  const frame = h("div", { class: "chart-panel-plot" });
  const unit = panel.percent ? "%" : panel.unit;
  const series = panel.series.filter(({ node }) => !state.hidden.has(node));
  const scale = panel.percent ? 100 : 1;
  const seeds = pointsOf(series, scale);
  const means = meansOf(series, scale);
  const positive = seeds.length > 0 && seeds.every((point) => point.y > 0);
  const log = positive && (state.scale === "log" || (state.scale === "auto" && suitsLog(seeds)));
  const several = new Set(panel.series.map(({ seed }) => seed)).size > 1;
  onWidth(frame, (width) => {
    const plot = Plot.plot({
      width,
      height: Math.round(Math.min(230, Math.max(170, width * 0.56))),
      marginLeft: 46,
      marginRight: 8,
      marginTop: 10,
      marginBottom: 30,
      x: { ...(state.domain ? { domain: state.domain } : {}), label: "step", ticks: Math.max(3, Math.floor(width / 90)), tickFormat: axisTick },
      y: { type: log ? "log" : "linear", label: null, grid: true, ticks: 5, tickFormat: axisTick, nice: !log },
      ariaLabel: `${panel.title}, by step`,
      marks: [
        several ? Plot.line(seeds, { x: "x", y: "y", z: (d) => `${d.node} ${d.seed}`, stroke: (d) => branchColor(d.color), strokeWidth: 1, strokeOpacity: 0.4 }) : null,
        Plot.line(means, { x: "x", y: "y", z: "node", stroke: (d) => branchColor(d.color), strokeWidth: 2 }),
        Plot.tip(
          means,
          Plot.pointer({
            x: "x",
            y: "y",
            title: (d) => `${d.node}\nstep ${Math.round(d.x).toLocaleString("en")}: ${axisNumber(d.y)}${unit ? ` ${unit}` : ""}`,
          }),
        ),
      ],
    });
    frame.replaceChildren(plot);
  });
  return h("div", { class: "chart-panel" }, panelHead(panel.title, unit, panel.better), frame);
}
