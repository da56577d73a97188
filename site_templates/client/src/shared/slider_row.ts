import { h } from "./dom";

/** A slider with its name before and its value behind it; a mark on the track shows the value it belongs at. */
export interface SliderRow {
  row: HTMLElement;
  name: HTMLElement;
  input: HTMLInputElement;
  output: HTMLOutputElement;
  /** Puts the mark at `share` (0..1) of the track. */
  mark: (share: number) => void;
}

export function sliderRow(label: string, title: string, on: { move: (value: number) => void; reset: () => void }): SliderRow {
  const output = h("output", { class: "acc-slider-value" });
  const input = h("input", { type: "range", "aria-label": label, oninput: () => on.move(Number(input.value)), ondblclick: on.reset });
  const name = h("span", { class: "acc-slider-name" }, label);
  const row = h(
    "div",
    { class: "acc-slider", title },
    name,
    h("span", { class: "acc-slider-track" }, input),
    output,
  );
  return { row, name, input, output, mark: (share) => row.style.setProperty("--encoded", String(share)) };
}
