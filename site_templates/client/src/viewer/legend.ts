import { h, renew } from "../shared/dom";
import { count, number } from "../shared/format";
import type { Theme } from "../shared/palette";
import { colorBar } from "../shared/scale";
import { type Classes, classesOf, scaleOf } from "./coloring";
import { nearestSnapshot, type RunData } from "./run_data";
import type { ViewerState } from "./state";

/** The colour bar of a continuous colouring, and the classes as buttons that hide and show their points. */
export class Legend {
  readonly element = h("div", { class: "acc-legend" });

  /** `onFilter` gets the classes to hide. */
  constructor(private readonly onFilter: (hidden: number[]) => void) {}

  update(run: RunData, state: ViewerState, theme: Theme): void {
    const coloring = run.colorings.find(({ id }) => id === state.color);
    const classes = classesOf(run, state.filterBy);
    const parts: HTMLElement[] = [];
    if (coloring?.kind === "scalar") {
      const scale = scaleOf(run, state.color);
      parts.push(colorBar(scale, coloring.label, number((scale.low + scale.high) / 2), theme));
    }
    if (classes) parts.push(this.classList(classes, state, coloring?.kind === "class", theme));
    const isFact = coloring !== undefined && coloring.id !== "label";
    const shown = run.meta.steps[nearestSnapshot(state.step, run.meta.steps)];
    if (isFact && run.step !== shown) parts.push(h("p", { class: "acc-hint" }, `${coloring.label} as of step ${count(run.step)}.`));
    renew(this.element, "class", parts);
  }

  private classList(classes: Classes, state: ViewerState, colored: boolean, theme: Theme): HTMLElement {
    const hidden = new Set(state.hidden);
    const all = classes.names.map((_, i) => i);
    const toggle = (i: number) => all.filter((k) => (k === i ? !hidden.has(k) : hidden.has(k)));
    const only = (i: number) => all.filter((k) => k !== i);
    const items = classes.names.map((name, i) =>
      h(
        "button",
        {
          type: "button",
          class: "acc-legend-item",
          "aria-pressed": !hidden.has(i) ? "true" : "false",
          "data-class": i,
          title: `Click: hide or show. Double-click: show only ${name}.`,
          onclick: (event: MouseEvent) => this.onFilter(event.altKey ? only(i) : toggle(i)),
          ondblclick: () => this.onFilter(only(i)),
        },
        h("span", { class: "acc-swatch", style: `background:${colored ? classes.color(i, theme) : "var(--ink-2)"}` }),
        h("span", { class: "acc-legend-name" }, name),
        h("span", { class: "acc-legend-count" }, count(classes.counts[i] ?? 0)),
      ),
    );
    const reset =
      hidden.size > 0 &&
      h("button", { type: "button", class: "acc-link", "data-class": "all", onclick: () => this.onFilter([]) }, "Show all");
    return h("div", {}, h("div", { class: "acc-legend-items", role: "group", "aria-label": "Show classes" }, ...items), reset);
  }
}
