import { type ModelHandle, modelHandle, type RowState } from "../branches/handle";
import type { Mount } from "../shared/component";
import { readRuns } from "../shared/contract";
import { Maps } from "../shared/maps";
import { augment, type AugmentationSettings, noiseField, UNCHANGED } from "./augmentation";
import { positionOf } from "./barycentric";
import type { GroundBranch } from "./ground_view";
import type { GroundedModel } from "./grounded_model";
import { Grounding } from "./grounding";
import type { GroundingState } from "./state";

/** A handle for tests and for people at the console. */
export interface GroundingHandle extends Omit<ModelHandle, "branches"> {
  /** Where a latent lies on the manifold of a branch, in the coordinates of its `reference_points`. */
  project: (latent: ArrayLike<number>, branch?: number) => Promise<[x: number, y: number, z: number]>;
  /** What the encoders see now. */
  input: () => number[];
  augment: (picture: ArrayLike<number>, size: number, settings: Partial<AugmentationSettings>, seed?: number) => number[];
  state: () => RowState & GroundingState & { branches: BranchState[] };
  set: (patch: Partial<GroundingState>) => void;
  /** Where reference point `row` is on the page, in CSS pixels of the window; null without WebGL. */
  screenPosition: (row: number, branch?: number) => { x: number; y: number; visible: boolean } | null;
  /** Milliseconds of the last answers of a branch: inference, projection, and what they change on the page. */
  frameTimes: (branch?: number) => readonly number[];
  /** Milliseconds that the main thread spent drawing each of the last frames. */
  drawTimes: (branch?: number) => readonly number[];
}

/** The newest answer of a branch. */
export interface BranchState {
  run: string;
  latent: number[] | null;
  /** In the coordinates of `reference_points`. */
  position: number[] | null;
  /** Neighbours as pictures of the data set, nearest first, and their weights. */
  neighbors: number[];
  weights: number[];
  vote: string | null;
  drift: number | null;
  decoded: number[] | null;
  isOffMap: boolean;
}

declare global {
  interface Window {
    accGrounding?: GroundingHandle;
  }
}

/** Mounts the playground on the manifold, a map by UMAP. Parameters: see `readRuns` and `Maps`. */
export const mountGrounding: Mount = async (element, parameters) => {
  const grounding = new Grounding(readRuns(parameters), Maps.of(parameters).wordsOf("umap").note);
  element.replaceChildren(grounding.element);
  const { row } = grounding;
  const stageOf = (branch?: number) => row.at(branch).view?.space.stage;
  const place = ({ manifold }: GroundedModel, latent: Float32Array) => positionOf(manifold.place(latent), manifold.points);
  const handle = modelHandle(row, () => grounding.samples);
  window.accGrounding = {
    ...handle,
    project: async (latent, branch) => place(await row.at(branch).ready, Float32Array.from(latent)),
    input: () => [...(grounding.input() ?? [])],
    augment: (picture, size, settings, seed = 1) => [
      ...augment(Float32Array.from(picture), size, { ...UNCHANGED, ...settings }, noiseField(seed, picture.length)),
    ],
    state: () => ({ ...handle.state(), ...grounding.store.get(), branches: row.branches.map(stateOf) }),
    set: (patch) => grounding.store.set(patch),
    screenPosition: (row, branch) => {
      const stage = stageOf(branch);
      if (!stage) return null;
      const places = stage.places();
      const box = stage.element.getBoundingClientRect();
      return { x: box.left + places.x[row]!, y: box.top + places.y[row]!, visible: places.visible[row] === 1 };
    },
    frameTimes: (branch) => row.at(branch).view?.frameTimes ?? [],
    drawTimes: (branch) => stageOf(branch)?.frameTimes ?? [],
  };
  await grounding.start();
};

function stateOf({ run, view }: GroundBranch): BranchState {
  if (!view?.result) return { run, latent: null, position: null, neighbors: [], weights: [], vote: null, drift: null, decoded: null, isOffMap: false };
  const { result, grounded } = view;
  const { at, decoded } = result;
  const { manifold } = grounded;
  return {
    run,
    latent: [...at.latent],
    position: positionOf(at.placement, manifold.points),
    neighbors: Array.from(at.placement.rows, (row) => manifold.indices[row]!),
    weights: [...at.placement.weights],
    vote: manifold.classes.names[at.votes.best] ?? null,
    drift: result.kind === "step" ? result.drift : null,
    decoded: [...decoded],
    isOffMap: at.isOffMap,
  };
}
