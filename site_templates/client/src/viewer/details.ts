import { h, iconButton } from "../shared/dom";
import { count, number, plural } from "../shared/format";
import { classColor, type Theme } from "../shared/palette";
import { shownNeighbors } from "./edges";
import { className, coloringName, isNamedColumn, isOfMixture, type Neighbors, type RunData } from "./run_data";

const HOVER_FACTORS = 6; // beside the cursor; the panel lists them all

/** The card beside the cursor: the picture and its facts. */
export class HoverCard {
  readonly element = h("div", { class: "acc-hover-card", role: "status", hidden: true });

  hide(): void {
    this.element.hidden = true;
  }

  /** Shows point `index` beside (x, y) of a stage of the given size; of many factors only the one that is the `color`. */
  show(run: RunData, index: number, color: string, x: number, y: number, stage: { width: number; height: number }): void {
    const picture = h("div", { role: "img", "aria-label": "" });
    run.pictures.show(picture, index, 72);
    const { factorNames } = run;
    const named = factorNames.length > HOVER_FACTORS ? factorNames.filter((name) => color === `factor:${name}`) : factorNames;
    const rest = factorNames.length - named.length;
    const more = rest > 0 && h("p", { class: "acc-hint" }, `Click: ${rest} factors${named.length > 0 ? " more" : ""}`);
    this.element.replaceChildren(picture, h("div", {}, facts(run, index, named), more));
    this.element.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const left = x + 18 + width > stage.width ? Math.max(4, x - 18 - width) : x + 18;
    const top = Math.min(Math.max(4, y - height / 2), Math.max(4, stage.height - height - 4));
    this.element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }
}

/** The focused point in the panel: picture, facts, and its neighbours in latent space. */
export class FocusCard {
  readonly element = h("section", { class: "acc-focus-card", "aria-label": "Focused point", "aria-live": "polite" });

  constructor(private readonly onFocus: (index: number | null) => void) {}

  update(run: RunData, index: number | null, neighbors: Neighbors | null, theme: Theme): void {
    if (index === null) {
      this.element.replaceChildren(h("p", { class: "acc-hint" }, "Click a point to see its neighbours in latent space."));
      return;
    }
    const picture = h("div", { role: "img", "aria-label": describe(run, index) });
    run.pictures.show(picture, index, 112);
    this.element.replaceChildren(
      h("div", { class: "acc-focus-head" }, h("h3", {}, `Point ${index}`), iconButton("close", "Leave this point", () => this.onFocus(null))),
      h("div", { class: "acc-focus-body" }, picture, facts(run, index, run.factorNames)),
      neighbors ? this.neighborList(run, index, neighbors, theme) : h("p", { class: "acc-hint" }, "No neighbour graph has been built."),
    );
  }

  private neighborList(run: RunData, index: number, neighbors: Neighbors, theme: Theme): HTMLElement {
    const { step, k, indices, distances } = neighbors;
    const shown = shownNeighbors(neighbors);
    const labels = run.values("label");
    let same = 0;
    const items = Array.from({ length: shown }, (_, j) => {
      const other = Number(indices[index * k + j]);
      if (labels[other] === labels[index]) same++;
      return thumbnail(run, other, 40, theme, `distance ${number(distances[index * k + j]!)}`, () => this.onFocus(other));
    });
    const isClass = Boolean(run.dataset.classes?.length);
    const what = isClass ? `${same} of ${plural(shown, "nearest neighbour")} share its label` : plural(shown, "nearest neighbour");
    const heading = `${what}, at step ${count(step)}`;
    return h("div", {}, h("h4", {}, heading), h("div", { class: "acc-thumbs" }, ...items));
  }
}

/** A picture as a button, framed in the colour of its label. */
export function thumbnail(run: RunData, index: number, size: number, theme: Theme, note: string, onclick: () => void): HTMLElement {
  const picture = h("span", {});
  run.pictures.show(picture, index, size);
  const label = describe(run, index);
  const color = run.dataset.classes?.length ? classColor(run.values("label")[index]!, theme) : "var(--line)";
  return h(
    "button",
    { type: "button", class: "acc-thumb", style: `--frame:${color}`, title: note ? `${label}, ${note}` : label, "aria-label": label, "data-index": index, onclick },
    picture,
  );
}

/** "Point 12, label 7, predicted 9". */
export function describe(run: RunData, index: number): string {
  const parts = [`Point ${index}`, `${factName(run, "label")} ${valueName(run, "label", index)}`];
  if (run.has("prediction")) parts.push(`predicted ${valueName(run, "prediction", index)}`);
  return parts.join(", ");
}

function facts(run: RunData, index: number, factors: readonly string[]): HTMLElement {
  const rows: HTMLElement[] = [];
  const row = (name: string, value: string, mark = "") =>
    rows.push(h("dt", {}, name), h("dd", { class: mark }, value));
  row("point", `#${index}`);
  if (run.meta.steps.length > 1) row("at step", count(run.step));
  row(factName(run, "label"), valueName(run, "label", index));
  for (const { id, label, classes } of run.colorings.filter(({ id }) => isNamedColumn(id) && run.has(id))) {
    const value = run.values(id)[index]!;
    row(label, classes?.[value] ?? number(value));
  }
  if (run.has("prediction")) {
    const right = run.values("prediction")[index] === run.values("label")[index];
    const mark = run.dataset.classes?.length ? (right ? " ✓" : " ✗") : "";
    row(run.dataset.classes?.length ? "predicted" : factName(run, "prediction"), valueName(run, "prediction", index) + mark, mark && (right ? "acc-right" : "acc-wrong"));
  }
  for (const { id, label, classes } of run.colorings.filter(({ id }) => isOfMixture(id) && run.has(id))) {
    const value = run.values(id)[index]!;
    row(label, classes?.[value] ?? number(value));
  }
  if (run.has("error")) row("error", number(run.values("error")[index]!));
  for (const name of factors.filter((name) => run.has(`factor:${name}`))) row(name, number(run.values(`factor:${name}`)[index]!));
  return h("dl", { class: "acc-facts" }, ...rows);
}

/** "label" of classes; of a real target the name of its column. */
function factName(run: RunData, id: string): string {
  return run.dataset.classes?.length ? id : coloringName(run, id);
}

function valueName(run: RunData, id: string, index: number): string {
  const value = run.values(id)[index]!;
  return run.dataset.classes?.length ? className(run.dataset, value) : number(value);
}
