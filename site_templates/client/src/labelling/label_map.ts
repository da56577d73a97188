import { h } from "../shared/dom";
import { count, number } from "../shared/format";
import { colorBar, colorByValue, rangeOf, type Scale } from "../shared/scale";
import { onThemeChange, readPageColors } from "../shared/theme";
import { EMPHASIS } from "../viewer/emphasis";
import { createStage, frameStage } from "../viewer/small_stage";
import { NoWebGlError, type Stage } from "../viewer/stage";
import type { Camera } from "../viewer/state";
import type { Asked, Rule } from "./asked";

const [CALLOUT, FRAME, RING, LEASH] = [44, 2.5, 9, 14]; // CSS pixels: the picture beside the point, its frame, and between

/** Where the pool lies on the map, coloured by the scores of a rule; the images still to label are outlined. */
export class LabelMap {
  readonly element: HTMLElement;
  private readonly stage: Stage | null;
  private readonly bar = h("div");
  private readonly note = h("p", { class: "acc-hint" });
  private fit = () => {}; // shows all of the map
  private asked: Asked | null = null;
  private rule: Rule | null = null;
  private images: readonly number[] = []; // of the pool
  private tints = new Uint8Array();
  private open: readonly number[] = []; // images of the queue that are still to label
  private current: number | null = null;

  /** `onPick` hears of the image of the queue that was clicked or tapped. */
  constructor(onPick: (image: number) => void) {
    this.stage = createStage();
    this.element = h("section", { class: "acc-label-map", "aria-label": "Where the queue lies" }, this.bar, this.note);
    onThemeChange(() => {
      this.paint();
      this.emphasize();
    });
    if (!this.stage) {
      const why = h("p", { class: "acc-hint acc-label-no-map", role: "alert" }, new NoWebGlError().message, " Labelling works without it.");
      this.element.prepend(h("div", { class: "acc-stage-frame" }, why));
      return;
    }
    const { stage } = this;
    const { element, fit } = frameStage(stage, {
      dimensions: 2,
      label: "Map of the latents. Arrow keys move it, plus and minus zoom. The list of images holds the same queue.",
      home: () => this.wholeMap(stage),
      pick: (x, y, reach) => this.pick(stage, x, y, reach),
      onPick: (row) => onPick(this.images[row]!),
      card: (row) => {
        const { asked, rule, images } = this;
        return { pictures: asked!.pictures, tile: asked!.tileOf.get(images[row]!)!, lines: [`Training image ${images[row]}`, `score ${number(rule!.scores[row]!)}`] };
      },
    });
    this.fit = fit;
    this.element.prepend(element);
    stage.annotate = (context) => {
      this.outline(stage, context);
      this.point(stage, context);
    };
  }

  /** Shows the pool of a run by a rule. */
  show(asked: Asked, rule: Rule): void {
    const isNew = this.asked !== asked;
    [this.asked, this.rule, this.images] = [asked, rule, [...asked.rowOf.keys()]];
    if (this.stage && isNew) {
      const { cloud } = this.stage;
      cloud.setPoints(this.images.length, this.images.map((image) => asked.tileOf.get(image) ?? 0));
      cloud.setPictures(asked.pictures, this.stage.maxTexture());
      cloud.setBlend({ from: asked.places, to: asked.places, mix: 0 });
      this.fit();
    }
    this.paint();
    this.note.textContent = `Points are training images that had no label when this run was trained (${count(asked.rowOf.size)} were looked at), coloured by the score of the rule; those outlined are still to label. ${asked.meta.map.note}`;
  }

  /** Marks the images that are still to label, and the one that is looked at. */
  mark(open: readonly number[], current: number | null): void {
    [this.open, this.current] = [open, current];
    this.emphasize();
  }

  /** Where an image is on the page, in CSS pixels of the window; null without a map. */
  placeOf(image: number): { x: number; y: number } | null {
    const row = this.asked?.rowOf.get(image);
    if (!this.stage || row === undefined) return null;
    const [{ x, y }, box] = [this.stage.placed(row), this.stage.element.getBoundingClientRect()];
    return { x: box.left + x, y: box.top + y };
  }

  /** Colours the points by the scores of the rule. */
  private paint(): void {
    const { asked, rule, stage } = this;
    if (!asked || !rule) return;
    const colors = readPageColors();
    const scale: Scale = { ramp: "cividis", ...rangeOf(rule.scores) };
    this.bar.replaceChildren(colorBar(scale, rule.words, rule.words, colors.theme));
    this.tints = new Uint8Array(rule.scores.length * 4);
    colorByValue(this.tints, rule.scores, scale, colors.theme);
    stage?.setColors(colors);
    stage?.cloud.setLook({ marks: "dots", size: 1, dimensions: 2, surface: colors.surface, spacing: asked.spacing });
  }

