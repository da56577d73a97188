import type { Mount } from "../shared/component";
import { readRuns } from "../shared/contract";
import { h } from "../shared/dom";
import { Labelling } from "./labelling";

/** A handle for tests and for people at the console. */
export interface LabellingHandle {
  /** What is looked at, and what is said so far by this person. */
  state: () => { run: string; rule: string; image: number | null; order: readonly number[]; said: Record<number, string>; unsaved: number };
  /** Where an image of the pool is on the page, in CSS pixels of the window. */
  placeOf: (image: number) => { x: number; y: number } | null;
}

declare global {
  interface Window {
    accLabelling?: LabellingHandle;
  }
}

/** Mounts the labelling page. Parameters: see `readRuns`. */
export const mountLabelling: Mount = async (element, parameters) => {
  const runs = readRuns(parameters);
  element.replaceChildren(h("p", { class: "acc-loading", role: "status" }, "Loading the queue…"));
  const labelling = new Labelling(runs);
  await labelling.start();
  element.replaceChildren(labelling.element);
  window.accLabelling = { state: () => labelling.state(), placeOf: (image) => labelling.map.placeOf(image) };
};
