/** Above the points: names of classes, edges to neighbours, rings, and the lasso while it is drawn. All in CSS pixels. */

import { drawClassLabels } from "./class_labels";

export interface Edge {
  to: number;
  /** 1 for the nearest neighbour, down to 0 for the farthest. */
  weight: number;
}

export interface OverlayContent {
  focus: number | null;
  hover: number | null;
  edges: readonly Edge[];
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

export function drawOverlay(context: CanvasRenderingContext2D, places: ScreenPlaces, content: OverlayContent): void {
  const { focus, hover, edges, path, ink, accent } = content;
  if (focus === null) drawClassLabels(context, places, content.labels, content);
  if (focus !== null && places.visible[focus]) {
    context.strokeStyle = ink;
    context.lineCap = "round";
    for (const { to, weight } of edges) {
      if (!places.visible[to]) continue;
      const [x0, y0, x1, y1] = [places.x[focus]!, places.y[focus]!, places.x[to]!, places.y[to]!];
      const length = Math.hypot(x1 - x0, y1 - y0);
      const [start, end] = [ringRadius(places, focus), ringRadius(places, to) - 2];
      if (length <= start + end) continue;
      context.globalAlpha = 0.3 + 0.6 * weight;
      context.lineWidth = 0.8 + 2.2 * weight;
      context.beginPath();
      context.moveTo(x0 + ((x1 - x0) * start) / length, y0 + ((y1 - y0) * start) / length);
      context.lineTo(x1 - ((x1 - x0) * end) / length, y1 - ((y1 - y0) * end) / length);
      context.stroke();
    }
    context.globalAlpha = 1;
    ring(context, places, focus, accent, 2.5);
  }
  if (hover !== null && hover !== focus && places.visible[hover]) ring(context, places, hover, ink, 1.5);
  if (path.length >= 4) drawPath(context, path, accent);
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
