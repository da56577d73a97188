import { h } from "./dom";
import { percent } from "./format";

/** Shares of 0..1 as a row of bars with their names below; the largest stands out. `what` begins the text for screen readers. */
export function shareBars(names: readonly string[], shares: ArrayLike<number>, what: string): HTMLElement {
  const values = Array.from(shares);
  const best = values.indexOf(Math.max(...values));
  const bars = values.map((value, i) =>
    h(
      "span",
      { class: i === best ? "acc-probability acc-best" : "acc-probability", title: `${names[i]}: ${(value * 100).toFixed(1)} %` },
      h("span", { class: "acc-probability-fill", style: `height:${(value * 100).toFixed(1)}%` }),
      h("span", { class: "acc-probability-name" }, names[i] ?? ""),
    ),
  );
  const label = `${what}: ${names[best]}, ${percent(values[best]!)}`;
  return h("div", { class: "acc-probabilities", role: "img", "aria-label": label }, ...bars);
}
