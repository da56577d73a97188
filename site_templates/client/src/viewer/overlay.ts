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

export interface ScreenPlaces {
  x: Float32Array;
  y: Float32Array;
  radius: Float32Array;
  visible: Uint8Array;
}

/** `positions` (N, 3) are those of the points now; `perUnit` says how many pixels a unit of the map has at a point. */
export function drawOverlay(
  context: CanvasRenderingContext2D,
  places: ScreenPlaces,
  positions: Float32Array,
  perUnit: (index: number) => number,
  content: OverlayContent,
): void {
  const { focus, hover, edges, extent, path, ink, accent } = content;
  if (focus === null) drawClassLabels(context, places, content.labels, content);
  for (const index of extent ? new Set([focus, hover]) : []) {
    if (extent && index !== null && places.visible[index]) drawExtent(context, places, index, extent(index) * perUnit(index), accent);
  }
  context.strokeStyle = ink;
  context.lineCap = "round";
  for (const edge of edges) drawEdge(context, places, positions, edge, focus);
  context.globalAlpha = 1;
  if (focus !== null && places.visible[focus]) ring(context, places, focus, accent, 2.5);
  if (hover !== null && hover !== focus && places.visible[hover]) ring(context, places, hover, ink, 1.5);
  if (path.length >= 4) drawPath(context, path, accent);
}

/** An edge of the focused point stands out before those of other points. */
function drawEdge(context: CanvasRenderingContext2D, places: ScreenPlaces, positions: Float32Array, { from, to, weight, reach }: Edge, focus: number | null): void {
  if (!places.visible[from] || !places.visible[to]) return;
  const shown = gate(mapDistance(positions, from, to), reach);
  if (shown < FAINTEST) return;
  const isOfFocus = from === focus;
  const [x0, y0, x1, y1] = [places.x[from]!, places.y[from]!, places.x[to]!, places.y[to]!];
  const length = Math.hypot(x1 - x0, y1 - y0);
  const [start, end] = isOfFocus ? [ringRadius(places, from), ringRadius(places, to) - 2] : [places.radius[from]!, places.radius[to]!];
  if (length <= start + end) return;
  context.globalAlpha = shown * (isOfFocus ? 0.3 + 0.6 * weight : 0.12 + 0.3 * weight);
  context.lineWidth = isOfFocus ? 0.8 + 2.2 * weight : 0.6 + 0.8 * weight;
  context.beginPath();
  context.moveTo(x0 + ((x1 - x0) * start) / length, y0 + ((y1 - y0) * start) / length);
  context.lineTo(x1 - ((x1 - x0) * end) / length, y1 - ((y1 - y0) * end) / length);
  context.stroke();
}

/** The extent of a point as a circle. */
function drawExtent(context: CanvasRenderingContext2D, places: ScreenPlaces, index: number, radius: number, color: string): void {
  context.beginPath();
  context.arc(places.x[index]!, places.y[index]!, radius, 0, 2 * Math.PI);
  context.strokeStyle = color;
  context.fillStyle = color;
  context.lineWidth = 1;
  context.globalAlpha = 0.1;
  context.fill();
  context.globalAlpha = 0.7;
  context.stroke();
  context.globalAlpha = 1;
}

function ringRadius(places: ScreenPlaces, index: number): number {
  return Math.max(7, places.radius[index]! + 3);
}

function ring(context: CanvasRenderingContext2D, places: ScreenPlaces, index: number, color: string, width: number): void {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.beginPath();
  context.arc(places.x[index]!, places.y[index]!, ringRadius(places, index), 0, 2 * Math.PI);
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
