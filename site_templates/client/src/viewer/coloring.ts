import { classColor, outcomeColor, parseHex, type Theme } from "../shared/palette";
import { colorByValue, rangeOf, type Scale } from "../shared/scale";
import { EMPHASIS } from "./emphasis";
import type { RunData } from "./run_data";
import type { ViewerState } from "./state";

const NO_CLASS = [128, 128, 128] as const;

/** The classes of a class colouring: what the legend lists and the filter hides. */
export interface Classes {
  id: string;
  names: readonly string[];
  counts: readonly number[];
  color: (index: number, theme: Theme) => string;
  /** Class of each point (N,). */
  of: ArrayLike<number>;
}

/** The classes of colouring `id`, or null where it is continuous or not in the data. */
export function classesOf(run: RunData, id: string): Classes | null {
  if (!run.colorings.some((coloring) => coloring.id === id && coloring.kind === "class")) return null;
  if (id === "outcome") {
    const labels = run.values("label");
    const predictions = run.values("prediction");
    const of = Uint8Array.from(labels, (label, i) => (label === predictions[i] ? 0 : 1));
    return { id, names: ["Right", "Wrong"], counts: countsOf(of, 2), color: (i, theme) => outcomeColor(i === 0, theme), of };
  }
  const of = run.values(id);
  const known = run.colorings.find((coloring) => coloring.id === id)?.classes ?? run.dataset.classes;
  let highest = (known?.length ?? 1) - 1;
  for (let i = 0; i < of.length; i++) highest = Math.max(highest, of[i]!);
  const names = Array.from({ length: highest + 1 }, (_, i) => known?.[i] ?? String(i));
  return { id, names, counts: countsOf(of, names.length), color: classColor, of };
}

/** The ramp and the range of colouring `id`. */
export function scaleOf(run: RunData, id: string): Scale {
  return { ramp: id.startsWith("factor:") ? "viridis" : "cividis", ...rangeOf(run.values(id)) };
}

/** The points that the legend filters out (N,): 1 where hidden. */
export function hiddenPoints(run: RunData, state: ViewerState): Uint8Array {
  const hidden = new Uint8Array(run.count);
  const classes = state.hidden.length > 0 ? classesOf(run, state.filterBy) : null;
  if (!classes) return hidden;
  const closed = new Set(state.hidden);
  for (let i = 0; i < run.count; i++) if (closed.has(classes.of[i]!)) hidden[i] = 1;
  return hidden;
}

/**
 * Colour and emphasis of every point (N, 4). `strong` are the focus and its neighbours; while there are some, or a
 * selection, all others recede.
 */
export function tintsOf(run: RunData, state: ViewerState, theme: Theme, strong: ReadonlySet<number>): Uint8Array {
  const tints = new Uint8Array(run.count * 4);
  const classes = classesOf(run, state.color);
  if (classes) {
    const colors = classes.names.map((_, i) => parseHex(classes.color(i, theme)));
    for (let i = 0, at = 0; i < run.count; i++, at += 4) {
      const color = colors[classes.of[i]!] ?? NO_CLASS;
      tints[at] = color[0];
      tints[at + 1] = color[1];
      tints[at + 2] = color[2];
    }
  } else {
    colorByValue(tints, run.values(state.color), scaleOf(run, state.color), theme);
  }
  const hidden = hiddenPoints(run, state);
  const recede = strong.size > 0 || state.selection.length > 0 ? EMPHASIS.faded : EMPHASIS.normal;
  const others = state.only ? EMPHASIS.hidden : recede;
  for (let i = 0; i < run.count; i++) tints[i * 4 + 3] = hidden[i] ? EMPHASIS.hidden : others;
  for (const i of state.selection) if (!hidden[i]) tints[i * 4 + 3] = EMPHASIS.normal;
  for (const i of strong) if (!state.only || tints[i * 4 + 3] !== EMPHASIS.hidden) tints[i * 4 + 3] = EMPHASIS.strong;
  return tints;
}

function countsOf(values: ArrayLike<number>, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (let i = 0; i < values.length; i++) if (values[i]! >= 0 && values[i]! < classes) counts[values[i]!]!++;
  return counts;
}
