import type { BranchPanel } from "../branches/panel";
import type { Code } from "../model/code";
import { PictureCanvas } from "../picture/canvas";
import { h, provenanceLine } from "../shared/dom";
import { fact, timeFact } from "../shared/facts";
import { number, percent } from "../shared/format";
import { readPageColors } from "../shared/theme";
import { DriftChart } from "./drift_chart";
import type { GroundedModel, Landing, Path, Probe, Step } from "./grounded_model";
import { NeighborList } from "./neighbor_list";
import { Space } from "./space";

const MARKER_NOTE = "The marker is the weighted mean of its neighbours' places; where they lie apart it stands where no test image is, hollow and called off the map.";
const OFF_MAP = "its neighbours lie in several parts of the map, and no test image lies at the marker between them";

/** What every branch is asked to show; `source`, `a` and `b` are pictures of the data set by their index. */
export type Question =
  | { kind: "probe"; picture: Float32Array; source: number | null; isNew: boolean }
  | { kind: "step"; a: number; b: number; t: number };

export type Result = Probe | Step;

export type GroundBranch = BranchPanel<Question, GroundedModel, GroundView>;

/** Encoder, decoder and map of a branch at work on a question: the map, decoded pictures, facts and neighbours. */
export class GroundView {
  readonly element: HTMLElement;
  readonly space: Space;
  private readonly neighbors: NeighborList;
  private readonly decoded: PictureCanvas;
  private readonly straight: PictureCanvas;
  private readonly straightFigure: HTMLElement;
  private readonly caption = h("figcaption", {});
  private readonly facts = h("dl", { class: "acc-facts" });
  private readonly chart = new DriftChart();
  private readonly chartFigure: HTMLElement;
  /** The newest answer. */
  result: Result | null = null;
  /** Milliseconds from a question to its answer on the screen, for the last ones. */
  readonly frameTimes: number[] = [];
  /** The way between the ends that were asked for last. */
  private path: Path | null = null;
  private isDisposed = false;

  /** `note` says what distances on the map mean; `onPick` hears of pictures of the data set that are clicked. */
  constructor(
    readonly grounded: GroundedModel,
    name: string,
    note: string,
    onPick: (picture: number) => void,
  ) {
    const { model, manifold } = grounded;
    const { meta } = model;
    const pick = (row: number) => onPick(manifold.indices[row]!);
    this.space = new Space(manifold, name, pick);
    this.neighbors = new NeighborList(manifold, pick);
    this.decoded = new PictureCanvas("What the decoder draws", meta.channels, meta.image_size);
    this.straight = new PictureCanvas("What the decoder draws from the straight line", meta.channels, meta.image_size);
    this.straightFigure = h("figure", {}, this.straight.element, h("figcaption", {}, "on the line", h("br"), math("D(z", "t", ")")));
    this.chartFigure = h("figure", { class: "acc-drift-figure" }, this.chart.element, h("figcaption", {}, h("span", {}, "A"), h("span", {}, "drift, in % of A to B"), h("span", {}, "B")));
    this.element = h(
      "div",
      { class: "acc-ground-view" },
      this.space.element,
      h("p", { class: "acc-hint acc-map-note" }, `${note} ${MARKER_NOTE}`),
      h(
        "div",
        { class: "acc-ground-below" },
        h("div", { class: "acc-ground-pictures" }, this.straightFigure, h("figure", {}, this.decoded.element, this.caption)),
        h("div", { class: "acc-ground-facts" }, this.facts, this.chartFigure),
        this.neighbors.element,
      ),
      provenanceLine(manifold.meta.provenance ?? meta.provenance),
    );
  }

  get code(): Code | null {
    return this.result?.at.code ?? null;
  }

  /** The largest drift on the way that is shown, in parts of its length; 0 where none is. */
  get mostDrift(): number {
    return this.result?.kind === "step" && this.path ? Math.max(...this.path.drifts) : 0;
  }

  async answer(question: Question): Promise<void> {
    const start = performance.now();
    if (question.kind === "probe") {
      if (question.isNew) this.space.forgetTrail();
      const probe = await this.grounded.probe(question.picture, question.source);
      if (!this.isDisposed) this.showProbe(probe);
    } else {
      const { a, b, t } = question;
      if (this.path?.pictures[0] !== a || this.path.pictures[1] !== b) this.path = await this.grounded.path(a, b);
      const step = await this.grounded.step(this.path, t);
      if (!this.isDisposed) this.showStep(step, this.path, t);
    }
    this.frameTimes.push(performance.now() - start);
    if (this.frameTimes.length > 240) this.frameTimes.shift();
  }

  /** Sets the axis that the drift charts of all branches share. */
  scaleDrift(top: number): void {
    this.chart.scale(top);
  }

  dispose(): void {
    this.isDisposed = true;
    this.space.dispose();
  }

  private showProbe(probe: Probe): void {
    this.show(probe, null);
    this.caption.replaceChildren("decoded", h("br"), math("D(E(x))"));
    this.facts.replaceChildren(...this.probeFacts(probe));
  }

  private showStep(step: Step, path: Path, t: number): void {
    this.show(step, path);
    this.caption.replaceChildren("regrounded", h("br"), math("D(E(D(z", "t", ")))"));
    this.facts.replaceChildren(...driftFacts(step, path));
    this.straight.show(step.straight);
    this.chart.update(path.drifts, t);
  }

  private show(result: Result, path: Path | null): void {
    this.result = result;
    this.space.show(result.at, path);
    this.neighbors.update(result.at, readPageColors().theme);
    this.decoded.show(result.decoded);
    this.straightFigure.hidden = this.chartFigure.hidden = path === null;
  }

  private probeFacts({ error, at }: Probe): HTMLElement[] {
    return [
      ...fact("squared error", number(error), "mean over the pixels of the augmented input and the decoded picture"),
      ...placeFacts(at),
      ...timeFact("inference", this.grounded.model.times()),
    ];
  }
}

function driftFacts({ drift, at }: Step, { length }: Path): HTMLElement[] {
  return [
    ...fact("drift", number(drift), "distance between z_t and E(D(z_t)), in latent space"),
    ...fact("of A to B", percent(drift / length), `A and B are ${number(length)} apart in latent space`),
    ...placeFacts(at),
  ];
}

function placeFacts({ placement, spread, isOffMap }: Landing): HTMLElement[] {
  return [
    ...fact("nearest at", number(placement.distances[0]!), "distance to the nearest reference point, in latent space"),
    ...fact("neighbours", `± ${percent(spread)}`, "how far its neighbours lie around the marker, in parts of the map's radius"),
    ...fact("place", isOffMap ? "off the map" : "on the map", isOffMap ? OFF_MAP : "test images lie at the marker"),
  ];
}

/** A short formula, with its index as a subscript. */
export function math(before: string, index = "", after = ""): HTMLElement {
  return h("span", { class: "acc-math" }, before, index && h("sub", {}, index), after);
}
