import { h } from "../shared/dom";
import { parseHex } from "../shared/palette";
import { readPageColors } from "../shared/theme";
import { EMPHASIS } from "../viewer/emphasis";
import { createStage, frameStage } from "../viewer/small_stage";
import { NoWebGlError, type Stage } from "../viewer/stage";
import type { Landing, Path } from "./grounded_model";
import type { Manifold } from "./manifold";
import { drawMarks, type Marks } from "./marks";

const TRAIL = 60; // places

/** The map of one branch in three dimensions, with the marker on it. Without WebGL it is a message, and the rest goes on. */
export class Space {
  readonly element: HTMLElement;
  /** Null where the browser cannot draw. */
  readonly stage: Stage | null;
  private readonly tints: Uint8Array;
  private marks: Marks = { at: null, trail: [], path: null };

  /** `onPick` hears of the row that was clicked or tapped. */
  constructor(
    private readonly manifold: Manifold,
    name: string,
    onPick: (row: number) => void,
  ) {
    this.tints = new Uint8Array(manifold.indices.length * 4);
    this.stage = createStage();
    if (!this.stage) {
      this.element = h("div", { class: "acc-stage-frame acc-no-space" }, h("p", { class: "acc-hint", role: "alert" }, new NoWebGlError().message, " Encoding and neighbours work without it."));
      return;
    }
    const { stage } = this;
    const { pictures, indices, classes } = manifold;
    const { element } = frameStage(stage, {
      dimensions: 3,
      label: `Manifold of ${name} in three dimensions. Arrow keys turn, plus and minus zoom, zero shows all of it.`,
      home: () => stage.camera.home(3),
      homeKey: "0",
      pick: (x, y, reach) => stage.pick(x, y, reach),
      onPick,
      card: (row) => ({ pictures, tile: indices[row]!, lines: [classes.names[classes.of[row]!]!, pictures.nameOf(indices[row]!)] }),
    });
    this.element = element;
    stage.cloud.setPoints(manifold.indices.length, manifold.drawn.tiles);
    stage.cloud.setPictures(manifold.drawn.atlas, stage.maxTexture());
    stage.cloud.setBlend({ from: manifold.shown, to: manifold.shown, mix: 0 });
    stage.annotate = (context, place) => drawMarks(context, place, this.marks, manifold.shown, stage.overlay);
    this.applyColors();
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
}
