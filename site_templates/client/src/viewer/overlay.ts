/** Above the points: names of classes, edges to neighbours, rings, and the lasso while it is drawn. All in CSS pixels. */

import { drawClassLabels } from "./class_labels";
import { type Edge, gate, mapDistance } from "./edges";

const FAINTEST = 0.02; // an edge fainter than this is not seen

export interface OverlayContent {
  focus: number | null;
  hover: number | null;
  edges: readonly Edge[];
  /** Radius of a point's extent on the map, drawn around the focused point and that under the cursor; null: not drawn. */
  extent: ((index: number) => number) | null;
  /** Path of the lasso or box being drawn, [x0, y0, x1, y1, ...]. */
  path: readonly number[];
  /** Names of classes, each at one of its points. */
  labels: ReadonlyArray<{ index: number; name: string }>;
  ink: string;
  accent: string;
  surface: string;
  font: string;
}

/** A point on the stage, in CSS pixels. */
export interface Placed {
  x: number;
  y: number;
  /** Half the width of its drawing. */
  radius: number;
  isVisible: boolean;
  /** On the map. */
  position: readonly number[];
  /** Pixels of a unit of the map at this depth. */
  perUnit: number;
}

export function drawOverlay(context: CanvasRenderingContext2D, placed: (index: number) => Placed, content: OverlayContent): void {
  const { focus, hover, edges, extent, path, ink, accent } = content;
  if (focus === null) drawClassLabels(context, placed, content.labels, content);
  for (const index of extent ? new Set([focus, hover]) : []) {
    if (extent && index !== null) drawExtent(context, placed(index), extent(index), accent);
  }
  context.strokeStyle = ink;
  context.lineCap = "round";
  for (const edge of edges) drawEdge(context, placed(edge.from), placed(edge.to), edge, edge.from === focus);
  context.globalAlpha = 1;
  if (focus !== null) ring(context, placed(focus), accent, 2.5);
  if (hover !== null && hover !== focus) ring(context, placed(hover), ink, 1.5);
  if (path.length >= 4) drawPath(context, path, accent);
}

/** An edge of the focused point stands out before those of other points. */
function drawEdge(context: CanvasRenderingContext2D, from: Placed, to: Placed, { weight, reach }: Edge, isOfFocus: boolean): void {
  if (!from.isVisible || !to.isVisible) return;
  const shown = gate(mapDistance(from.position, to.position), reach);
  if (shown < FAINTEST) return;
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const [start, end] = isOfFocus ? [ringRadius(from), ringRadius(to) - 2] : [from.radius, to.radius];
  if (length <= start + end) return;
  const [dx, dy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  context.globalAlpha = shown * (isOfFocus ? 0.3 + 0.6 * weight : 0.12 + 0.3 * weight);
  context.lineWidth = isOfFocus ? 0.8 + 2.2 * weight : 0.6 + 0.8 * weight;
  context.beginPath();
  context.moveTo(from.x + dx * start, from.y + dy * start);
  context.lineTo(to.x - dx * end, to.y - dy * end);
  context.stroke();
}

/** The extent of a point as a circle; `radius` in units of the map. */
function drawExtent(context: CanvasRenderingContext2D, { x, y, isVisible, perUnit }: Placed, radius: number, color: string): void {
  if (!isVisible) return;
  context.beginPath();
  context.arc(x, y, radius * perUnit, 0, 2 * Math.PI);
  context.strokeStyle = color;
  context.fillStyle = color;
  context.lineWidth = 1;
  context.globalAlpha = 0.1;
  context.fill();
  context.globalAlpha = 0.7;
  context.stroke();
  context.globalAlpha = 1;
}

function ringRadius({ radius }: Placed): number {
  return Math.max(7, radius + 3);
}

function ring(context: CanvasRenderingContext2D, point: Placed, color: string, width: number): void {
  if (!point.isVisible) return;
  context.strokeStyle = color;
  context.lineWidth = width;
  context.beginPath();
  context.arc(point.x, point.y, ringRadius(point), 0, 2 * Math.PI);
  context.stroke();
}

function drawPath(context: CanvasRenderingContext2D, path: readonly number[], color: string): void {
  context.beginPath();
  for (let i = 0; i + 1 < path.length; i += 2) context.lineTo(path[i]!, path[i + 1]!);
  context.closePath();
  context.globalAlpha = 0.1;
  context.fillStyle = color;
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = color;
  context.lineWidth = 1.5;
  context.setLineDash([5, 4]);
  context.stroke();
  context.setLineDash([]);
}
