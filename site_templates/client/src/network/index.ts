import type { RowState } from "../branches/handle";
import type { Mount } from "../shared/component";
import { readRuns } from "../shared/contract";
import { Inspector } from "./inspector";
import type { NetworkState } from "./state";
import type { ConvolutionStep } from "./step";

/** A handle for tests and for people at the console; `branch` counts from 0 in the order shown. */
export interface NetworkHandle {
  state: () => RowState & NetworkState;
  set: (patch: Partial<NetworkState>) => void;
  /** The fragment of the address that shows this view. */
  fragment: () => string;
  /** The runs that are shown, and of each what it looks at; null while it loads, or where it lacks the layer. */
  branches: () => Array<{ run: string; look: ShownLook | null }>;
}

export interface ShownLook {
  layer: string;
  channel: number;
  at: readonly [x: number, y: number];
  example: number;
  /** Whether what is shown is of the reader's drawing, in place of the example. */
  isDrawn: boolean;
  step: number;
  convolution: ConvolutionStep | null;
  /** The chosen channel's map (h*w), or the entry of a vector. */
  values: number[];
}

declare global {
  interface Window {
    accNetwork?: NetworkHandle;
  }
}

/** Mounts the network inspector. Parameters: see `readRuns`; `needs`: the data keys that the page has. */
export const mountNetwork: Mount = async (element, parameters) => {
  const keys = new Set(typeof parameters.needs === "string" ? parameters.needs.split(" ") : []);
  const inspector = new Inspector(readRuns(parameters), (key) => keys.has(key));
  element.replaceChildren(inspector.element);
  window.accNetwork = {
    state: () => ({ isBusy: inspector.row.busy.isBusy, ...inspector.store.get() }),
    set: (patch) => inspector.store.set(patch),
    fragment: () => inspector.address.shown(),
    branches: () =>
      inspector.row.branches.map(({ run, view }) => {
        const look = view?.look;
        if (!view || !look) return { run, look: null };
        const { snapshot, layer, channel, at, example } = look;
        const values = [...snapshot.values(layer, example, channel)];
        return { run, look: { layer: layer.name, channel, at, example, isDrawn: snapshot.isDrawn, step: snapshot.step, convolution: view.step, values } };
      }),
  };
  await inspector.start();
};
