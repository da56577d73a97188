import { h } from "./dom";
import { number } from "./format";
import { rampGradient, type RampName, rampTable, type Theme } from "./palette";
import { valueAt } from "./quantile";

/** The range of a continuous colouring; values beyond it have the colour of its end. */
export interface Scale {
  ramp: RampName;
  low: number;
  high: number;
}

/** The 1st and the 99th percentile of values, so that a few outliers do not flatten the rest; apart where all are the same. */
export function rangeOf(values: ArrayLike<number>): { low: number; high: number } {
  const finite = Float32Array.from(values).filter(Number.isFinite);
  const at = (q: number) => (finite.length > 0 ? valueAt(finite, Math.round((finite.length - 1) * q)) : 0);
  const [low, high] = [at(0.01), at(0.99)];
  return { low, high: high > low ? high : low + 1 };
}

/** Colours points (N, 4) by their values (N,); the fourth byte of each stays. */
export function colorByValue(tints: Uint8Array, values: ArrayLike<number>, { ramp, low, high }: Scale, theme: Theme): void {
  const table = rampTable(ramp, theme);
  for (let i = 0; i < values.length; i++) {
    const at = Math.min(255, Math.max(0, Math.round(((values[i]! - low) / (high - low)) * 255))) || 0;
    for (let c = 0; c < 3; c++) tints[i * 4 + c] = table[at * 3 + c]!;
  }
}

/** What the colours of a scale stand for; `middle` stands between its ends. */
export function colorBar({ ramp, low, high }: Scale, label: string, middle: string, theme: Theme): HTMLElement {
  return h(
    "div",
    { class: "acc-colorbar", role: "img", "aria-label": `${label}: colours from ${number(low)} to ${number(high)}` },
    h("div", { class: "acc-colorbar-ramp", style: `background:${rampGradient(ramp, theme)}` }),
    h(
      "div",
      { class: "acc-colorbar-labels", title: "1st to 99th percentile; values beyond have the colour of the end" },
      h("span", {}, `≤ ${number(low)}`),
      h("span", {}, middle),
      h("span", {}, `≥ ${number(high)}`),
    ),
  );
}
