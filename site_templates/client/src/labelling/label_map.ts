import { h, iconButton } from "../shared/dom";
import { count, number } from "../shared/format";
import { rampGradient, rampTable } from "../shared/palette";
import { onThemeChange, readPageColors } from "../shared/theme";
import { EMPHASIS } from "../viewer/cloud";
import { listenToGestures, PICK_REACH } from "../viewer/gestures";
import { cameraKeys, listenToKeys } from "../viewer/keys";
import { Navigation } from "../viewer/navigation";
import { NoWebGlError, Stage } from "../viewer/stage";
import type { Camera } from "../viewer/state";
import type { Asked, Rule } from "./asked";
import { rangeOf } from "./walk";

const RAMP = "cividis";
const [CALLOUT, FRAME, RING, LEASH] = [44, 2.5, 9, 14]; // CSS pixels: the picture beside the point, its frame, and between

/** Where the pool lies on the map, coloured by the scores of a rule; the images still to label are outlined. */
export class LabelMap {
  readonly element: HTMLElement;
  private readonly stage: Stage | null;
  private readonly tip = h("div", { class: "acc-hover-card", hidden: true });
  private readonly bar = h("div", { class: "acc-colorbar" });
  private readonly note = h("p", { class: "acc-hint" });
  private isMoved = false; // by hand; until then the camera fits the map
  private asked: Asked | null = null;
  private rule: Rule | null = null;
  private open: readonly number[] = []; // images of the queue that are still to label
  private current: number | null = null;

  /** `onPick` hears of the image of the queue that was clicked or tapped. */
  constructor(private readonly onPick: (image: number) => void) {
    this.stage = createStage();
    const frame = h("div", { class: "acc-stage-frame" });
    this.element = h("section", { class: "acc-label-map", "aria-label": "Where the queue lies" }, frame, this.bar, this.note);
    onThemeChange(() => this.draw());
    if (!this.stage) {
      frame.append(h("p", { class: "acc-hint acc-label-no-map", role: "alert" }, new NoWebGlError().message, " Labelling works without it."));
      return;
    }
    const { stage } = this;
    const navigation = new Navigation(stage, () => 2, () => (this.isMoved = true));
    const home = () => {
      this.isMoved = false;
      navigation.show(this.wholeMap(stage));
    };
    stage.element.setAttribute("role", "application");
    stage.element.setAttribute("aria-label", "Map of the latents. Arrow keys move it, plus and minus zoom. The list of images holds the same queue.");
    frame.append(
      stage.element,
      h(
        "div",
        { class: "acc-toolbar" },
        iconButton("plus", "Closer", () => navigation.zoom(1.4)),
        iconButton("minus", "Farther", () => navigation.zoom(1 / 1.4)),
        iconButton("home", "Show all of it", home),
      ),
      this.tip,
    );
    stage.setPositions(() => this.asked?.places ?? new Float32Array());
    stage.onResize = () => {
      if (!this.isMoved) stage.camera.set(this.wholeMap(stage));
    };
    stage.annotate = (context) => {
      this.outline(stage, context);
      this.point(stage, context);
    };
    listenToKeys(stage.element, cameraKeys(navigation));
    listenToGestures(stage.element, {
      tool: () => "move",
      pan: (dx, dy) => navigation.pan(dx, dy),
      drag: (dx, dy) => navigation.drag(dx, dy),
      zoom: (factor, x, y) => navigation.zoom(factor, x, y),
      hover: (x, y) => this.hover(stage, this.pick(stage, x, y, PICK_REACH.mouse), x, y),
      leave: () => this.hover(stage, null, 0, 0),
      click: (x, y, touch) => {
        const image = this.pick(stage, x, y, touch ? PICK_REACH.touch : PICK_REACH.mouse);
        if (image !== null) this.onPick(image);
      },
      doubleClick: () => {},
      path: () => {},
      select: () => {},
    });
  }

  /** Shows the pool of a run by a rule. */
  show(asked: Asked, rule: Rule): void {
    const isNew = this.asked !== asked;
    [this.asked, this.rule] = [asked, rule];
    if (this.stage && isNew) {
      const { cloud } = this.stage;
      const images = [...asked.rowOf.keys()];
      cloud.setPictures(asked.pictures, images.length, this.stage.maxTexture(), images.map((image) => asked.tileOf.get(image) ?? 0));
      cloud.setBlend({ from: asked.places, to: asked.places, mix: 0 });
      this.isMoved = false;
      this.stage.camera.set(this.wholeMap(this.stage));
    }
    this.note.textContent = `Points are training images that had no label when this run was trained (${count(asked.rowOf.size)} were looked at), coloured by the score of the rule; those outlined are still to label. ${asked.meta.map.note}`;
  }

