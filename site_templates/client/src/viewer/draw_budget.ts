const FIRST = 100_000; // points of the first frame, before any was timed
const FEWEST = 10_000;
const AIM = 45; // ms of a frame
const NEAR = 0.15; // of it that a frame may take more or less before the budget changes
const STEP = { down: 0.25, up: 1.5 }; // at most, at once: a frame may be slow for other reasons
const PAUSE = 2_000; // ms that no frame takes: the page was out of sight

/** How many points a frame may draw, by the time that frames take on this machine. */
export class DrawBudget {
  points = FIRST;

  /** Hears of a frame that drew so many points in so many milliseconds, until the next one could begin. */
  told(drawn: number, time: number): void {
    if (drawn < FEWEST || time > PAUSE) return; // it says little of points
    const share = AIM / time;
    if (share < 1 - NEAR) this.points = Math.max(FEWEST, Math.round(Math.min(this.points, drawn * Math.max(STEP.down, share))));
    else if (share > 1 + NEAR && drawn >= this.points) this.points = Math.round(this.points * Math.min(STEP.up, share));
  }
}
