import { type Data, loadData } from "../data";
import { PictureCanvas } from "../picture/canvas";
import { h, segmented } from "../shared/dom";
import { count, number } from "../shared/format";
import type { NetworkMeta } from "./contract";
import type { Look } from "./look";
import { setBox } from "./place_view";
import type { NetworkState } from "./state";

type Rank = NetworkState["rank"];

/** The test pictures that the chosen channel answers most, by its largest or its mean value. */
export class TopImages {
  readonly element: HTMLElement;
  private readonly rank;
  private readonly list = h("div", { class: "acc-top" });
  private readonly note: HTMLElement;

  /** `images` are null where the data set is not built. */
  constructor(
    private readonly meta: NetworkMeta,
    private readonly images: Data | null,
    onRank: (rank: Rank) => void,
  ) {
    this.rank = segmented<Rank>("Ranked by", [["max", "Largest value"], ["mean", "Mean"]], onRank);
    this.note = h("p", { class: "acc-hint" }, `Of the first ${count(meta.subset_n)} test pictures.`);
    this.element = h("div", {}, this.rank.element, this.list, this.note);
  }

  /** The test pictures of a run, where the site has them. */
  static async load(run: string, has: (key: string) => boolean): Promise<Data | null> {
    const key = `${run}/network-images`;
    return has(key) ? loadData(key) : null;
  }

  show({ snapshot, layer, channel }: Look, rank: Rank): void {
    this.rank.set(rank);
    const prefix = `topk/${layer.id}/${rank}`;
    const place = layer.channels.indexOf(channel);
    const isKnown = snapshot.has(`${prefix}/indices`);
    this.note.hidden = !isKnown;
    this.rank.element.hidden = !isKnown;
    if (!isKnown) {
      this.list.replaceChildren(h("p", { class: "acc-hint" }, `Not ranked: ${this.meta.lacks.topk ?? "this layer has no maps"}.`));
      return;
    }
    const indices = snapshot.row(`${prefix}/indices`, place);
    const scores = snapshot.row(`${prefix}/score`, place);
    if (snapshot.has(`${prefix}/least`) && scores[0] === snapshot.row(`${prefix}/least`)[place]) {
      this.list.replaceChildren(h("p", { class: "acc-hint" }, `No picture moves this channel: it is ${number(scores[0]!)} for all of them.`));
      return;
    }
    const at = rank === "max" ? snapshot.row(`${prefix}/xy`, place) : null;
    this.list.replaceChildren(...Array.from(indices, (index, k) => this.figure(index, scores[k]!, at && layer.receptive_field.status === "ok" ? fieldAt(layer.receptive_field, at[2 * k]!, at[2 * k + 1]!) : null)));
  }

  private figure(index: number, score: number, field: Field | null): HTMLElement {
    const [channels, height, width] = this.meta.image_shape;
    const name = `test picture ${index}: ${number(score)}`;
    const pixels = this.images?.arrays.images?.data.subarray(index * channels * height * width, (index + 1) * channels * height * width);
    const box = h("span", { class: "acc-box" });
    if (field) setBox(box, { left: field.columns[0], right: field.columns[1] - 1, top: field.rows[0], bottom: field.rows[1] - 1 }, height, width);
    const canvas = new PictureCanvas(name, channels, height);
    if (pixels) canvas.show(Float32Array.from(pixels, (value) => value / 255));
    return h("figure", { title: name }, pixels ? h("div", { class: "acc-map-frame" }, canvas.element, field && box) : h("b", {}, String(index)), h("figcaption", {}, number(score)));
  }
}

interface Field {
  columns: readonly [number, number];
  rows: readonly [number, number];
}

function fieldAt(field: { columns: ReadonlyArray<readonly [number, number]>; rows: ReadonlyArray<readonly [number, number]> }, x: number, y: number): Field | null {
  const [columns, rows] = [field.columns[x], field.rows[y]];
  return columns && rows && columns[0] < columns[1] && rows[0] < rows[1] ? { columns, rows } : null;
}
