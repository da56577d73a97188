import { h, icon, iconButton } from "../shared/dom";
import { count } from "../shared/format";
import { play } from "../shared/motion";

const SECONDS = 8; // in which a whole run is played
const SLOWEST = 250; // ms a step

/** The slider over the steps of a run, with play; at its end it follows what comes. */
export class Scrubber {
  readonly element: HTMLElement;
  private readonly button: HTMLButtonElement;
  private readonly slider: HTMLInputElement;
  private readonly output = h("output", { class: "run-step" });
  private steps: readonly number[] = [];
  private live = false;
  private follows = true;
  private stop: (() => void) | null = null;

  constructor(private readonly onStep: () => void) {
    this.button = iconButton("play", "Play the run", () => (this.stop ? this.pause() : this.play()));
    this.slider = h("input", { type: "range", min: 0, step: 1, "aria-label": "Training step", oninput: () => this.go(Number(this.slider.value)) });
    for (const kind of ["pointerdown", "keydown"]) this.slider.addEventListener(kind, () => this.pause());
    this.element = h("div", { class: "run-scrubber" }, this.button, this.slider, this.output);
  }

  /** The step that is shown; infinite at the end, where all that there is is shown. */
  get step(): number {
    return this.follows ? Infinity : (this.steps[Number(this.slider.value)] ?? Infinity);
  }

  update(steps: readonly number[], live: boolean): void {
    const at = this.step;
    [this.steps, this.live] = [steps, live];
    this.element.hidden = steps.length < 2;
    this.slider.max = String(Math.max(0, steps.length - 1));
    const index = steps.findLastIndex((step) => step <= at);
    this.slider.value = this.follows ? this.slider.max : String(Math.max(0, index));
    this.tell();
  }

  private go(index: number): void {
    this.slider.value = String(index);
    this.follows = index >= this.steps.length - 1;
    this.tell();
    this.onStep();
  }

  private tell(): void {
    const step = this.steps[Number(this.slider.value)] ?? 0;
    const text = `step ${count(Math.round(step))}${this.live && this.follows ? ", live" : ""}`;
    this.output.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
  }

  private play(): void {
    const last = this.steps.length - 1;
    const from = Number(this.slider.value) >= last ? 0 : Number(this.slider.value);
    this.show(true);
    this.stop = play(from, last, Math.min(SLOWEST, (1000 * SECONDS) / last), (time) => this.go(Math.floor(time)), () => this.pause());
  }

  private pause(): void {
    this.stop?.();
    this.stop = null;
    this.show(false);
  }

  private show(playing: boolean): void {
    const label = playing ? "Pause" : "Play the run";
    this.button.replaceChildren(icon(playing ? "pause" : "play"));
    this.button.title = label;
    this.button.setAttribute("aria-label", label);
  }
}
