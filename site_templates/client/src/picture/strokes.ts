/** Pen strokes as numbers, and as text for an address. */

import type { PenRule } from "../shared/contract";

export type Point = readonly [x: number, y: number];
/** Points of a stroke, in parts of the drawing area, of a pen or of an eraser. */
export interface Stroke {
  points: readonly Point[];
  erases: boolean;
}

const GRID = 35; // places along a side, one letter each in an address: 0-9, a-y
const NEAR = 1 / GRID; // points nearer than this to the last one are left out
const ERASER = 1.8; // width over that of the pen
const LONGEST = 1500; // characters; some programs cut addresses after 2,000

/** The nearest place of the grid on which strokes are kept, so that an address holds exactly what was drawn. */
function snapped([x, y]: Point): Point {
  const snap = (value: number) => Math.min(GRID * GRID - 1, Math.max(0, Math.round(value * (GRID * GRID - 1)))) / (GRID * GRID - 1);
  return [snap(x), snap(y)];
}

/** The stroke with one point more; the same stroke where the point is too near to the last one to tell. */
export function extended(stroke: Stroke, point: Point): Stroke {
  const last = stroke.points.at(-1);
  const next = snapped(point);
  return last && Math.hypot(next[0] - last[0], next[1] - last[1]) < NEAR ? stroke : { ...stroke, points: [...stroke.points, next] };
}

/** Strokes as text: four letters a point, `-` before an eraser's, a dot between strokes; empty where it is too long for an address. */
export function encodeStrokes(strokes: readonly Stroke[]): string {
  const letters = (value: number) => {
    const place = Math.round(value * (GRID * GRID - 1));
    return Math.floor(place / GRID).toString(36) + (place % GRID).toString(36);
  };
  const text = strokes.map(({ points, erases }) => (erases ? "-" : "") + points.map(([x, y]) => letters(x) + letters(y)).join("")).join(".");
  return text.length > LONGEST ? "" : text;
}

/** The strokes of a text that `encodeStrokes` wrote; none where it makes no sense. */
export function decodeStrokes(text: string): Stroke[] {
  if (!/^-?(?:[0-9a-y]{4})+(?:\.-?(?:[0-9a-y]{4})+)*$/.test(text)) return [];
  const value = (letters: string) => (Number.parseInt(letters[0]!, 36) * GRID + Number.parseInt(letters[1]!, 36)) / (GRID * GRID - 1);
  const pointOf = (letters: string): Point => [value(letters.slice(0, 2)), value(letters.slice(2))];
  return text.split(".").map((stroke) => ({ points: stroke.match(/[^-]{4}/g)!.map(pointOf), erases: stroke.startsWith("-") }));
}

/** The strokes fitted into the box of a rule, in parts of its field; the pen's width lies inside the box. */
export function fitStrokes(strokes: readonly Stroke[], { field, box, pen, stretch }: PenRule): Stroke[] {
  const points = strokes.flatMap((stroke) => (stroke.erases ? [] : stroke.points));
  const span = (axis: 0 | 1) => points.reduce(([low, high], point) => [Math.min(low, point[axis]), Math.max(high, point[axis])] as const, [1, 0] as const);
  const [[left, right], [top, bottom]] = [span(0), span(1)];
  const room = (length: number, axis: 0 | 1) => (box[axis] - pen) / field / Math.max(length, 1e-6);
  let [scaleX, scaleY] = [room(right - left, 0), room(bottom - top, 1)];
  if (stretch === null) scaleX = scaleY = Math.min(scaleX, scaleY);
  else [scaleX, scaleY] = [Math.min(scaleX, stretch * scaleY), Math.min(scaleY, stretch * scaleX)];
  const [x0, y0] = [(left + right) / 2, (top + bottom) / 2];
  const fitted = ([x, y]: Point): Point => [(x - x0) * scaleX + 0.5, (y - y0) * scaleY + 0.5];
  return strokes.map(({ points, erases }) => ({ points: points.map(fitted), erases }));
}

/**
 * Paints strokes white, and an eraser's black, on black or on a picture, as smooth curves through the middles of their
 * points, so that fast ones have no corners.
 */
export function paintStrokes(context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D, strokes: readonly Stroke[], pen: number, below: OffscreenCanvas | null = null): void {
  const { width, height } = context.canvas;
  const at = ([x, y]: Point) => [x * width, y * height] as const;
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingEnabled = false;
  if (below) context.drawImage(below, 0, 0, width, height);
  context.lineCap = "round";
  context.lineJoin = "round";
  for (const { points, erases } of strokes) {
    context.strokeStyle = erases ? "#000" : "#fff";
    context.lineWidth = (erases ? ERASER : 1) * pen * width;
    context.beginPath();
    context.moveTo(...at(points[0]!));
    for (let i = 1; i < points.length; i++) {
      const [x0, y0] = at(points[i - 1]!);
      const [x1, y1] = at(points[i]!);
      context.quadraticCurveTo(x0, y0, (x0 + x1) / 2, (y0 + y1) / 2);
    }
    context.lineTo(...at(points.at(-1)!));
    context.stroke();
  }
}
