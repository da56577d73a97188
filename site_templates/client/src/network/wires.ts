import { h } from "../shared/dom";
import type { PageColors } from "../shared/theme";
import { css, valueColor } from "./colors";

/** Where lines leave and reach a map, in CSS pixels of the drawing. */
export interface Ends {
  left: number;
  right: number;
  y: number;
}

export interface Wire {
  from: Ends;
  to: Ends;
  /** How strong it is among those of its gap, 0..1, and how many these are. */
  share: number;
  count: number;
  /** From -1 to 1 for a line into the chosen channel: what it adds; null for all others. */
  chosen: number | null;
  /** It passes over the columns in between. */
  over: boolean;
}

/** The lines between the columns, on a canvas below the maps. */
export class Wires {
  readonly element = h("canvas", { class: "acc-flow-wires", "aria-hidden": "true" });
  private readonly context = this.element.getContext("2d");

  draw(wires: readonly Wire[], width: number, height: number, page: PageColors): void {
    const { context, element } = this;
    if (!context) return;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    element.width = Math.round(width * ratio);
    element.height = Math.round(height * ratio);
    element.style.width = `${width}px`;
    element.style.height = `${height}px`;
    context.scale(ratio, ratio);
    for (const wire of wires) if (wire.chosen === null) this.line(wire, page.ink, 1, wire.over ? 0.35 : Math.min(0.55, Math.max(0.1, 8 / wire.count)) * wire.share);
    for (const wire of wires) {
      if (wire.chosen === null) continue;
      const size = Math.abs(wire.chosen);
      const color = wire.chosen === 0 ? page.accent : css(valueColor(Math.sign(wire.chosen) * 0.75, { kind: "signed", limit: 1, isPositive: false }, page.theme));
      this.line(wire, color, 0.8 + 3 * size, wire.chosen === 0 ? 0.6 : 0.25 + 0.75 * size);
    }
  }

  private line({ from, to, over }: Wire, color: string, width: number, alpha: number): void {
    const context = this.context!;
    context.strokeStyle = color;
    context.lineWidth = width;
    context.globalAlpha = alpha;
    context.setLineDash(over ? [4, 4] : []);
    context.beginPath();
    context.moveTo(from.right, from.y);
    if (over) {
      const top = Math.min(from.y, to.y) - 40;
      context.bezierCurveTo(from.right + 30, top, to.left - 30, top, to.left, to.y);
    } else {
      const bend = (to.left - from.right) / 2;
      context.bezierCurveTo(from.right + bend, from.y, to.left - bend, to.y, to.left, to.y);
    }
    context.stroke();
    context.globalAlpha = 1;
  }
}
