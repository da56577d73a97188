import { h, icon } from "../shared/dom";
import { type SliderRow, sliderRow } from "../shared/slider_row";
import { type AugmentationSettings, UNCHANGED } from "./augmentation";

interface Control {
  name: keyof AugmentationSettings;
  label: string;
  min: number;
  max: number;
  step: number;
  text: (value: number) => string;
}

const signed = (value: number) => String(value).replace("-", "−");

const CONTROLS: readonly Control[] = [
  { name: "shiftX", label: "Shift right", min: -8, max: 8, step: 0.5, text: (value) => `${signed(value)} px` },
  { name: "shiftY", label: "Shift down", min: -8, max: 8, step: 0.5, text: (value) => `${signed(value)} px` },
  { name: "rotation", label: "Rotation", min: -90, max: 90, step: 1, text: (value) => `${signed(value)}°` },
  { name: "scale", label: "Scale", min: 0.5, max: 1.5, step: 0.01, text: (value) => `× ${value.toFixed(2)}` },
  { name: "intensity", label: "Intensity", min: 0, max: 1.5, step: 0.01, text: (value) => `× ${value.toFixed(2)}` },
  { name: "noise", label: "Noise", min: 0, max: 0.5, step: 0.01, text: (value) => value.toFixed(2) },
  { name: "masking", label: "Masking", min: 0, max: 0.8, step: 0.01, text: (value) => `${Math.round(value * 100)} %` },
];

/** Sliders of the augmentation; a mark on each track shows where it changes nothing. */
export class AugmentationControls {
  readonly element: HTMLElement;
  private readonly rows: ReadonlyMap<keyof AugmentationSettings, SliderRow>;
  private readonly resetButton: HTMLButtonElement;
  private settings: AugmentationSettings = UNCHANGED;

  constructor(
    private readonly onChange: (settings: AugmentationSettings) => void,
    onNewNoise: () => void,
  ) {
    this.rows = new Map(CONTROLS.map((control) => [control.name, this.createRow(control)]));
    this.resetButton = h("button", { type: "button", class: "acc-button", onclick: () => onChange(UNCHANGED) }, icon("reset"), "Reset");
    this.element = h(
      "details",
      { class: "acc-augmentation", open: !window.matchMedia("(max-width: 48rem)").matches },
      h("summary", {}, "Augmentation"),
      ...[...this.rows.values()].map(({ row }) => row),
      h("div", { class: "acc-row" }, this.resetButton, h("button", { type: "button", class: "acc-button", title: "Draw other noise and another mask", onclick: onNewNoise }, "Other noise")),
    );
  }

  update(settings: AugmentationSettings): void {
    this.settings = settings;
    for (const { name, text } of CONTROLS) {
      const { input, output, row } = this.rows.get(name)!;
      const value = settings[name];
      input.value = String(value);
      output.textContent = text(value);
      input.setAttribute("aria-valuetext", text(value));
      row.classList.toggle("acc-edited", value !== UNCHANGED[name]);
    }
    this.resetButton.disabled = CONTROLS.every(({ name }) => settings[name] === UNCHANGED[name]);
  }

  private createRow({ name, label, min, max, step }: Control): SliderRow {
    const set = (value: number) => this.onChange({ ...this.settings, [name]: value });
    const slider = sliderRow(label, "Double-click: no change", { move: set, reset: () => set(UNCHANGED[name]) });
    Object.assign(slider.input, { min: String(min), max: String(max), step: String(step) });
    slider.mark((UNCHANGED[name] - min) / (max - min));
    return slider;
  }
}
