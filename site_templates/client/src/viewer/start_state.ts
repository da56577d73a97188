import type { Maps } from "../shared/maps";
import { classesOf } from "./coloring";
import type { Projection, RunData } from "./run_data";
import type { ViewerState } from "./state";

/** What the viewer shows at first: the final snapshot, coloured by label. */
export function initialState(run: RunData, { kind, steps }: Projection): ViewerState {
  return {
    run: run.key,
    ...kind,
    step: steps[steps.length - 1]!,
    color: "label",
    marks: "auto",
    size: 1,
    filterBy: "label",
    hidden: [],
    focus: null,
    selection: [],
    only: false,
    ground: "",
    opacity: 0.7,
    edges: "top",
    extent: 1,
    part: null,
    camera: null,
  };
}

/** Leaves out the parts of a state that `run` does not have: it may come from an old link or another run. */
export function validFor(run: RunData, maps: Maps, state: Partial<ViewerState>): Partial<ViewerState> {
  const out = { ...state };
  if (!maps.ofRun(run.key).some(({ method }) => method === out.method)) delete out.method;
  if (out.color && !run.colorings.some(({ id }) => id === out.color)) delete out.color;
  if (out.filterBy && !classesOf(run, out.filterBy)) delete out.filterBy;
  if (out.focus != null && out.focus >= run.count) delete out.focus;
  if (out.ground && !hasGround(run, maps, out.ground)) delete out.ground;
  if (out.step !== undefined) out.step = Math.min(run.meta.steps.at(-1) ?? out.step, Math.max(run.meta.steps[0] ?? 0, out.step));
  if (out.selection) out.selection = out.selection.filter((index) => index < run.count);
  if (out.only && !out.selection?.length) delete out.only;
  return out;
}

/** Whether some 2-D map of a run has such a ground; which sources a density has is known when it is there. */
function hasGround(run: RunData, maps: Maps, ground: string): boolean {
  return maps.ofRun(run.key).some(({ method }) => maps.has(run.key, `${ground.split(":")[0]}-${method}`));
}
