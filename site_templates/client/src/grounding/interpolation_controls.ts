import { h, icon } from "../shared/dom";
import { play } from "../shared/motion";
import { math } from "./ground_view";
import type { Manifold } from "./manifold";
import type { End, GroundingState } from "./state";

const STEPS = 10; // of a play from A to B where motion is reduced
const INTERVAL = 450; // ms each
const ENDS: readonly End[] = ["a", "b"];

/** The two ends of an interpolation, the slider between them, and play. */
export class InterpolationControls {
  readonly element: HTMLElement;
  private readonly cards: Readonly<Record<End, { button: HTMLButtonElement; picture: HTMLElement; select: HTMLSelectElement }>>;
  private readonly slider: HTMLInputElement;
  private readonly output = h("output", { class: "acc-slider-value" });
  private readonly playButton: HTMLButtonElement;
  private state: GroundingState | null = null;
  private stop: (() => void) | null = null;

  constructor(
    private readonly manifold: Manifold,
    private readonly onChange: (patch: Partial<GroundingState>) => void,
  ) {
    this.cards = { a: this.createEnd("a"), b: this.createEnd("b") };
    this.slider = h("input", { type: "range", min: 0, max: 1, step: 0.005, "aria-label": "Way from A to B", oninput: () => this.slide() });
    this.slider.addEventListener("pointerdown", () => this.pause());
    this.playButton = h("button", { type: "button", class: "acc-button", title: "Keys: space plays, comma and full stop go one step", onclick: () => this.toggle() });
    this.showButton();
    const swap = h("button", { type: "button", class: "acc-button", onclick: () => this.swap() }, "Swap A and B");
    this.element = h(
      "section",
      { class: "acc-interpolation", "aria-label": "Interpolation" },
      h("p", { class: "acc-hint" }, "Click two points on a map. The pressed end is set next."),
      h("div", { class: "acc-ends" }, ...ENDS.map((end) => h("div", { class: "acc-end" }, this.cards[end].button, this.cards[end].select))),
      h("div", { class: "acc-way" }, h("span", {}, "A"), this.slider, h("span", {}, "B"), this.output),
      h("div", { class: "acc-row" }, this.playButton, swap),
      h(
        "ul",
        { class: "acc-way-legend" },
        h("li", { class: "acc-way-straight" }, "where ", math("z", "t"), " lies, on the straight line from A to B"),
        h("li", { class: "acc-way-regrounded" }, "where ", math("E(D(z", "t", "))"), " lies: decoded and encoded again"),
      ),
    );
  }

  update(state: GroundingState): void {
    this.state = state;
    const { classes, rowOf, pictures } = this.manifold;
    for (const end of ENDS) {
      const { button, picture, select } = this.cards[end];
      const index = state[end];
      if (index === null) continue;
      const row = rowOf.get(index);
      const name = row === undefined ? "" : classes.names[classes.of[row]!]!;
      const text = `${end.toUpperCase()}: ${name && `${name}, `}${pictures.nameOf(index)}`;
      pictures.show(picture, index, 84);
      button.setAttribute("aria-pressed", String(state.next === end));
      button.setAttribute("aria-label", `${text}. ${state.next === end ? "The next click on a map sets it." : "Press to set it by the next click on a map."}`);
      button.title = text;
      select.options[0]!.textContent = `picture ${index}`;
      select.value = String(this.manifold.typical.indexOf(row ?? -2));
      if (select.selectedIndex < 0) select.selectedIndex = 0;
    }
    this.slider.value = String(state.t);
    this.output.textContent = `t = ${state.t.toFixed(2)}`;
    this.slider.setAttribute("aria-valuetext", `${Math.round(state.t * 100)} % of the way from A to B`);
  }

  toggle(): void {
    if (this.stop) this.pause();
    else this.play();
  }

  pause(): void {
    this.stop?.();
    this.stop = null;
    this.showButton();
  }

  /** One step of the slider, forwards (1) or back (-1). */
  jump(by: 1 | -1): void {
    this.pause();
    const t = Math.round(((this.state?.t ?? 0) + by * 0.05) * 1000) / 1000;
    this.onChange({ t: Math.min(1, Math.max(0, t)) });
  }

  private play(): void {
    const start = (this.state?.t ?? 0) >= 1 ? 0 : (this.state?.t ?? 0) * STEPS;
    this.stop = () => {}; // a play without motion may end at once
    this.showButton();
    const stop = play(start, STEPS, INTERVAL, (time) => this.onChange({ t: time / STEPS }), () => this.pause());
    if (this.stop) this.stop = stop;
  }

  private slide(): void {
    this.pause();
    this.onChange({ t: Number(this.slider.value) });
  }

  private swap(): void {
    if (!this.state) return;
    const { a, b, t } = this.state;
    this.pause();
    this.onChange({ a: b, b: a, t: 1 - t });
  }

  private createEnd(end: End): { button: HTMLButtonElement; picture: HTMLElement; select: HTMLSelectElement } {
    const picture = h("span", {});
    const { classes, typical } = this.manifold;
    const select = h(
      "select",
      { "aria-label": `${end.toUpperCase()}: a typical picture of a class`, onchange: () => this.chooseClass(end, Number(select.value)) },
      h("option", { value: "-1" }, ""),
      ...typical.map((row, c) => (row < 0 ? null : h("option", { value: c }, `typical ${classes.names[c]}`))).filter((option) => option !== null),
    );
    const button = h("button", { type: "button", class: "acc-end-button", "aria-pressed": "false", onclick: () => this.onChange({ next: end }) }, h("span", { class: "acc-end-name" }, end.toUpperCase()), picture);
    return { button, picture, select };
  }

  private chooseClass(end: End, c: number): void {
    const row = this.manifold.typical[c];
    if (row === undefined || row < 0) return;
    this.pause();
    this.onChange({ [end]: this.manifold.indices[row]!, next: end === "a" ? "b" : "a" });
  }

  private showButton(): void {
    const playing = this.stop !== null;
    this.playButton.replaceChildren(icon(playing ? "pause" : "play"), playing ? "Pause" : "Play from A to B");
    this.playButton.setAttribute("aria-pressed", String(playing));
  }
}
