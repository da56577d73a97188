import type { Autoencoder } from "../model/autoencoder";
import { type Code, latentOf, withLatent } from "../model/code";
import type { PanelView } from "./panel";
import type { BranchRow } from "./row";

/** The models of a page, for tests and for people at the console. Pictures are (C*H*W) in 0..1; `branch` counts from 0 in the order shown. */
export interface ModelHandle {
  encode: (picture: ArrayLike<number>, branch?: number) => Promise<number[]>;
  /** Decodes a latent; what else the decoder needs is that of the picture which the branch shows. */
  decode: (latent: ArrayLike<number>, branch?: number) => Promise<number[]>;
  sample: (index: number) => number[];
  branches: () => string[];
  state: () => RowState;
}

export interface RowState {
  /** Whether a branch still owes an answer to the newest question. */
  isBusy: boolean;
}

/** A view that shows what a model makes of a picture. */
export interface ModelView<Question> extends PanelView<Question> {
  /** The code that was decoded last. */
  code: Code | null;
}

/** `samples` are those of the run that was loaded first; none before. */
export function modelHandle<Question, Loaded extends { model: Autoencoder }, View extends ModelView<Question>>(
  row: BranchRow<Question, Loaded, View>,
  samples: () => readonly Float32Array[],
): ModelHandle {
  const modelOf = async (branch?: number) => (await row.at(branch).ready).model;
  return {
    encode: async (picture, branch) => [...latentOf(await (await modelOf(branch)).encode(Float32Array.from(picture)))],
    decode: async (latent, branch) => {
      const model = await modelOf(branch);
      return [...(await model.decode(withLatent(row.at(branch).view?.code ?? new Map(), Float32Array.from(latent))))];
    },
    sample: (index) => [...(samples()[index] ?? [])],
    branches: () => row.shown,
    state: () => ({ isBusy: row.busy.isBusy }),
  };
}
