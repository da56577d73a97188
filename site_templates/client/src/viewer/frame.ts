import { h } from "../shared/dom";

/** The parts of the viewer, each an element. */
export interface ViewerParts {
  stage: HTMLElement;
  /** What lies above the stage, from the bottom up. */
  above: readonly HTMLElement[];
  timeline: HTMLElement;
  /** What lies below the timeline, from the top down. */
  below: readonly HTMLElement[];
  tray: HTMLElement;
  panel: HTMLElement;
  provenance: HTMLElement;
  help: HTMLElement;
}

/** Puts the parts of the viewer in their places. */
export function frameViewer({ stage, above, timeline, below, tray, panel, provenance, help }: ViewerParts): HTMLElement {
  stage.setAttribute("role", "application");
  stage.setAttribute("aria-label", "Latent space. Arrow keys move or turn, plus and minus zoom, question mark lists all keys.");
  const main = h("div", { class: "acc-viewer-main" }, h("div", { class: "acc-stage-frame" }, stage, ...above), timeline, ...below, tray);
  return h("div", { class: "acc-viewer" }, main, panel, provenance, help);
}
