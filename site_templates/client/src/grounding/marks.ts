/** What lies above the points: the marker with lines to its neighbours, its trail, and the way between two ends. */

import type { Place } from "../viewer/stage";
import type { Landing, Path } from "./grounded_model";

type Point = { x: number; y: number };
type Position = ArrayLike<number>;

export interface Marks {
  at: Landing | null;
  /** Where the marker was before, oldest first. */
  trail: readonly Position[];
  path: Path | null;
}

export interface MarkColors {
  ink: string;
  accent: string;
  surface: string;
  font: string;
}

/** `reference` are the shown places of the map (N, 3). */
export function drawMarks(context: CanvasRenderingContext2D, place: Place, marks: Marks, reference: Float32Array, colors: MarkColors): void {
  const { at, trail, path } = marks;
  context.lineCap = "round";
  context.lineJoin = "round";
  if (path) {
    line(context, path.straight.map(place), colors.surface, 4, 0.8);
    line(context, path.straight.map(place), colors.ink, 1.5, 0.75, [2, 5]);
    line(context, path.regrounded.map(place), colors.surface, 6, 0.9);
    line(context, path.regrounded.map(place), colors.accent, 3, 1);
  } else if (trail.length > 1) line(context, trail.map(place), colors.accent, 2, 0.55);
  if (at) drawMarker(context, place, at, reference, colors);
  if (path) {
    letter(context, place(path.straight[0]!), "A", colors);
    letter(context, place(path.straight.at(-1)!), "B", colors);
  }
}

function drawMarker(context: CanvasRenderingContext2D, place: Place, { placement, position, isOffMap }: Landing, reference: Float32Array, colors: MarkColors): void {
  const center = place(position);
  if (!center) return;
  const most = Math.max(...placement.weights);
  placement.rows.forEach((row, j) => {
    const strength = placement.weights[j]! / most;
    line(context, [center, place(reference.subarray(row * 3, row * 3 + 3))], colors.ink, 0.6 + 1.2 * strength, 0.2 + 0.4 * strength);
  });
  if (isOffMap) {
    disc(context, center, 10, colors.surface);
    ring(context, center, 9, colors.accent, [3, 3]);
    return;
  }
  disc(context, center, 9.5, colors.ink);
  disc(context, center, 8, colors.surface);
  disc(context, center, 5.5, colors.accent);
}

function line(context: CanvasRenderingContext2D, points: ReadonlyArray<Point | null>, color: string, width: number, alpha: number, dash: number[] = []): void {
  context.globalAlpha = alpha;
  context.strokeStyle = color;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.beginPath();
  let isDown = false;
  for (const point of points) {
    if (point && isDown) context.lineTo(point.x, point.y);
    else if (point) context.moveTo(point.x, point.y);
    isDown = point !== null;
  }
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

function disc(context: CanvasRenderingContext2D, { x, y }: Point, radius: number, color: string): void {
  context.fillStyle = color;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

/** A hollow marker: the place is computed, and nothing is known there. */
function ring(context: CanvasRenderingContext2D, { x, y }: Point, radius: number, color: string, dash: number[]): void {
  context.strokeStyle = color;
  context.lineWidth = 2.5;
  context.setLineDash(dash);
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
  context.setLineDash([]);
}

function letter(context: CanvasRenderingContext2D, point: Point | null, text: string, { ink, surface, font }: MarkColors): void {
  if (!point) return;
  disc(context, point, 11, surface);
  disc(context, point, 9.5, ink);
  context.fillStyle = surface;
  context.font = `650 12px ${font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, point.x, point.y + 0.5);
}
