import type { Mount } from "../shared/component";
import { readRuns } from "../shared/contract";
import { augment, type AugmentationSettings, noiseField, UNCHANGED } from "./augmentation";
import { positionOf } from "./barycentric";
import type { GroundedModel } from "./grounded_model";
import { Grounding } from "./grounding";
import type { GroundingState } from "./state";

/** A handle for tests and for people at the console. Pictures are (C*H*W) in 0..1; `branch` counts from 0 in the order shown. */
export interface GroundingHandle {
  encode: (picture: ArrayLike<number>, branch?: number) => Promise<number[]>;
  decode: (latent: ArrayLike<number>, branch?: number) => Promise<number[]>;
  /** Where a latent lies on the manifold of a branch, in the coordinates of its `reference_points`. */
  project: (latent: ArrayLike<number>, branch?: number) => Promise<[x: number, y: number, z: number]>;
  sample: (index: number) => number[];
  /** What the encoders see now. */
  input: () => number[];
  augment: (picture: ArrayLike<number>, size: number, settings: Partial<AugmentationSettings>, seed?: number) => number[];
  state: () => GroundingState & { branches: BranchState[] };
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

/** Mounts the playground on the manifold. Parameters: see `readRuns`. */
export const mountGrounding: Mount = async (element, parameters) => {
  const grounding = new Grounding(readRuns(parameters));
  element.replaceChildren(grounding.element);
  const chosen = (branch = 0) => {
    const found = grounding.branches[branch];
    if (!found) throw new Error(`there is no branch ${branch}; shown are ${grounding.branches.length}`);
    return found;
  };
  const place = ({ manifold }: GroundedModel, latent: Float32Array) => positionOf(manifold.place(latent), manifold.points);
  window.accGrounding = {
    encode: async (picture, branch) => [...(await (await chosen(branch).ready).model.encode(Float32Array.from(picture)))],
    decode: async (latent, branch) => [...(await (await chosen(branch).ready).model.decode(Float32Array.from(latent)))],
    project: async (latent, branch) => place(await chosen(branch).ready, Float32Array.from(latent)),
    sample: (index) => [...(grounding.samples[index] ?? [])],
    input: () => [...(grounding.input() ?? [])],
    augment: (picture, size, settings, seed = 1) => [
      ...augment(Float32Array.from(picture), size, { ...UNCHANGED, ...settings }, noiseField(seed, picture.length)),
    ],
    state: () => ({ ...grounding.store.get(), branches: grounding.branches.map(stateOf) }),
    set: (patch) => grounding.store.set(patch),
    screenPosition: (row, branch) => {
      const stage = chosen(branch).view?.space.stage;
      if (!stage) return null;
      const places = stage.places();
      const box = stage.element.getBoundingClientRect();
      return { x: box.left + places.x[row]!, y: box.top + places.y[row]!, visible: places.visible[row] === 1 };
    },
    frameTimes: (branch) => chosen(branch).frameTimes,
    drawTimes: (branch) => chosen(branch).view?.space.stage?.frameTimes ?? [],
  };
  await grounding.start();
};

function stateOf({ run, result, view }: Grounding["branches"][number]): BranchState {
  if (!result || !view) return { run, latent: null, position: null, neighbors: [], weights: [], vote: null, drift: null, decoded: null, isOffMap: false };
  const { at, decoded } = result;
  const { manifold } = view.grounded;
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
