import { arrayOf, type Data, floatsOf, loadData } from "../data";
import { PictureCanvas } from "../picture/canvas";
import type { MixtureMeta, SampleKind, SamplesMeta } from "../shared/contract";
import { h, renew } from "../shared/dom";
import { count, fixed, percent } from "../shared/format";
import type { Maps } from "../shared/maps";
import { classColor, type Theme } from "../shared/palette";
import { thumbnail } from "./details";
import { nearestSnapshot, type RunData } from "./run_data";
import type { ViewerState } from "./state";

/** What the mixture of a run is at every snapshot. */
interface Mixture {
  steps: readonly number[];
  components: number;
  p: Float32Array; // (S, K)
  counts: ArrayLike<number>; // (S, K)
  neff: Float32Array; // (S,)
  hardNeff: Float32Array;
}

export interface MixtureActions {
  /** Looks at a component, or at none. */
  part: (component: number | null) => void;
  focus: (index: number) => void;
}

/** The mixture at the snapshot that is shown, its weights over the training, and decoded samples of prior and posterior. */
export class MixtureView {
  readonly element = h("section", { class: "acc-mixture", "aria-label": "Mixture and samples", hidden: true });
  private request = 0;
  /** What is shown: the state changes many times a second while the slider moves, this seldom. */
  private shown = "";

