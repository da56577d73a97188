import { runSelect } from "../branches/choice";
import { field, h, segmented } from "../shared/dom";
import type { Coloring, RunChoice } from "../shared/contract";
import { count, plural } from "../shared/format";
import type { Maps } from "../shared/maps";
import { FOCUSED } from "./focus_set";
import type { GroundChoice } from "./ground";
import type { RunData } from "./run_data";
import type { Dimensions, Edges, Marks, ViewerState } from "./state";

/** What the panel asks for beside a change of the state. */
export interface PanelActions {
  set: (patch: Partial<ViewerState>) => void;
  /** Shows the selection alone, the neighbourhood of the focused point, or an even sample; or all points again. */
  only: (set: "selection" | "neighborhood" | "sample" | null) => void;
}

/** The choices beside the stage (run, projection, colour, marks), and those below it: ground, edges, focused sets. */
export class Panel {
  readonly element: HTMLElement;
  readonly below: HTMLElement;
  private readonly run: HTMLSelectElement;
  private readonly color: HTMLSelectElement;
  private readonly method;
  private readonly dimensions;
  private readonly marks;
  private readonly size: HTMLInputElement;
  private readonly note = h("p", { class: "acc-hint acc-map-note" });
  private readonly ground = h("select", { onchange: () => this.on.set({ ground: this.ground.value }) });
  private readonly opacity: HTMLInputElement;
  private readonly groundNote = h("p", { class: "acc-hint acc-map-note" });
  private readonly groundField: HTMLElement;
  private readonly edges;
  private readonly extent: HTMLInputElement;
  private readonly extentField: HTMLElement;
  private readonly sets: Readonly<Record<"selection" | "neighborhood" | "sample" | "all", HTMLButtonElement>>;
  private readonly setNote = h("p", { class: "acc-hint acc-map-note", role: "status" });
  private colorings: unknown = null;
  private grounds: unknown = null;

  constructor(
    runs: readonly RunChoice[],
    private readonly maps: Maps,
    slots: { search: HTMLElement; legend: HTMLElement; focus: HTMLElement },
    private readonly on: PanelActions,
  ) {
    const onChange = on.set;
    this.run = runSelect(runs, (run) => onChange({ run }));
    this.color = h("select", { onchange: () => onChange({ color: this.color.value }) });
    const methods = maps.methodsOf(runs.map(({ key }) => key)).map(({ method, title }) => [method, title] as const);
    this.method = segmented<string>("Projection", methods, (method) => onChange({ method }));
    this.dimensions = segmented<Dimensions>("Dimensions", [[2, "2-D"], [3, "3-D"]], (dimensions) => onChange({ dimensions, camera: null }));
    this.marks = segmented<Marks>(
      "Marks",
      [["auto", "Auto"], ["dots", "Dots"], ["pictures", "Pictures"]],
      (marks) => onChange({ marks }),
    );
    this.size = h("input", { type: "range", min: 0.5, max: 3, step: 0.05, oninput: () => onChange({ size: Number(this.size.value) }) });
    this.opacity = h("input", { type: "range", min: 0, max: 1, step: 0.05, oninput: () => onChange({ opacity: Number(this.opacity.value) }) });
    this.groundField = h("div", { class: "acc-fields", hidden: true }, field("Below the points", this.ground), field("Opacity", this.opacity), this.groundNote);
    this.edges = segmented<Edges>("Edges", [["top", "Nearest"], ["extent", "Within extent"], ["none", "None"]], (edges) => onChange({ edges }));
    this.extent = h("input", { type: "range", min: -2, max: 2, step: 0.1, oninput: () => onChange({ extent: 2 ** Number(this.extent.value) }) });
    this.extentField = h(
      "div",
      { class: "acc-fields" },
      field("Extent", this.extent),
      h("p", { class: "acc-hint acc-map-note" }, "A circle's radius grows with the point's distance to its farthest listed neighbour in latent space; longer edges fade."),
    );
    const button = (set: Parameters<PanelActions["only"]>[0], text: string) => h("button", { type: "button", class: "acc-button", onclick: () => on.only(set) }, text);
    this.sets = { selection: button("selection", "Selection"), neighborhood: button("neighborhood", "Neighbourhood"), sample: button("sample", `${FOCUSED} evenly`), all: button(null, "All") };
    this.element = h(
      "aside",
      { class: "acc-viewer-panel", "aria-label": "View" },
      slots.search,
      runs.length > 1 ? field("Branch and seed", this.run) : null,
      field("Projection", h("div", { class: "acc-row" }, this.method.element, this.dimensions.element)),
      this.note,
      field("Colour", this.color),
      slots.legend,
      h("details", { class: "acc-more" }, h("summary", {}, "Marks"), this.marks.element, field("Size", this.size)),
      slots.focus,
    );
    this.below = h(
      "div",
      { class: "acc-below", role: "group", "aria-label": "Overlays, edges and sets" },
      this.groundField,
      h("div", { class: "acc-fields" }, field("Edges to neighbours", this.edges.element), this.extentField),
      h("div", { class: "acc-fields" }, field("Show only", h("div", { class: "acc-row" }, ...Object.values(this.sets))), this.setNote),
    );
  }

