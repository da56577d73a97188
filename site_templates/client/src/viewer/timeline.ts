import { h, iconButton, icon } from "../shared/dom";
import { count } from "../shared/format";
import { play } from "../shared/motion";
import { stepOfTime, timeOfStep } from "./layout";

const INTERVAL = 1000; // ms from one snapshot to the next while playing
const SNAP = 0.05; // of an interval

/** The slider over the snapshots of training, with play. */
export class Timeline {
  readonly element: HTMLElement;
  private readonly slider: HTMLInputElement;
  private readonly output = h("output", { class: "acc-timeline-step" });
  private readonly ticks = h("div", { class: "acc-timeline-ticks", "aria-hidden": "true" });
  private readonly button: HTMLButtonElement;
  private steps: readonly number[] = [];
  private stop: (() => void) | null = null;

  constructor(private readonly onStep: (step: number) => void) {
    this.button = iconButton("play", "Play training", () => this.toggle());
    this.slider = h("input", { type: "range", min: 0, step: "any", "aria-label": "Training step", oninput: () => this.slide() });
    this.slider.addEventListener("keydown", (event) => this.key(event));
    this.slider.addEventListener("pointerdown", () => this.pause());
    this.element = h(
      "div",
      { class: "acc-timeline" },
      this.button,
      h("div", { class: "acc-timeline-track" }, this.slider, this.ticks),
      this.output,
    );
  }

  update(steps: readonly number[], step: number): void {
    if (steps !== this.steps) {
      this.steps = steps;
      this.slider.max = String(steps.length - 1);
      const [few, many] = [4, 12].map((room) => Math.ceil(steps.length / room)); // labels on a narrow and on a wide track
      const last = steps.length - 1;
      this.ticks.replaceChildren(
        ...steps.map((value, i) =>
          h(
            "span",
            { style: `left:${(i / Math.max(1, last)) * 100}%` },
            (last - i) % many! === 0 ? h("span", { class: (last - i) % few! === 0 ? "" : "acc-timeline-wide" }, compact(value)) : "",
          ),
        ),
      );
      this.element.hidden = steps.length < 2;
    }
    const time = timeOfStep(step, steps);
    this.slider.value = String(time);
    const text = Number.isInteger(time) ? `step ${count(step)}` : `between steps ${count(steps[Math.floor(time)]!)} and ${count(steps[Math.ceil(time)]!)}`;
    this.slider.setAttribute("aria-valuetext", text);
    this.output.textContent = `${Number.isInteger(time) ? "" : "≈ "}step ${count(Math.round(step))}`;
  }

  /** Plays from here to the end, from the start where it stands at the end. */
  toggle(): void {
    if (this.stop) this.pause();
    else this.play();
  }

  /** To the next (1) or previous (-1) snapshot. */
  jump(by: 1 | -1): void {
    this.pause();
    const time = Number(this.slider.value);
    this.go(by > 0 ? Math.floor(time + 1 + 1e-6) : Math.ceil(time - 1 - 1e-6));
  }

  pause(): void {
    this.stop?.();
    this.stop = null;
    this.showButton(false);
  }

  private play(): void {
    const last = this.steps.length - 1;
    if (last < 1) return;
    const start = Number(this.slider.value) >= last ? 0 : Number(this.slider.value);
    this.showButton(true);
    this.stop = play(start, last, INTERVAL, (time) => this.go(time), () => this.pause());
  }

  private slide(): void {
    const time = Number(this.slider.value);
    const nearest = Math.round(time);
    this.go(Math.abs(time - nearest) < SNAP ? nearest : time);
  }

  private key(event: KeyboardEvent): void {
    const keys: Record<string, () => void> = {
      ArrowRight: () => this.jump(1),
      ArrowUp: () => this.jump(1),
      ArrowLeft: () => this.jump(-1),
      ArrowDown: () => this.jump(-1),
      Home: () => this.go(0),
      End: () => this.go(this.steps.length - 1),
    };
    const run = keys[event.key];
    if (!run) return;
    event.preventDefault();
    run();
  }

  private go(time: number): void {
    this.onStep(stepOfTime(time, this.steps));
  }

  private showButton(playing: boolean): void {
    const label = playing ? "Pause" : "Play training";
    this.button.replaceChildren(icon(playing ? "pause" : "play"));
    this.button.title = label;
    this.button.setAttribute("aria-label", label);
  }
}

function compact(value: number): string {
  return value >= 1000 && value % 100 === 0 ? `${value / 1000}k` : String(value);
}