  constructor(
    private readonly maps: Maps,
    private readonly on: MixtureActions,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Brings and shows what the run has of the snapshot next to the state's step; of several requests the last one counts. */
  async update(run: RunData, state: ViewerState, theme: Theme): Promise<void> {
    const snapshot = nearestSnapshot(state.step, run.meta.steps);
    const wanted = [run.key, snapshot, state.part, state.focus, state.color === "mixture:component", theme].join(" ");
    if (wanted === this.shown) return;
    this.shown = wanted;
    const request = ++this.request;
    try {
      const mixture = this.maps.has(run.key, "mixture") ? await loadMixture(`${run.key}/mixture`) : null;
      const steps = this.maps.stepsOf(run.key, "samples");
      const step = steps[nearestSnapshot(state.step, steps)];
      const key = `${run.key}/samples-${step}`;
      const samples = step === undefined ? null : await loadData<SamplesMeta>(key);
      if (request !== this.request) return;
      renew(this.element, "part", [
        ...(mixture ? this.mixtureParts(mixture, run, state, theme) : []),
        ...(samples ? this.sampleParts(samples, key, run, state, theme) : []),
      ]);
      this.element.hidden = !mixture && !samples;
    } catch (error) {
      if (request !== this.request) return;
      this.shown = "";
      this.onError(error);
    }
  }

  private mixtureParts(mixture: Mixture, run: RunData, state: ViewerState, theme: Theme): HTMLElement[] {
    const { steps, components, p, counts, neff, hardNeff } = mixture;
    const s = nearestSnapshot(state.step, steps);
    const row = (values: ArrayLike<number>) => Array.from({ length: components }, (_, c) => values[s * components + c]!);
    const [weights, preferred] = [row(p), row(counts)];
    const most = Math.max(...weights, ...preferred.map((value) => value / run.count));
    const colored = state.color === "mixture:component";
    const bars = weights.map((weight, c) => {
      const share = preferred[c]! / run.count;
      const said = `Component ${c}: weight ${percent(weight)}, likeliest of ${count(preferred[c]!)} images`;
      return h(
        "button",
        {
          type: "button",
          class: "acc-part",
          title: said,
          "aria-label": said,
          "aria-pressed": state.part === c ? "true" : "false",
          "data-part": c,
          onclick: () => this.on.part(state.part === c ? null : c),
        },
        h(
          "span",
          { class: "acc-part-room" },
          h("span", { class: "acc-part-fill", style: `height:${((weight / most) * 100).toFixed(1)}%;${colored ? `background:${classColor(c, theme)}` : ""}` }),
          h("span", { class: "acc-part-mark", style: `bottom:${((share / most) * 100).toFixed(1)}%` }),
        ),
        h("span", { class: "acc-part-name" }, String(c)),
      );
    });
    return [
      h(
        "div",
        {},
        h("h3", {}, `${fixed(neff[s]!, 1)} of ${components} components in effect`),
        h("p", { class: "acc-hint" }, `At step ${count(steps[s]!)}. Bar: mean of q(c|x). Line: share of the images that prefer the component, ${fixed(hardNeff[s]!, 1)} in effect.`),
        h("div", { class: "acc-parts", role: "group", "aria-label": "Components" }, ...bars),
      ),
      ...(steps.length > 1 ? [h("div", {}, h("h4", {}, "Effective components, and the weight of each, over training"), history(mixture, s, state.part))] : []),
    ];
  }

  private sampleParts(data: Data<SamplesMeta>, key: string, run: RunData, state: ViewerState, theme: Theme): HTMLElement[] {
    const { titles, step } = data.meta;
    const parts: HTMLElement[] = [];
    const block = (...children: HTMLElement[]) => parts.push(h("div", {}, ...children));
    if (titles.prior_component) {
      const rows = Array.from(arrayOf(data, key, "component").data);
      const chosen = rows.length === 1 ? 0 : rows.indexOf(state.part ?? -1);
      const title = rows.length === 1 || chosen < 0 ? titles.prior_component : `Samples of component ${rows[chosen]!}`;
      const shown = chosen < 0 ? h("p", { class: "acc-hint" }, "Choose a component.") : this.strip(data, key, "prior_component", chosen);
      block(h("h4", {}, `${title}, at step ${count(step)}`), shown);
    }
    if (titles.posterior_local) {
      const rows = Array.from(arrayOf(data, key, "idx").data);
      const chosen = rows.indexOf(state.focus ?? -1);
      const title = chosen < 0 ? `${titles.posterior_local} around these images` : `${titles.posterior_local} around point ${state.focus!}, at step ${count(step)}`;
      const others = rows.filter((index) => index !== state.focus);
      const thumbs = h("div", { class: "acc-thumbs" }, ...others.map((index) => thumbnail(run, index, 28, theme, "", () => this.on.focus(index))));
      block(h("h4", {}, title), ...(chosen >= 0 ? [this.strip(data, key, "posterior_local", chosen)] : []), thumbs);
    }
    return parts;
  }

  /** The decoded draws of one row. */
  private strip(data: Data<SamplesMeta>, key: string, kind: SampleKind, row: number): HTMLElement {
    const { data: pixels, shape } = arrayOf(data, key, kind);
    const [, draws = 0, channels = 1, side = 1] = shape;
    const size = channels * side * side;
    const pictures = Array.from({ length: draws }, (_, i) => {
      const picture = new PictureCanvas(`Sample ${i + 1} of ${draws}`, channels, side);
      const start = (row * draws + i) * size;
      picture.show(Float32Array.from(pixels.subarray(start, start + size), (value) => value / 255));
      return picture.element;
    });
    return h("div", { class: "acc-draws" }, ...pictures);
  }
}

async function loadMixture(key: string): Promise<Mixture> {
  const data = await loadData<MixtureMeta>(key);
  return {
    ...data.meta,
    p: floatsOf(data, key, "p"),
    counts: arrayOf(data, key, "argmax_counts").data,
    neff: floatsOf(data, key, "neff"),
    hardNeff: floatsOf(data, key, "argmax_neff"),
  };
}

const WIDE = 300;
const LINE = 44; // height of the chart of effective components
const STRIPE = 7; // height of a component's row

/** Effective components as a line, and below it the weight of each component (a row) at each snapshot (a column). */
function history({ steps, components, p, neff }: Mixture, now: number, part: number | null): HTMLElement {
  const column = WIDE / steps.length;
  const x = (s: number) => (s + 0.5) * column;
  const y = (value: number) => LINE - 4 - ((LINE - 8) * value) / components;
  const most = Math.max(...p);
  const line = Array.from(neff, (value, s) => `${x(s).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const cells: string[] = [];
  for (let s = 0; s < steps.length; s++) {
    for (let c = 0; c < components; c++) {
      const share = (p[s * components + c]! / most).toFixed(3);
      cells.push(`<rect x="${(s * column + 0.5).toFixed(1)}" y="${LINE + c * STRIPE}" width="${(column - 1).toFixed(1)}" height="${STRIPE - 1}" fill-opacity="${share}"/>`);
    }
  }
  const height = LINE + components * STRIPE + 1;
  const marked = part === null || part >= components ? "" : `<rect class="acc-history-part" x="0.5" y="${LINE + part * STRIPE - 1}" width="${WIDE - 1}" height="${STRIPE + 1}"/>`;
  const spoken = `Effective components from ${fixed(neff[0]!, 1)} at step ${steps[0]!} to ${fixed(neff.at(-1)!, 1)} at step ${steps.at(-1)!}, of ${components}; below it the weight of each component.`;
  const figure = h("div", { class: "acc-history", role: "img", "aria-label": spoken, title: spoken });
  figure.innerHTML =
    `<svg viewBox="0 0 ${WIDE} ${height}" aria-hidden="true"><rect class="acc-history-now" x="${(now * column).toFixed(1)}" y="0" width="${column.toFixed(1)}" height="${height}"/>` +
    `<g class="acc-history-cells">${cells.join("")}</g><polyline points="${line}"/>${marked}</svg>`;
  return figure;
}
