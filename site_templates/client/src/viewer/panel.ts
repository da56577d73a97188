import { runSelect } from "../branches/choice";
import { h, segmented } from "../shared/dom";
import type { RunChoice } from "../shared/contract";
import type { Maps } from "../shared/maps";
import type { RunData } from "./run_data";
import type { Dimensions, Marks, ViewerState } from "./state";

/** The choices beside the stage: run, projection, colour, marks. */
export class Panel {
  readonly element: HTMLElement;
  private readonly run: HTMLSelectElement;
  private readonly color: HTMLSelectElement;
  private readonly method;
  private readonly dimensions;
  private readonly marks;
  private readonly size: HTMLInputElement;
  private readonly note = h("p", { class: "acc-hint acc-map-note" });
  private colorings: unknown = null;

  constructor(runs: readonly RunChoice[], private readonly maps: Maps, slots: { search: HTMLElement; legend: HTMLElement; focus: HTMLElement }, onChange: (patch: Partial<ViewerState>) => void) {
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
  }

  update(run: RunData, state: ViewerState): void {
    if (this.colorings !== run.colorings) {
      this.colorings = run.colorings;
      this.color.replaceChildren(...run.colorings.map(({ id, label }) => h("option", { value: id }, label)));
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
    this.marks.set(state.marks);
    this.size.value = String(state.size);
  }
}

function field(name: string, control: HTMLElement): HTMLElement {
  const isControl = control instanceof HTMLSelectElement || control instanceof HTMLInputElement;
  return h(isControl ? "label" : "div", { class: "acc-field" }, h("span", { class: "acc-field-name" }, name), control);
}