  /** Marks the images that are still to label, and the one that is looked at. */
  mark(open: readonly number[], current: number | null): void {
    [this.open, this.current] = [open, current];
    this.draw();
  }

  /** Where an image is on the page, in CSS pixels of the window; null without a map. */
  placeOf(image: number): { x: number; y: number } | null {
    const row = this.asked?.rowOf.get(image);
    if (!this.stage || row === undefined) return null;
    const [places, box] = [this.stage.places(), this.stage.element.getBoundingClientRect()];
    return { x: box.left + places.x[row]!, y: box.top + places.y[row]! };
  }

  private draw(): void {
    const { asked, rule, stage } = this;
    if (!asked || !rule) return;
    const colors = readPageColors();
    const { scores } = rule;
    const [low, high] = rangeOf(scores);
    this.bar.replaceChildren(
      h("div", { class: "acc-colorbar-ramp", style: `background:${rampGradient(RAMP, colors.theme)}` }),
      h(
        "div",
        { class: "acc-colorbar-labels", title: "1st to 99th percentile; values beyond have the colour of the end" },
        h("span", {}, `≤ ${number(low)}`),
        h("span", {}, rule.words),
        h("span", {}, `≥ ${number(high)}`),
      ),
    );
    if (!stage) return;
    const table = rampTable(RAMP, colors.theme);
    const tints = new Uint8Array(scores.length * 4);
    for (let i = 0; i < scores.length; i++) {
      const at = Math.min(255, Math.max(0, Math.round(((scores[i]! - low) / (high - low)) * 255))) || 0;
      tints.set(table.subarray(at * 3, at * 3 + 3), i * 4);
    }
    for (const image of this.open) tints[asked.rowOf.get(image)! * 4 + 3] = EMPHASIS.strong;
    const front = this.current === null ? null : asked.rowOf.get(this.current)!;
    if (front !== null) tints[front * 4 + 3] = EMPHASIS.strong;
    stage.setColors(colors);
    stage.cloud.setLook({ marks: "dots", size: 1, dimensions: 2, surface: colors.surface, spacing: asked.spacing });
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

  /** The image of the queue that is nearest to a place of the stage, within reach of its picture. */
  private pick(stage: Stage, x: number, y: number, reach: number): number | null {
    const { asked, rule } = this;
    if (!asked || !rule) return null;
    const places = stage.places();
    let [best, nearest] = [null as number | null, Infinity];
    for (const image of rule.order) {
      const row = asked.rowOf.get(image)!;
      const distance = Math.hypot(places.x[row]! - x, places.y[row]! - y) - places.radius[row]!;
      if (distance <= reach / 2 && distance < nearest) [best, nearest] = [image, distance];
    }
    return best;
  }

  private hover(stage: Stage, image: number | null, x: number, y: number): void {
    const { asked, rule } = this;
    stage.element.classList.toggle("acc-over-point", image !== null);
    this.tip.hidden = image === null;
    if (!asked || !rule || image === null) return;
    const row = asked.rowOf.get(image)!;
    const picture = h("span", {});
    asked.pictures.show(picture, asked.tileOf.get(image)!, 56);
    this.tip.replaceChildren(picture, h("span", { class: "acc-tip-text" }, h("strong", {}, `Training image ${image}`), h("br"), `score ${number(rule.scores[row]!)}`));
    const left = x + 16 + this.tip.offsetWidth > stage.width ? x - 16 - this.tip.offsetWidth : x + 16;
    const top = Math.min(stage.height - this.tip.offsetHeight - 4, Math.max(4, y - 30));
    this.tip.style.transform = `translate(${Math.round(Math.max(4, left))}px, ${Math.round(top)}px)`;
  }
}

/** The middle and half the width of values, a few at both ends left out. */
function extentOf(values: Float32Array): { middle: number; half: number } {
  const sorted = values.sort();
  const [low, high] = [sorted[Math.floor((sorted.length - 1) * 0.002)] ?? -1, sorted[Math.ceil((sorted.length - 1) * 0.998)] ?? 1];
  return { middle: (low + high) / 2, half: (high - low) / 2 };
}

function createStage(): Stage | null {
  try {
    return new Stage();
  } catch (error) {
    if (error instanceof NoWebGlError) return null;
    throw error;
  }
}