  /** Brings forward what is still to label, and what is looked at. */
  private emphasize(): void {
    const { asked, stage, tints, open, current } = this;
    if (!asked || !stage) return;
    const front = current === null ? null : asked.rowOf.get(current)!;
    for (let i = 3; i < tints.length; i += 4) tints[i] = EMPHASIS.normal;
    for (const image of open) tints[asked.rowOf.get(image)! * 4 + 3] = EMPHASIS.strong;
    if (front !== null) tints[front * 4 + 3] = EMPHASIS.strong;
    stage.setTints(tints, front);
  }

  /** The camera that shows the whole map; clouds are rarely round, and a stage is rarely square. */
  private wholeMap(stage: Stage): Camera {
    const home = stage.camera.home(2);
    const { places } = this.asked ?? { places: new Float32Array() };
    const [x, y] = [0, 1].map((axis) => extentOf(Float32Array.from({ length: places.length / 3 }, (_, i) => places[i * 3 + axis]!)));
    const aspect = stage.width / stage.height;
    const share = Math.max(y!.half, x!.half / aspect) * Math.min(1, aspect);
    return { ...home, target: [x!.middle, y!.middle, 0], distance: home.distance * (share || 1) };
  }

  /** Draws a line around the points that are still to label. */
  private outline(stage: Stage, context: CanvasRenderingContext2D): void {
    const places = stage.places();
    context.strokeStyle = stage.overlay.ink;
    context.lineWidth = 1.5;
    for (const image of this.open) {
      const row = this.asked?.rowOf.get(image);
      if (row === undefined || !places.visible[row]) continue;
      context.beginPath();
      context.arc(places.x[row]!, places.y[row]!, Math.max(3, places.radius[row]!), 0, 2 * Math.PI);
      context.stroke();
    }
  }

  /** Draws the picture of the image that is looked at beside its point, above it where there is room. */
  private point(stage: Stage, context: CanvasRenderingContext2D): void {
    const { asked, current } = this;
    const row = current === null ? undefined : asked?.rowOf.get(current);
    const places = stage.places();
    if (!asked || row === undefined || !places.visible[row]) return;
    const { width, height, columns } = asked.meta;
    const tile = asked.tileOf.get(current!)!;
    const [x, y] = [places.x[row]!, places.y[row]!];
    const tall = (CALLOUT * height) / width;
    const left = Math.min(stage.width - CALLOUT - FRAME, Math.max(FRAME, x - CALLOUT / 2));
    const top = y - RING - LEASH - tall > FRAME ? y - RING - LEASH - tall : y + RING + LEASH;
    const { accent, surface } = stage.overlay;
    for (const [color, more] of [[surface, 3], [accent, 0]] as const) {
      context.strokeStyle = color;
      context.lineWidth = FRAME + more;
      context.beginPath();
      context.arc(x, y, RING, 0, 2 * Math.PI);
      context.moveTo(x, top < y ? y - RING : y + RING);
      context.lineTo(x, top < y ? top + tall : top);
      context.stroke();
      context.strokeRect(left, top, CALLOUT, tall);
    }
    context.imageSmoothingEnabled = false;
    context.drawImage(asked.pictures.bitmap, (tile % columns) * width, Math.floor(tile / columns) * height, width, height, left, top, CALLOUT, tall);
  }

  /** The row of the image of the queue that is nearest to a place of the stage, within reach of its picture. */
  private pick(stage: Stage, x: number, y: number, reach: number): number | null {
    const { asked, rule } = this;
    if (!asked || !rule) return null;
    const places = stage.places();
    let [best, nearest] = [null as number | null, Infinity];
    for (const image of rule.order) {
      const row = asked.rowOf.get(image)!;
      const distance = Math.hypot(places.x[row]! - x, places.y[row]! - y) - places.radius[row]!;
      if (distance <= reach / 2 && distance < nearest) [best, nearest] = [row, distance];
    }
    return best;
  }
}

/** The middle and half the width of values, a few at both ends left out. */
function extentOf(values: Float32Array): { middle: number; half: number } {
  const sorted = values.sort();
  const [low, high] = [sorted[Math.floor((sorted.length - 1) * 0.002)] ?? -1, sorted[Math.ceil((sorted.length - 1) * 0.998)] ?? 1];
  return { middle: (low + high) / 2, half: (high - low) / 2 };
}