  update(run: RunData, state: ViewerState): void {
    if (this.colorings !== run.colorings) {
      this.colorings = run.colorings;
      this.color.replaceChildren(...optionsOf(run.colorings));
    }
    this.run.value = state.run;
    this.color.value = state.color;
    const built = this.maps.ofRun(run.key);
    this.method.set(state.method, (method) => built.some((kind) => kind.method === method && kind.dimensions === state.dimensions));
    this.dimensions.set(state.dimensions, (dimensions) =>
      built.some((kind) => kind.dimensions === dimensions && kind.method === state.method),
    );
    const scaled = run.meta.steps.length > 1 ? " Each snapshot is scaled to fill the view." : "";
    this.note.textContent = this.maps.wordsOf(state.method).note + scaled;
    this.marks.set(state.marks, (marks) => marks !== "pictures" || !run.pictures.isTooLarge);
    this.size.value = String(state.size);
    this.edges.set(state.edges);
    this.extent.value = String(Math.log2(state.extent));
    this.extentField.hidden = state.edges !== "extent";
    this.sets.selection.disabled = state.selection.length === 0 || state.only;
    this.sets.neighborhood.disabled = state.focus === null || run.meta.neighbor_steps.length === 0;
    this.sets.all.disabled = !state.only;
    this.setNote.textContent = state.only ? `${count(state.selection.length)} of ${plural(run.count, "point")} shown.` : "";
  }

  /** Offers what may lie below the points; `note` says what the chosen one shows. */
  updateGround(choices: readonly GroundChoice[], state: ViewerState, note: string): void {
    this.groundField.hidden = choices.length === 0 || state.dimensions !== 2;
    if (this.grounds !== choices) {
      this.grounds = choices;
      this.ground.replaceChildren(h("option", { value: "" }, "Nothing"), ...choices.map(({ id, label }) => h("option", { value: id }, label)));
    }
    this.ground.value = state.ground;
    this.opacity.value = String(state.opacity);
    this.opacity.disabled = state.ground === "";
    this.groundNote.textContent = note;
  }
}

/** Choices of a colouring; those of a group stand together. */
function optionsOf(colorings: readonly Coloring[]): HTMLElement[] {
  const option = ({ id, label }: Coloring) => h("option", { value: id }, label);
  const groups = [...new Set(colorings.flatMap(({ group }) => group ?? []))];
  return [
    ...colorings.filter(({ group }) => !group).map(option),
    ...groups.map((name) => h("optgroup", { label: name }, ...colorings.filter(({ group }) => group === name).map(option))),
  ];
}
