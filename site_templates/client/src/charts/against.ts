import * as Plot from "@observablehq/plot";
import { h } from "../shared/dom";
import { legend, onWidth, panelHead } from "./frame";
import { axisNumber, axisTick, branchColor, intervalDomain, suitsLog } from "./series";

interface AgainstPoint {
  x: number;
  mean: number | null;
  /** Ends of the interval over seeds; null with one seed. */
  low: number | null;
  high: number | null;
  /** One for each seed. */
  values: readonly number[];
}

export interface AgainstPanel {
  title: string;
  unit: string;
  better: string | null;
  scale: number;
  /** Whether 0 is what values are compared with. */
  zero: boolean;
  lines: ReadonlyArray<{ name: string; color: number; control: boolean; points: readonly AgainstPoint[] }>;
}

const APART = 6; // pixels between the intervals of neighbouring lines at one place

/** Metrics against a recorded quantity: a line for each branch with the interval of every point; the control is dashed. */
export function mountAgainst(element: HTMLElement, x: string, panels: readonly AgainstPanel[]): void {
  const lines = new Map(panels.flatMap((panel) => panel.lines).map((line) => [line.name, line]));
  const grid = h("div", { class: "chart-grid chart-grid-wide" });
  let hidden: ReadonlySet<string> = new Set();
  const draw = () => grid.replaceChildren(...panels.map((panel) => drawPanel(panel, x, [...lines.keys()], hidden)));
  const names = [...lines.values()].map(({ name, color }) => ({ node: name, color: branchColor(color) }));
  const chosen = (now: ReadonlySet<string>) => {
    hidden = now;
    draw();
  };
  element.append(...(lines.size > 1 ? [h("div", { class: "chart-toolbar" }, legend(names, chosen))] : []), grid);
  draw();
}

function drawPanel(panel: AgainstPanel, x: string, order: readonly string[], hidden: ReadonlySet<string>): HTMLElement {
  const shown = panel.lines.filter(({ name }) => !hidden.has(name));
  const points = shown.flatMap(({ name, color, control, points: own }) =>
    own.flatMap(({ x: at, mean, low, high, values }) => {
      if (mean === null) return [];
      const [y, y1, y2] = [mean, low ?? mean, high ?? mean].map((value) => value * panel.scale) as [number, number, number];
      const seeds = values.map((value) => value * panel.scale);
      return [{ name, stroke: branchColor(color), control, at, y, y1, y2, seeds, dx: (order.indexOf(name) - (order.length - 1) / 2) * APART }];
    }),
  );
  const seeds = points.flatMap(({ seeds: own, ...point }) => own.map((value) => ({ ...point, value })));
  const places = [...new Set(points.map(({ at }) => at))].sort((a, b) => a - b);
  const wide = places.length > 2 && suitsLog(places.map((y) => ({ y })));
  const text = (value: number) => `${axisNumber(value)}${panel.unit ? ` ${panel.unit}` : ""}`;
  const frame = h("div", { class: "chart-panel-plot" });
  onWidth(frame, (width) => {
    const shift = order.length * APART * 0.5;
    frame.replaceChildren(
      Plot.plot({
        width,
        height: Math.round(Math.min(360, Math.max(240, width * 0.62))),
        marginLeft: 46,
        marginRight: 12,
        marginBottom: 34,
        insetLeft: shift,
        insetRight: shift,
        x: { type: wide ? "log" : "linear", label: x, ticks: places, tickFormat: (value: number) => value.toLocaleString("en") },
        y: { domain: intervalDomain(points, panel.zero, panel.unit === "%"), label: null, grid: true, ticks: 6, tickFormat: axisTick, nice: true },
        ariaLabel: `${panel.title}, by ${x}`,
        marks: [
          panel.zero ? Plot.ruleY([0], { stroke: "currentColor", strokeDasharray: "5 3" }) : null,
          ...shown.flatMap(({ name, control }) => {
            const own = points.filter((point) => point.name === name);
            if (!own.length) return [];
            const { dx, stroke } = own[0]!;
            return [
              Plot.ruleX(own, { x: "at", y1: "y1", y2: "y2", dx, stroke, strokeWidth: 2, strokeOpacity: 0.45, clip: true }),
              Plot.dot(seeds.filter((point) => point.name === name), { x: "at", y: "value", dx, fill: stroke, r: 1.6 }),
              Plot.line(own, { x: "at", y: "y", dx, stroke, strokeWidth: 2, strokeDasharray: control ? "5 3" : "none" }),
              Plot.dot(own, { x: "at", y: "y", dx, fill: stroke, r: 3.5, symbol: control ? "square" : "circle" }),
            ];
          }),
          Plot.tip(
            points,
            Plot.pointer({
              x: "at",
              y: "y",
              title: (d) =>
                `${d.name}${d.control ? " (control)" : ""}, ${d.at.toLocaleString("en")} ${x}\n${text(d.y)}` +
                (d.seeds.length > 1 ? `, 95 % interval ${text(d.y1)} to ${text(d.y2)}, ${d.seeds.length} seeds` : ", one seed"),
            }),
          ),
        ],
      }),
    );
  });
  return h("div", { class: "chart-panel" }, panelHead(panel.title, panel.unit, panel.better), frame);
}
