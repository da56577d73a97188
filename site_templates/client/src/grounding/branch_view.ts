import { PictureCanvas } from "../playground/painting";
import { h, provenanceLine } from "../shared/dom";
import { number, percent } from "../shared/format";
import type { Theme } from "../shared/palette";
import { UMAP_NOTE } from "../viewer/panel";
import { DriftChart } from "./drift_chart";
import type { GroundedModel, Landing, Path, Probe, Step } from "./grounded_model";
import { NeighborList } from "./neighbor_list";
import { Space } from "./space";

const MAP_NOTE = `${UMAP_NOTE} The marker is the weighted mean of its neighbours' places; where they lie apart it stands where no test image is, hollow and called off the map.`;
const OFF_MAP = "its neighbours lie in several parts of the map, and no test image lies at the marker between them";

export type Result = Probe | Step;

/** What a loaded branch shows: the map, decoded pictures, facts and neighbours. */
export class BranchView {
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

  /** `onPick` hears of pictures of the data set that are clicked. */
  constructor(
    readonly grounded: GroundedModel,
    name: string,
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
      h("p", { class: "acc-hint acc-map-note" }, MAP_NOTE),
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

  /** `top` is the end of the axis of the drift; see `scaleDrift`. */
  show(result: Result, path: Path | null, t: number, top: number, theme: Theme): void {
    const isStep = result.kind === "step";
    this.space.show(result.at, path);
    this.neighbors.update(result.at, theme);
    this.decoded.show(result.decoded);
    this.straightFigure.hidden = !isStep;
    this.chartFigure.hidden = !isStep;
    this.caption.replaceChildren(...(isStep ? ["regrounded", h("br"), math("D(E(D(z", "t", ")))")] : ["decoded", h("br"), math("D(E(x))")]));
    this.facts.replaceChildren(...(isStep && path ? driftFacts(result, path) : isStep ? [] : this.probeFacts(result)));
    if (isStep && path) {
      this.straight.show(result.straight);
      this.chart.update(path.drifts, t, top);
    }
  }

  /** Sets the axis that the drift charts of all branches share. */
  scaleDrift(top: number): void {
    this.chart.scale(top);
  }

  dispose(): void {
    this.space.dispose();
  }

  private probeFacts({ error, at }: Probe): HTMLElement[] {
    const { encode, decode } = this.grounded.model.times;
    return [
      ...fact("squared error", number(error), "mean over the pixels of the augmented input and the decoded picture"),
      ...placeFacts(at),
      ...fact("inference", `${(encode + decode).toFixed(1)} ms`, `encoder ${encode.toFixed(1)} ms, decoder ${decode.toFixed(1)} ms`),
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

function fact(name: string, value: string, title: string): HTMLElement[] {
  return [h("dt", { title }, name), h("dd", { title }, value)];
}

/** A short formula, with its index as a subscript. */
export function math(before: string, index = "", after = ""): HTMLElement {
  return h("span", { class: "acc-math" }, before, index && h("sub", {}, index), after);
}
