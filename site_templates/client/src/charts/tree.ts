import { hierarchy, type HierarchyPointNode, tree } from "d3-hierarchy";
import { h } from "../shared/dom";
import { rampColor, rampGradient, type Rgb, type Theme } from "../shared/palette";
import { onThemeChange, readPageColors } from "../shared/theme";
import { onWidth } from "./frame";
import { axisNumbers, branchColor, colorRange, type Measured } from "./series";

interface TreeNode {
  tag: string;
  kind: "root" | "fork" | "trained";
  parent: string | null;
  color: number;
  href: string;
  steps: number;
  tasks: readonly string[];
  built: number;
  seeds: number;
  health: string;
  stale: boolean;
  /** Of a root: what starts from it, in words. */
  start: string;
  metrics: Readonly<Record<string, Measured & { text: string }>>;
}

interface TreeMetric {
  key: string;
  label: string;
  better: string | null;
  percent: boolean;
}

export interface TreeData {
  recipe: string;
  nodes: readonly TreeNode[];
  metrics: readonly TreeMetric[];
  initial: string | null;
}

const BOX = { width: 212, height: 66, across: 52, down: 16 };
const MARKS: Readonly<Record<string, string>> = { healthy: "●", warning: "▲", critical: "■" };

/** Draws a recipe's tree; nodes are links, coloured by the metric that the reader chooses. */
export function mountTree(element: HTMLElement, data: TreeData): void {
  let metric = data.initial;
  let width = 0;
  const canvas = h("div", { class: "tree-canvas" });
  const scale = h("div", { class: "tree-legend" });
  const select = h(
    "select",
    {},
    h("option", { value: "" }, "branch"),
    ...data.metrics.map(({ key, label }) => h("option", { value: key, selected: key === metric }, label)),
  );
  const redraw = () => {
    const colors = colorsOf(data, metric);
    drawLegend(scale, data, metric);
    if (layoutWidth(data) <= width) drawWide(canvas, data, metric, colors);
    else drawNested(canvas, data, metric, colors);
  };
  select.addEventListener("change", () => {
    metric = select.value || null;
    redraw();
  });
  const toolbar = h("div", { class: "tree-toolbar" }, h("label", { class: "field" }, "Colour by", select), scale);
  element.replaceChildren(...(data.metrics.length ? [toolbar, canvas] : [canvas]));
  onWidth(element, (next) => {
    width = next;
    redraw();
  });
  onThemeChange(redraw);
}

function rootOf(data: TreeData): HierarchyPointNode<TreeNode | null> {
  const children = new Map<string | null, TreeNode[]>();
  const known = new Set(data.nodes.map((node) => node.tag));
  for (const node of data.nodes) {
    const parent = node.parent !== null && known.has(node.parent) ? node.parent : null;
    children.set(parent, [...(children.get(parent) ?? []), node]);
  }
  // A recipe may make several roots; an invisible one holds them together.
  const top = hierarchy<TreeNode | null>(null, (node) => children.get(node?.tag ?? null) ?? []);
  return tree<TreeNode | null>()
    .nodeSize([BOX.height + BOX.down, BOX.width + BOX.across])
    .separation(() => 1)(top);
}

function layoutWidth(data: TreeData): number {
  return rootOf(data).height * (BOX.width + BOX.across) - BOX.across;
}

function link(d: string, color: number): SVGPathElement {
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", d);
  path.setAttribute("class", "tree-link");
  path.style.stroke = branchColor(color);
  return path;
}

/** Forks change what is trained and train nothing: they are drawn smaller. */
function heightOf(node: TreeNode): number {
  return node.kind === "fork" ? BOX.height - 12 : BOX.height;
}

function drawWide(canvas: HTMLElement, data: TreeData, metric: string | null, colors: ReadonlyMap<string, Rgb>): void {
  const points = rootOf(data).descendants();
  const nodes = points.filter((point) => point.data !== null);
  const top = Math.min(...nodes.map((node) => node.x));
  const bottom = Math.max(...nodes.map((node) => node.x));
  const step = BOX.width + BOX.across;
  const left = (point: HierarchyPointNode<TreeNode | null>) => point.y - step;
  const middle = (point: HierarchyPointNode<TreeNode | null>) => point.x - top + BOX.height / 2;

  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  for (const point of nodes) {
    const parent = point.parent;
    if (!parent?.data || !point.data) continue;
    const [x0, y0, x1, y1] = [left(parent) + BOX.width, middle(parent), left(point), middle(point)];
    const bend = (x0 + x1) / 2;
    svg.append(link(`M${x0},${y0}C${bend},${y0} ${bend},${y1} ${x1},${y1}`, point.data.color));
  }
  const boxes = nodes.map((point) => {
    const box = nodeBox(point.data!, metric, colors);
    Object.assign(box.style, {
      left: `${left(point)}px`,
      top: `${middle(point) - heightOf(point.data!) / 2}px`,
      width: `${BOX.width}px`,
      height: `${heightOf(point.data!)}px`,
    });
    return box;
  });
  canvas.className = "tree-canvas";
  canvas.style.width = `${layoutWidth(data)}px`;
  canvas.style.height = `${bottom - top + BOX.height}px`;
  canvas.replaceChildren(svg, ...boxes);
}

