import { h } from "../shared/dom";
import { fixed } from "../shared/format";
import type { Theme } from "../shared/palette";
import { css, inkOn, type Scale, valueColor } from "./colors";

const MOST_COLUMNS = 5; // of numbers that can still be read

/** Numbers in rows on their colours; `what` begins the text for screen readers. */
export function numberGrid(values: readonly number[], columns: number, scale: Scale, theme: Theme, what: string): HTMLElement {
  const cells = values.map((value) => {
    const color = valueColor(value, scale, theme);
    return h("span", { style: `background:${css(color)};color:${inkOn(color)}`, title: String(value) }, columns <= MOST_COLUMNS ? shortNumber(value) : "");
  });
  const rows = Array.from({ length: Math.ceil(values.length / columns) }, (_, row) => values.slice(row * columns, (row + 1) * columns).map((value) => fixed(value, 2)).join(" "));
  return h("span", { class: "acc-numbers", role: "img", "aria-label": `${what}: ${rows.join("; ")}`, style: `--columns:${columns}` }, ...cells);
}

/** A number in as few letters as a small cell holds: 0, .12, −1.3, 24. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size < 0.005) return "0";
  return fixed(value, size < 1 ? 2 : size < 10 ? 1 : 0).replace(/^(−?)0\./, "$1.");
}
