import type { Classes } from "./coloring";
import type { Placed } from "./overlay";

const SAMPLE = 300; // points of a class that are looked at
const WIDTH = 0.08; // of the kernel, in radii of the cloud

/**
 * For each class the point in its densest part (by a Gaussian kernel over a sample of its points), -1 where it has none.
 * A name that hangs on a real point moves with it, through snapshots and turns.
 */
export function densestPoints(classes: Classes, positions: Float32Array): number[] {
  const members: number[][] = classes.names.map(() => []);
  const every = classes.counts.map((count) => Math.max(1, Math.floor(count / SAMPLE)));
  const seen = classes.names.map(() => 0);
  for (let i = 0; i < classes.of.length; i++) {
    const c = classes.of[i]!;
    if (members[c] && seen[c]!++ % every[c]! === 0) members[c].push(i);
  }
  return members.map((indices) => {
    let best = -1;
    let most = -1;
    for (const i of indices) {
      let density = 0;
      for (const j of indices) density += Math.exp(-squaredDistance(positions, i, j) / (2 * WIDTH * WIDTH));
      if (density > most) [best, most] = [i, density];
    }
    return best;
  });
}

/** The names of the classes that are not `hidden`, each at its point in the densest part. */
export function classLabels(classes: Classes, positions: Float32Array, hidden: readonly number[]): Array<{ index: number; name: string }> {
  return densestPoints(classes, positions)
    .map((index, c) => ({ index, name: classes.names[c]! }))
    .filter(({ index }, c) => index >= 0 && !hidden.includes(c));
}

/** Writes the names of classes at their points, with a halo of the background. */
export function drawClassLabels(
  context: CanvasRenderingContext2D,
  placed: (index: number) => Placed,
  labels: ReadonlyArray<{ index: number; name: string }>,
  colors: { ink: string; surface: string; font: string },
): void {
  context.font = `650 15px ${colors.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = colors.surface;
  context.fillStyle = colors.ink;
  for (const { index, name } of labels) {
    const { x, y, isVisible } = placed(index);
    if (!isVisible) continue;
    context.strokeText(name, x, y);
    context.fillText(name, x, y);
  }
}

function squaredDistance(positions: Float32Array, i: number, j: number): number {
  let sum = 0;
  for (let d = 0; d < 3; d++) sum += (positions[i * 3 + d]! - positions[j * 3 + d]!) ** 2;
  return sum;
}
