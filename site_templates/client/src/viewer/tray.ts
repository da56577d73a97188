import { h, icon } from "../shared/dom";
import { count, plural } from "../shared/format";
import type { Theme } from "../shared/palette";
import { classesOf } from "./coloring";
import { thumbnail } from "./details";
import type { RunData } from "./run_data";

const PAGE = 180; // thumbnails shown at first, and by each "show more"

/** The selected points: how many, of which labels, their pictures, and a file of their indices. */
export class Tray {
  readonly element = h("section", { class: "acc-tray", "aria-label": "Selected points", hidden: true });
  private shown = PAGE;

  constructor(
    private readonly onFocus: (index: number) => void,
    private readonly onClear: () => void,
  ) {}

  update(run: RunData, selection: readonly number[], theme: Theme): void {
    this.shown = PAGE;
    this.element.hidden = selection.length === 0;
    if (selection.length === 0) {
      this.element.replaceChildren();
      return;
    }
    const thumbs = h("div", { class: "acc-thumbs" });
    const more = h("button", { type: "button", class: "acc-button", onclick: () => this.fill(thumbs, more, run, selection, theme, PAGE) });
    this.element.replaceChildren(
      h(
        "div",
        { class: "acc-tray-head" },
        h("h3", { "aria-live": "polite" }, `${plural(selection.length, "point")} selected`),
        h("button", { type: "button", class: "acc-button", onclick: () => download(run, selection) }, icon("download"), "Indices (CSV)"),
        h("button", { type: "button", class: "acc-button", onclick: this.onClear }, "Clear"),
      ),
      histogram(run, selection, theme),
      thumbs,
      more,
    );
    this.shown = 0;
    this.fill(thumbs, more, run, selection, theme, PAGE);
  }

  private fill(thumbs: HTMLElement, more: HTMLElement, run: RunData, selection: readonly number[], theme: Theme, by: number): void {
    const next = selection.slice(this.shown, this.shown + by);
    thumbs.append(...next.map((index) => thumbnail(run, index, 32, theme, "", () => this.onFocus(index))));
    this.shown += next.length;
    const rest = selection.length - this.shown;
    more.hidden = rest <= 0;
    more.textContent = `Show ${count(Math.min(PAGE, rest))} more of ${count(rest)}`;
  }
}

function histogram(run: RunData, selection: readonly number[], theme: Theme): HTMLElement {
  const classes = classesOf(run, "label");
  if (!classes) return h("div", { hidden: true });
  const counts = classes.names.map(() => 0);
  for (const index of selection) counts[classes.of[index]!]!++;
  const most = Math.max(...counts);
  const bars = counts.map((value, i) =>
    h(
      "div",
      { class: "acc-bar", title: `${classes.names[i]}: ${count(value)}` },
      h("span", { class: "acc-bar-value" }, value > 0 ? count(value) : ""),
      h("span", { class: "acc-bar-fill", style: `height:${((value / most) * 100).toFixed(1)}%;background:${classes.color(i, theme)}` }),
      h("span", { class: "acc-bar-name" }, classes.names[i]!),
    ),
  );
  const spoken = counts.map((value, i) => `${classes.names[i]}: ${value}`).join(", ");
  return h("div", { class: "acc-histogram", role: "img", "aria-label": `Labels of the selection: ${spoken}` }, ...bars);
}

function download(run: RunData, selection: readonly number[]): void {
  const columns = ["label", "prediction", "error"].filter((id) => run.has(id));
  const rows = selection.map((index) => [index, ...columns.map((id) => run.values(id)[index])].join(","));
  const csv = new Blob([`index,${columns.join(",")}\n${rows.join("\n")}\n`], { type: "text/csv" });
  const url = URL.createObjectURL(csv);
  h("a", { href: url, download: `${run.meta.node}-seed-${run.meta.seed}-step-${run.step}-selection.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