function drawNested(canvas: HTMLElement, data: TreeData, metric: string | null, colors: ReadonlyMap<string, Rgb>): void {
  const boxes: HTMLElement[] = [];
  const places = new Map<string, { box: HTMLElement; node: TreeNode }>();
  rootOf(data).eachBefore((point) => {
    if (!point.data) return;
    const box = nodeBox(point.data, metric, colors);
    const depth = point.depth - 1;
    places.set(point.data.tag, { box, node: point.data });
    box.style.setProperty("--depth", String(Math.min(depth, 6)));
    boxes.push(box);
  });
  canvas.className = "tree-canvas tree-nested";
  canvas.removeAttribute("style");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  canvas.replaceChildren(svg, ...boxes);
  for (const { box, node } of places.values()) {
    const parent = node.parent === null ? undefined : places.get(node.parent);
    if (!parent) continue;
    const x = parent.box.offsetLeft + 12;
    const [top, y] = [parent.box.offsetTop + parent.box.offsetHeight, box.offsetTop + box.offsetHeight / 2];
    svg.append(link(`M${x},${top}V${y - 8}q0,8 8,8H${box.offsetLeft}`, node.color));
  }
}

function nodeBox(node: TreeNode, metric: string | null, colors: ReadonlyMap<string, Rgb>): HTMLAnchorElement {
  const value = metric ? node.metrics[metric] : undefined;
  const fill = colors.get(node.tag);
  const classes = ["tree-node", `is-${node.kind}`, fill && "is-colored", !node.built && "is-missing"];
  const health = node.health && h("span", { class: `tree-health health-${node.health}`, title: `health: ${node.health}` }, MARKS[node.health] ?? "");
  const box = h(
    "a",
    { href: node.href, class: classes.filter(Boolean).join(" "), "aria-label": describe(node, value?.text) },
    h("span", { class: "tree-tag", title: node.tag }, ...softName(node.tag)),
    health || h("span", {}),
    h("span", { class: value ? "tree-value" : "tree-note" }, value?.text ?? noteOf(node)),
  );
  box.style.setProperty("--branch", branchColor(node.color));
  if (fill) {
    box.style.background = `rgb(${fill.map(Math.round).join(" ")})`;
    box.style.color = isLight(fill) ? "#111418" : "#ffffff";
  }
  return box;
}

function noteOf(node: TreeNode): string {
  if (!node.built) return "not built yet";
  const state = node.stale ? "stale, " : "";
  if (node.kind === "root") return `${state}${node.start}`;
  if (node.kind === "fork") return `${state}${node.tasks.length ? node.tasks.join(", ") : "fork"}`;
  const missing = node.built < node.seeds ? `, ${node.built} of ${node.seeds} seeds` : "";
  return `${state}${node.steps.toLocaleString("en")} steps${missing}`;
}

function describe(node: TreeNode, value: string | undefined): string {
  return [node.tag, node.kind, value ?? noteOf(node), node.health && `health ${node.health}`].filter(Boolean).join(", ");
}

/** A tag that may break before the parts of its name, but not before a short one such as `5k`. */
function softName(tag: string): Array<string | HTMLElement> {
  return tag.split("_").flatMap((part, i) => (i === 0 ? [part] : part.length < 4 ? [`_${part}`] : ["_", h("wbr"), part]));
}

/** Nearer to paper (or to night), so that large boxes stay calm. */
function soften(color: Rgb, theme: Theme): Rgb {
  const ground = theme === "dark" ? 28 : 255;
  const share = theme === "dark" ? 0.3 : 0.16;
  const mix = (value: number) => value + (ground - value) * share;
  return [mix(color[0]), mix(color[1]), mix(color[2])];
}

/** The colour of every node that has the metric. */
function colorsOf(data: TreeData, metric: string | null): Map<string, Rgb> {
  const colors = new Map<string, Rgb>();
  const range = colorRange(cellsOf(data, metric)); // one value alone says nothing by its colour
  if (!metric || !range) return colors;
  const { theme } = readPageColors();
  const span = range.high - range.low;
  for (const node of data.nodes) {
    const value = node.metrics[metric];
    if (value) colors.set(node.tag, soften(rampColor("cividis", (value.mean - range.low) / span, theme), theme));
  }
  return colors;
}

function cellsOf(data: TreeData, metric: string | null): Measured[] {
  return metric ? data.nodes.flatMap((node) => node.metrics[metric] ?? []) : [];
}

function drawLegend(scale: HTMLElement, data: TreeData, metric: string | null): void {
  const cells = cellsOf(data, metric);
  const range = colorRange(cells);
  const found = data.metrics.find(({ key }) => key === metric);
  if (!range || !found) {
    scale.replaceChildren(...(cells.length > 1 ? ["no colour: the differences are within the noise"] : []));
    return;
  }
  const ramp = h("span", { class: "tree-ramp", style: `background: ${rampGradient("cividis", readPageColors().theme)}` });
  const better = found.better ? `, ${found.better} is better` : "";
  const ends = axisNumbers([range.low, range.high].map((value) => (found.percent ? 100 * value : value)));
  const [low, high] = ends.map((end) => (found.percent ? `${end} %` : end));
  scale.replaceChildren(low!, ramp, high!, better);
}

function isLight([r, g, b]: Rgb): boolean {
  const linear = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  const luminance = 0.2126 * linear[0]! + 0.7152 * linear[1]! + 0.0722 * linear[2]!;
  return luminance > 0.2;
}
