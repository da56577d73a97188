import type { Store } from "../shared/store";
import { cameraAround, evenSample, neighborhood } from "./focus_set";
import type { Layout } from "./layout";
import type { Shown } from "./run_data";
import type { Stage } from "./stage";
import type { ViewerState } from "./state";

export type PointSet = "selection" | "neighborhood" | "sample";

/** The points that the reader chooses, and those that are shown alone. */
export class PointSets {
  constructor(
    private readonly store: Store<ViewerState>,
    private readonly stage: Stage,
    private readonly layout: Layout,
    private readonly shown: () => Shown,
  ) {}

  /** Shows some points alone, as near as they allow; null shows all again. */
  showOnly(set: PointSet | null): void {
    const { focus, selection, dimensions } = this.store.get();
    const { neighbors, run } = this.shown();
    if (set === null) {
      this.store.set({ only: false, camera: null });
      return;
    }
    const around = neighbors && focus !== null ? neighborhood(neighbors, focus) : [];
    const chosen = { selection, neighborhood: around, sample: evenSample(run.count) }[set];
    if (chosen.length === 0) return;
    const home = { ...this.stage.camera.home(dimensions) };
    const camera = cameraAround(chosen, this.layout.positions(), home);
    this.store.set({ selection: chosen, only: true, hidden: [], focus: focus !== null && chosen.includes(focus) ? focus : null, camera });
  }

  /** From all points to the neighbourhood of the focus or the selection, or back. */
  toggleOnly(): void {
    const { only, focus, selection } = this.store.get();
    this.showOnly(only ? null : focus !== null ? "neighborhood" : selection.length > 0 ? "selection" : "sample");
  }

  /** Chooses the points inside a path on the stage, in place of those that are chosen or beside them. */
  select(path: readonly number[], add: boolean): void {
    const found = this.stage.inside(path);
    const all = add ? [...new Set([...this.store.get().selection, ...found])].sort((a, b) => a - b) : found;
    this.store.set({ selection: all, focus: null, ...(all.length === 0 ? { only: false } : {}) });
  }
}
