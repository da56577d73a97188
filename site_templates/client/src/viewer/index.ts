import { readRuns } from "../shared/contract";
import type { Mount } from "../shared/component";
import { h } from "../shared/dom";
import { Maps } from "../shared/maps";
import { bringSnapshot, loadProjection, loadRun } from "./run_data";
import { initialState } from "./start_state";
import { decodeState, type ViewerState } from "./state";
import { LatentViewer } from "./viewer";

/** A handle for tests and for people at the console. */
export interface ViewerHandle {
  count: number;
  /** `isBusy` while what is asked for is loading. */
  state: () => ViewerState & { isBusy: boolean };
  set: (patch: Partial<ViewerState>) => void;
  /** Where point `index` is on the page, in CSS pixels of the window. */
  screenPosition: (index: number) => { x: number; y: number; visible: boolean };
  /** The class names on the stage, each with the point that it stands at. */
  classNames: () => ReadonlyArray<{ index: number; name: string }>;
  /** Edges as they are drawn: in full up to `reach`, then fading. */
  edges: () => ReadonlyArray<{ from: number; to: number; reach: number }>;
  /** How many points are drawn as things stand now: of many, fewer while they move. */
  drawn: () => number;
  /** Milliseconds that the main thread spent in each of the last frames. */
  frameTimes: readonly number[];
}

declare global {
  interface Window {
    accViewer?: ViewerHandle;
  }
}

/** Mounts the latent viewer. Parameters: see `readRuns` and `Maps`. */
export const mountLatentViewer: Mount = async (element, parameters) => {
  const runs = readRuns(parameters);
  const maps = Maps.of(parameters);
  element.replaceChildren(h("p", { class: "acc-loading", role: "status" }, "Loading the latent space…"));
  const asked = new URLSearchParams(window.location.hash.slice(1)).get("run");
  const first = runs.find(({ key }) => key === asked) ?? runs[0]!;
  const [kind] = maps.ofRun(first.key);
  const [run, projection] = await Promise.all([loadRun(first.key), kind && loadProjection(first.key, kind)]); // side by side
  if (!projection) throw new Error(`no projection of ${run.meta.node} has been built; run: acc build ${run.meta.recipe}`);
  const start = initialState(run, projection);
  const wanted = decodeState(window.location.hash);
  if (Object.keys(wanted).length > 0) await bringSnapshot(run, projection, wanted.step ?? start.step);
  const viewer = new LatentViewer(runs, maps, { ...start, run: runs[0]!.key }, start, { run: run.at(start.step), projection, neighbors: null });
  element.replaceChildren(viewer.element);
  window.accViewer = {
    get count() {
      return viewer.count;
    },
    state: () => ({ ...viewer.store.get(), isBusy: viewer.busy.isBusy }),
    set: (patch) => viewer.store.set(patch),
    screenPosition: (index) => {
      const { x, y, isVisible } = viewer.stage.placed(index);
      const box = viewer.stage.element.getBoundingClientRect();
      return { x: box.left + x, y: box.top + y, visible: isVisible };
    },
    classNames: () => viewer.stage.overlay.labels,
    edges: () => viewer.stage.overlay.edges,
    drawn: () => viewer.stage.drawnPoints,
    frameTimes: viewer.stage.frameTimes,
  };
};
