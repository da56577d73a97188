import type { Maps } from "../shared/maps";
import type { Theme } from "../shared/palette";
import { densityChoices, DISTORTION, type Ground, type GroundChoice, loadGround } from "./ground";
import { timeOfStep } from "./layout";
import type { Panel } from "./panel";
import type { Shown } from "./run_data";
import type { Stage } from "./stage";
import type { ViewerState } from "./state";

/** What the viewer shows at this moment. */
export interface Now {
  shown: Shown;
  state: ViewerState;
  theme: Theme;
}

/** What lies below the points of the map that is shown, and what else may. */
export class ShownGround {
  private choices: readonly GroundChoice[] = [];
  private ground: Ground | null = null;
  private request = 0;

  /** `failed` hears of data that cannot be loaded. */
  constructor(
    private readonly maps: Maps,
    private readonly stage: Stage,
    private readonly panel: Panel,
    private readonly now: () => Now,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Brings what may lie below the points of the map, and what the state asks for of it; of several requests the last counts. */
  async bring(): Promise<void> {
    const request = ++this.request;
    const { shown, state } = this.now();
    const { run, projection } = shown;
    const { method, dimensions } = projection.kind;
    const has = (what: string) => dimensions === 2 && this.maps.has(run.key, `${what}-${method}`);
    try {
      const choices = has("density") ? await densityChoices(run.key, method) : [];
      if (has(DISTORTION)) choices.push({ id: DISTORTION, label: "Distortion of the map" });
      const found = choices.some(({ id }) => id === state.ground) ? await loadGround(run.key, method, state.ground) : null;
      if (request !== this.request) return;
      const isSame = JSON.stringify(choices) === JSON.stringify(this.choices);
      if (!isSame) this.choices = choices;
      this.ground = found;
      this.draw();
    } catch (error) {
      if (request === this.request) this.failed(error);
    }
  }

  draw(): void {
    const { shown, state, theme } = this.now();
    const { steps, layer, kind } = shown.projection;
    const time = timeOfStep(state.step, steps);
    const [before, after] = [Math.floor(time), Math.ceil(time)];
    const at = (s: number, share: number) => ({ step: steps[s]!, fit: layer(s).fit, share });
    const snapshots = before === after ? [at(before, 1)] : [at(before, 1 - (time - before)), at(after, time - before)];
    this.stage.ground.show(kind.dimensions === 2 ? this.ground : null, snapshots, state.opacity, theme);
    this.panel.updateGround(this.choices, state, this.ground?.note ?? "");
    this.stage.redraw();
  }

  /** The choice after another one, around the end; "" is none. */
  after(ground: string): string {
    const ids = ["", ...this.choices.map(({ id }) => id)];
    return ids[(ids.indexOf(ground) + 1) % ids.length]!;
  }
}
