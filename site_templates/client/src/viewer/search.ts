import { h, icon } from "../shared/dom";
import { plural } from "../shared/format";
import type { RunData } from "./run_data";

/** What the search knows of the points. */
export interface Searchable {
  count: number;
  classes: readonly string[] | null;
  labels: ArrayLike<number>;
  predictions: ArrayLike<number> | null;
}

export interface Suggestion {
  text: string;
  note: string;
  /** A single point is focused; several are selected. */
  indices: readonly number[];
}

export function searchable(run: RunData): Searchable {
  return {
    count: run.count,
    classes: run.dataset.classes,
    labels: run.values("label"),
    predictions: run.has("prediction") ? run.values("prediction") : null,
  };
}

const MOST = 8;

/** What `query` may mean: a point ("7", "#7"), a label, a prediction, the wrong ones of a label, or "wrong". */
export function suggest(query: string, data: Searchable): Suggestion[] {
  const text = query.trim().toLowerCase();
  if (!text) return [];
  const found: Suggestion[] = [];
  const where = (title: string, test: (label: number, prediction: number | null) => boolean) => {
    const indices: number[] = [];
    for (let i = 0; i < data.count; i++) if (test(data.labels[i]!, data.predictions?.[i] ?? null)) indices.push(i);
    if (indices.length > 0) found.push({ text: title, note: plural(indices.length, "point"), indices });
  };
  const point = /^(?:#|point\s*)?(\d+)$/.exec(text);
  const index = point ? Number(point[1]) : -1;
  const onlyPoint = /^[#p]/.test(text) && point !== null;
  if (!onlyPoint) {
    const named = (data.classes ?? []).map((name, id) => ({ name, id }));
    const matching = named.filter(({ name }) => (point ? name === text : name.toLowerCase().includes(text.replace(/^label\s*/, ""))));
    for (const { name, id } of matching) {
      where(`Label ${name}`, (label) => label === id);
      if (data.predictions) {
        where(`Predicted ${name}`, (_, prediction) => prediction === id);
        where(`Label ${name}, predicted wrong`, (label, prediction) => label === id && prediction !== id);
      }
    }
    if (data.predictions && data.classes && "wrong mistakes errors".includes(text) && text.length > 2) {
      where("All wrong predictions", (label, prediction) => label !== prediction);
    }
  }
  if (index >= 0 && index < data.count) found.push({ text: `Point ${index}`, note: "", indices: [index] });
  return found.slice(0, MOST);
}

/** A text field with suggestions, as the ARIA combobox pattern asks. */
export class Search {
  readonly element: HTMLElement;
  readonly input: HTMLInputElement;
  private readonly list = h("ul", { class: "acc-suggestions", role: "listbox", id: "acc-suggestions", hidden: true });
  private found: Suggestion[] = [];
  private active = 0;

  constructor(
    private readonly data: () => Searchable,
    private readonly onChoose: (suggestion: Suggestion) => void,
  ) {
    this.input = h("input", {
      type: "search",
      placeholder: "Index, label or “wrong”",
      autocomplete: "off",
      spellcheck: "false",
      role: "combobox",
      "aria-label": "Search points by index or label",
      "aria-autocomplete": "list",
      "aria-controls": "acc-suggestions",
      "aria-expanded": "false",
      oninput: () => this.update(),
      onfocus: () => this.update(),
      onblur: () => setTimeout(() => this.close(), 120),
      onkeydown: (event: KeyboardEvent) => this.key(event),
    });
    this.element = h("div", { class: "acc-search" }, icon("search"), this.input, this.list);
  }

  private update(): void {
    this.found = suggest(this.input.value, this.data());
    this.active = 0;
    this.show();
  }

  private show(): void {
    const open = this.input.value.trim() !== "";
    const nothing = h("li", { class: "acc-suggestion-none" }, "Nothing matches");
    const items = this.found.map((suggestion, i) =>
      h(
        "li",
        { role: "option", id: `acc-suggestion-${i}`, "aria-selected": i === this.active ? "true" : "false", onpointerdown: () => this.choose(i) },
        h("span", {}, suggestion.text),
        h("span", { class: "acc-legend-count" }, suggestion.note),
      ),
    );
    this.list.replaceChildren(...(items.length > 0 ? items : [nothing]));
    this.list.hidden = !open;
    this.input.setAttribute("aria-expanded", String(open));
    if (open && items.length > 0) this.input.setAttribute("aria-activedescendant", `acc-suggestion-${this.active}`);
    else this.input.removeAttribute("aria-activedescendant");
  }

  private key(event: KeyboardEvent): void {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move && this.found.length > 0) {
      event.preventDefault();
      this.active = (this.active + move + this.found.length) % this.found.length;
      this.show();
    } else if (event.key === "Enter") this.choose(this.active);
    else if (event.key === "Escape") {
      event.stopPropagation();
      this.input.value = "";
      this.close();
    }
  }

  private choose(i: number): void {
    const suggestion = this.found[i];
    if (!suggestion) return;
    this.close();
    this.onChoose(suggestion);
  }

  private close(): void {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
  }
}
