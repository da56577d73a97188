import { type ModelHandle, modelHandle } from "../branches/handle";
import type { Mount } from "../shared/component";
import { readRuns } from "../shared/contract";
import { Playground } from "./playground";

declare global {
  interface Window {
    accPlayground?: ModelHandle;
  }
}

/** Mounts the playground. Parameters: see `readRuns`. */
export const mountPlayground: Mount = async (element, parameters) => {
  const playground = new Playground(readRuns(parameters));
  element.replaceChildren(playground.element);
  window.accPlayground = modelHandle(playground.row, () => playground.samples);
  await playground.start();
};
