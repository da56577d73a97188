import { animate, ease } from "../shared/motion";
import type { Projection } from "./run_data";

/** Where the points are: a mix of two layers of positions (N, 3), which the graphics card computes too. */
export interface Blend {
  from: Float32Array;
  to: Float32Array;
  mix: number;
}

/** Position on the list of snapshots (0 .. S-1, in between interpolated) of a training step. */
export function timeOfStep(step: number, steps: readonly number[]): number {
  const next = steps.findIndex((s) => s >= step);
  if (next === 0) return 0;
  if (next < 0) return steps.length - 1;
  const before = steps[next - 1]!;
  return next - 1 + (step - before) / (steps[next]! - before);
}

/** Inverse of `timeOfStep`. */
export function stepOfTime(time: number, steps: readonly number[]): number {
  const clamped = Math.min(steps.length - 1, Math.max(0, time));
  const index = Math.min(Math.max(0, steps.length - 2), Math.floor(clamped));
  const before = steps[index] ?? 0;
  return before + ((steps[index + 1] ?? before) - before) * (clamped - index);
}

/** Moves the points: along the snapshots of one projection, and by an animation from any layout to any other. */
export class Layout {
  private blend: Blend;
  private stop: () => void = () => {};

  constructor(
    private projection: Projection,
    private step: number,
    private readonly onChange: (blend: Blend) => void,
  ) {
    this.blend = this.target();
  }

  /** Shows `projection` at `step`, reached in `duration` ms; `onFrame` gets the eased progress. */
  moveTo(projection: Projection, step: number, duration: number, onFrame: (progress: number) => void): void {
    this.stop();
    const from = this.positions();
    this.projection = projection;
    this.step = step;
    const to = mixed(this.target());
    this.stop = animate(from.length === to.length ? duration : 0, (progress) => {
      this.publish(progress < 1 ? { from, to, mix: ease(progress) } : this.target());
      onFrame(ease(progress));
    });
  }

  /** Follows the slider over the snapshots. */
  showStep(step: number): void {
    this.stop();
    this.step = step;
    this.publish(this.target());
  }

  /** The positions (N, 3) as they are now; a copy. */
  positions(): Float32Array {
    return mixed(this.blend);
  }

  current(): Blend {
    return this.blend;
  }

  private target(): Blend {
    const { layer, steps } = this.projection;
    const time = timeOfStep(this.step, steps);
    const index = Math.floor(time);
    const from = layer(index).points;
    return { from, to: time > index ? layer(index + 1).points : from, mix: time - index };
  }

  private publish(blend: Blend): void {
    this.blend = blend;
    this.onChange(blend);
  }
}

function mixed({ from, to, mix }: Blend): Float32Array {
  const out = from.slice();
  if (mix > 0) for (let i = 0; i < out.length; i++) out[i]! += (to[i]! - out[i]!) * mix;
  return out;
}
