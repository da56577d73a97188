import { onWidth } from "../charts/frame";
import type { DataArray } from "../data";
import { h } from "../shared/dom";
import { number } from "../shared/format";
import { animate, ease } from "../shared/motion";
import { classColor, rampColor, rampGradient, type Theme } from "../shared/palette";
import { onThemeChange, readPageColors } from "../shared/theme";
import { barOf } from "./previews";

const GLIDE_MS = 500; // from one snapshot to the next
const MARGIN = 14; // CSS pixels
const RADIUS = 2.6;
const NAMED = 12; // most classes whose names are written on the map
const RAMP = "viridis";

/** Test images as points at their places on a map; they glide from one snapshot to the next. */
export class LatentMap {
  readonly canvas = h("canvas", { role: "img" });
  readonly legend = h("div", { class: "run-legend" });
  readonly element = h("div", { class: "run-map" }, this.canvas, this.legend);
  private side = 0; // CSS pixels
  private places = new Float32Array(0); // (N, 2) in 0..1, as they are drawn now
  private labels: ArrayLike<number> = [];
  private classes: readonly string[] | null = null;
  private target = ""; // what the labels are values of, where they are no classes
  private width = 0; // of the map, in units of the latent
  private stop: () => void = () => {};

  constructor() {
    onWidth(this.element, (width) => {
      this.side = width;
      this.draw();
    });
    onThemeChange(() => {
      this.tellColors();
      this.draw();
    });
  }

  show(places: Float32Array, width: number, labels: DataArray, words: { classes: readonly string[] | null; target: string }): void {
    if (this.labels !== labels.data) {
      [this.labels, this.classes, this.target] = [labels.data, words.classes, words.target];
      this.tellColors();
    }
    this.stop();
    this.width = width;
    const from = this.places.length === places.length ? this.places.slice() : places;
    this.places = from.slice();
    const glide = (progress: number) => {
      const share = ease(progress);
      for (let i = 0; i < places.length; i++) this.places[i] = from[i]! + (places[i]! - from[i]!) * share;
      this.draw();
    };
    this.stop = animate(GLIDE_MS, glide);
  }

  private draw(): void {
    const { canvas, side } = this;
    if (side === 0 || this.places.length === 0) return;
    const colors = readPageColors();
    const dense = window.devicePixelRatio || 1;
    const pixels = Math.round(side * dense);
    if (canvas.width !== pixels) [canvas.width, canvas.height] = [pixels, pixels];
    const context = canvas.getContext("2d");
    if (!context) throw new Error("this browser has no canvas to draw a map on");
    context.setTransform(dense, 0, 0, dense, 0, 0);
    context.clearRect(0, 0, side, side);
    const place = (i: number): [number, number] => {
      const inside = side - 2 * MARGIN;
      return [MARGIN + this.places[2 * i]! * inside, MARGIN + (1 - this.places[2 * i + 1]!) * inside];
    };
    const paint = this.painter(colors.theme);
    context.globalAlpha = 0.8;
    for (let i = 0; i < this.labels.length; i++) {
      const [x, y] = place(i);
      context.fillStyle = paint(i);
      context.beginPath();
      context.arc(x, y, RADIUS, 0, 2 * Math.PI);
      context.fill();
    }
    context.globalAlpha = 1;
    context.font = `600 12px ${colors.font}`;
    context.lineJoin = "round";
    context.lineWidth = 3;
    context.strokeStyle = `rgb(${colors.surface.join(" ")})`;
    context.fillStyle = colors.ink;
    this.nameClasses(context, place);
    this.drawBar(context);
  }

  /** Writes the name of each class in the middle of its points. */
  private nameClasses(context: CanvasRenderingContext2D, place: (i: number) => [number, number]): void {
    if (!this.classes || this.classes.length > NAMED) return;
    context.textAlign = "center";
    context.textBaseline = "middle";
    this.classes.forEach((name, label) => {
      const own = Array.from(this.labels, (_, i) => i).filter((i) => this.labels[i] === label).map(place);
      if (!own.length) return;
      const [x, y] = [0, 1].map((axis) => own.reduce((sum, point) => sum + point[axis]!, 0) / own.length);
      context.strokeText(name, x!, y!);
      context.fillText(name, x!, y!);
    });
  }

  private drawBar(context: CanvasRenderingContext2D): void {
    const length = barOf(this.width);
    const [x, y, long] = [MARGIN, this.side - 8, (length / this.width) * (this.side - 2 * MARGIN)];
    context.fillRect(x, y, long, 2);
    context.textAlign = "left";
    context.textBaseline = "bottom";
    context.font = context.font.replace("600 12px", "11px");
    const told = String(Number(length.toPrecision(1)));
    context.strokeText(told, x, y - 2);
    context.fillText(told, x, y - 2);
  }

  private painter(theme: Theme): (i: number) => string {
    if (this.classes) return (i) => classColor(this.labels[i]!, theme);
    const [low, high] = this.range;
    return (i) => `rgb(${rampColor(RAMP, (this.labels[i]! - low) / (high - low || 1), theme).map(Math.round).join(" ")})`;
  }

  private get range(): [number, number] {
    const values = Array.from(this.labels);
    return [Math.min(...values), Math.max(...values)];
  }

  private tellColors(): void {
    const { theme } = readPageColors();
    const swatch = (color: string) => h("span", { class: "swatch", style: `--branch: ${color}` });
    if (this.classes) {
      this.legend.replaceChildren(...this.classes.map((name, label) => h("span", { class: "run-legend-item" }, swatch(classColor(label, theme)), name)));
    } else {
      const [low, high] = this.range.map(number);
      this.legend.replaceChildren(`${this.target} ${low}`, h("span", { class: "run-ramp", style: `background: ${rampGradient(RAMP, theme)}` }), high!);
    }
  }
}
