import { h, iconButton } from "../shared/dom";
import type { Pictures } from "../shared/pictures";
import { listenToGestures, PICK_REACH } from "./gestures";
import { cameraKeys, listenToKeys } from "./keys";
import { Navigation } from "./navigation";
import { NoWebGlError, Stage } from "./stage";
import type { Camera, Dimensions } from "./state";

const PICTURE = 56; // CSS pixels, on the card beside the cursor

/** What a stage shows and tells that is a part of something else than the viewer; a row is that of a point. */
export interface SmallStageParts {
  dimensions: Dimensions;
  /** Its name for screen readers, with its keys. */
  label: string;
  /** The camera that shows all of it, and the key that does. */
  home: () => Camera;
  homeKey?: string;
  /** The row at a place of the stage, within a reach. */
  pick: (x: number, y: number, reach: number) => number | null;
  /** Hears of the row that was clicked or tapped. */
  onPick: (row: number) => void;
  /** The card beside the point that the cursor is on: a picture and two lines. */
  card: (row: number) => { pictures: Pictures; tile: number; lines: readonly [string, string] };
}

/** A stage; null where the browser cannot draw. */
export function createStage(): Stage | null {
  try {
    return new Stage();
  } catch (error) {
    if (error instanceof NoWebGlError) return null;
    throw error;
  }
}

/** Gives a stage buttons, gestures and keys for its camera, and a card beside the cursor; `fit` shows all of it at once. */
export function frameStage(stage: Stage, parts: SmallStageParts): { element: HTMLElement; fit: () => void } {
  const { dimensions, label, home, homeKey, pick, onPick, card } = parts;
  let isMoved = false; // by hand; until then the camera fits what is shown
  const tip = h("div", { class: "acc-hover-card", hidden: true });
  const navigation = new Navigation(stage, () => dimensions, () => (isMoved = true));
  const showAll = () => {
    isMoved = false;
    navigation.show(home());
  };
  const hover = (row: number | null, x: number, y: number) => {
    stage.element.classList.toggle("acc-over-point", row !== null);
    tip.hidden = row === null;
    if (row !== null) {
      const { pictures, tile, lines } = card(row); // anew, as what is told of a point may have changed
      const picture = h("span", {});
      pictures.show(picture, tile, PICTURE);
      tip.replaceChildren(picture, h("span", { class: "acc-tip-text" }, h("strong", {}, lines[0]), h("br"), lines[1]));
      const left = x + 16 + tip.offsetWidth > stage.width ? x - 16 - tip.offsetWidth : x + 16;
      const top = Math.min(stage.height - tip.offsetHeight - 4, Math.max(4, y - 30));
      tip.style.transform = `translate(${Math.round(Math.max(4, left))}px, ${Math.round(top)}px)`;
    }
    if (stage.overlay.hover === row) return;
    stage.overlay.hover = row;
    stage.refresh();
  };
  stage.element.setAttribute("role", "application");
  stage.element.setAttribute("aria-label", label);
  stage.onResize = () => {
    if (!isMoved) stage.camera.set(home());
  };
  listenToKeys(stage.element, { ...cameraKeys(navigation), ...(homeKey && { [homeKey]: showAll }) });
  listenToGestures(stage.element, {
    tool: () => "move",
    pan: (dx, dy) => navigation.pan(dx, dy),
    drag: (dx, dy) => navigation.drag(dx, dy),
    zoom: (factor, x, y) => navigation.zoom(factor, x, y),
    hover: (x, y) => hover(pick(x, y, PICK_REACH.mouse), x, y),
    leave: () => hover(null, 0, 0),
    click: (x, y, touch) => {
      const row = pick(x, y, touch ? PICK_REACH.touch : PICK_REACH.mouse);
      if (row !== null) onPick(row);
    },
    doubleClick: () => {},
    path: () => {},
    select: () => {},
  });
  const tools = h(
    "div",
    { class: "acc-toolbar" },
    iconButton("plus", "Closer", () => navigation.zoom(1.4)),
    iconButton("minus", "Farther", () => navigation.zoom(1 / 1.4)),
    iconButton("home", "Show all of it", showAll),
  );
  const fit = () => {
    isMoved = false;
    hover(null, 0, 0);
    stage.camera.set(home());
  };
  return { element: h("div", { class: "acc-stage-frame" }, stage.element, tools, tip), fit };
}
