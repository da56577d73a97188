import { h, iconButton } from "../shared/dom";
import { parseHex } from "../shared/palette";
import { readPageColors } from "../shared/theme";
import { EMPHASIS } from "../viewer/cloud";
import { listenToGestures, PICK_REACH } from "../viewer/gestures";
import { cameraKeys, listenToKeys } from "../viewer/keys";
import { Navigation } from "../viewer/navigation";
import { NoWebGlError, Stage } from "../viewer/stage";
import type { Landing, Path } from "./grounded_model";
import type { Manifold } from "./manifold";
import { drawMarks, type Marks } from "./marks";

const TRAIL = 60; // places

/** The map of one branch in three dimensions, with the marker on it. Without WebGL it is a message, and the rest goes on. */
export class Space {
  readonly element: HTMLElement;
  /** Null where the browser cannot draw. */
  readonly stage: Stage | null;
  private readonly tip = h("div", { class: "acc-hover-card", hidden: true });
  private readonly tints: Uint8Array;
  private marks: Marks = { at: null, trail: [], path: null };

  /** `onPick` hears of the row that was clicked or tapped. */
  constructor(
    private readonly manifold: Manifold,
    name: string,
    private readonly onPick: (row: number) => void,
  ) {
    this.tints = new Uint8Array(manifold.indices.length * 4);
    this.stage = createStage();
    if (!this.stage) {
      this.element = h("div", { class: "acc-stage-frame acc-no-space" }, h("p", { class: "acc-hint", role: "alert" }, new NoWebGlError().message, " Encoding and neighbours work without it."));
      return;
    }
    const { stage } = this;
    let isMoved = false; // by hand; until then the camera fits the cloud
    const navigation = new Navigation(stage, () => 3, () => (isMoved = true));
    const home = () => {
      isMoved = false;
      navigation.show(null);
    };
    stage.element.setAttribute("role", "application");
    stage.element.setAttribute("aria-label", `Manifold of ${name} in three dimensions. Arrow keys turn, plus and minus zoom, zero shows all of it.`);
    const tools = h(
      "div",
      { class: "acc-toolbar" },
      iconButton("plus", "Closer", () => navigation.zoom(1.4)),
      iconButton("minus", "Farther", () => navigation.zoom(1 / 1.4)),
      iconButton("home", "Show all of it", home),
    );
    this.element = h("div", { class: "acc-stage-frame" }, stage.element, tools, this.tip);
    stage.cloud.setPictures(manifold.drawn.atlas, manifold.indices.length, stage.maxTexture(), manifold.drawn.tiles);
    stage.cloud.setBlend({ from: manifold.shown, to: manifold.shown, mix: 0 });
    stage.setPositions(() => manifold.shown);
    stage.annotate = (context, place) => drawMarks(context, place, this.marks, manifold.shown, stage.overlay);
    stage.onResize = () => {
      if (!isMoved) navigation.refit();
    };
    this.applyColors();
    this.listen(stage, navigation);
    listenToKeys(stage.element, { ...cameraKeys(navigation), "0": home });
  }

  /** Moves the marker; the neighbours of its latent are shown as pictures. */
  show(at: Landing | null, path: Path | null): void {
    const moved = at && this.marks.at ? [...this.marks.trail, at.position].slice(-TRAIL) : at ? [at.position] : [];
    this.marks = { at, path, trail: path ? [] : moved };
    this.applyTints();
  }

  /** Forgets where the marker was: the next picture has nothing to do with the last one. */
  forgetTrail(): void {
    this.marks = { ...this.marks, at: null, trail: [] };
  }

  /** Takes the colours of the page as they are now. */
  applyColors(): void {
    const { stage, manifold } = this;
    if (!stage) return;
    const colors = readPageColors();
    const { classes, spacing, typical } = manifold;
    const ofClass = classes.names.map((_, c) => parseHex(classes.color(c, colors.theme)));
    for (let row = 0; row < manifold.indices.length; row++) this.tints.set(ofClass[classes.of[row]!]!, row * 4);
    stage.setColors(colors);
    stage.cloud.setLook({ marks: "auto", size: 1, dimensions: 3, surface: colors.surface, spacing });
    stage.overlay.labels = typical.map((index, c) => ({ index, name: classes.names[c]! })).filter(({ index }) => index >= 0);
    this.applyTints();
  }

  dispose(): void {
    this.stage?.dispose();
  }

  private applyTints(): void {
    const { at } = this.marks;
    for (let i = 3; i < this.tints.length; i += 4) this.tints[i] = EMPHASIS.normal;
    for (const row of at?.placement.rows ?? []) this.tints[row * 4 + 3] = EMPHASIS.strong;
    this.stage?.setTints(this.tints, at?.placement.rows[0] ?? null);
  }

  private listen(stage: Stage, navigation: Navigation): void {
    listenToGestures(stage.element, {
      tool: () => "move",
      pan: (dx, dy) => navigation.pan(dx, dy),
      drag: (dx, dy) => navigation.drag(dx, dy),
      zoom: (factor, x, y) => navigation.zoom(factor, x, y),
      hover: (x, y) => this.hover(stage, stage.pick(x, y, PICK_REACH.mouse), x, y),
      leave: () => this.hover(stage, null, 0, 0),
      click: (x, y, touch) => {
        const row = stage.pick(x, y, touch ? PICK_REACH.touch : PICK_REACH.mouse);
        if (row !== null) this.onPick(row);
      },
      doubleClick: () => {},
      path: () => {},
      select: () => {},
    });
  }

  private hover(stage: Stage, row: number | null, x: number, y: number): void {
    stage.element.classList.toggle("acc-over-point", row !== null);
    this.tip.hidden = row === null;
    if (row !== null && stage.overlay.hover !== row) {
      const { pictures, indices, classes } = this.manifold;
      const picture = h("span", {});
      pictures.show(picture, indices[row]!, 56);
      this.tip.replaceChildren(picture, h("span", { class: "acc-tip-text" }, h("strong", {}, classes.names[classes.of[row]!]!), h("br"), pictures.nameOf(indices[row]!)));
    }
    if (row !== null) {
      const left = x + 16 + this.tip.offsetWidth > stage.width ? x - 16 - this.tip.offsetWidth : x + 16;
      const top = Math.min(stage.height - this.tip.offsetHeight - 4, Math.max(4, y - 30));
      this.tip.style.transform = `translate(${Math.round(Math.max(4, left))}px, ${Math.round(top)}px)`;
    }
    if (stage.overlay.hover === row) return;
    stage.overlay.hover = row;
    stage.refresh();
  }
}

function createStage(): Stage | null {
  try {
    return new Stage();
  } catch (error) {
    if (error instanceof NoWebGlError) return null;
    throw error;
  }
}
