import { arrayOf, floatsOf, loadData } from "../data";
import type { DatasetMeta, Provenance } from "../shared/contract";
import { Pictures } from "../shared/pictures";
import { layerOf } from "../viewer/layers";

/**
 * `<run>/labels`; arrays: `atlas` (bytes of one PNG, tile i of image `queue[i]`), `queue` (Q,) images that any rule asks
 * about, `probabilities` f32 (Q,K) of the classes; `pool` (N,) images that were looked at with `places` f32 (N,2) on the
 * map; of each rule `<rule>/images` (n,), most wanted first, and `<rule>/pool` f32 (N,), the scores of the pool.
 */
interface LabelsMeta extends DatasetMeta {
  recipe: string;
  node: string;
  seed: number;
  classes: readonly string[];
  /** Of the training split. */
  images: number;
  /** Of these, with a label. */
  labelled: number;
  /** Of the label file that its training read. */
  lines: number;
  /** Where the class probabilities come from. */
  probabilities: string;
  map: { title: string; note: string };
  rules: ReadonlyArray<{ id: string; words: string }>;
  provenance?: Provenance;
}

/** What a rule asks about. */
export interface Rule {
  id: string;
  words: string;
  /** Images, most wanted first. */
  order: readonly number[];
  /** Scores of the pool, (N,). */
  scores: Float32Array;
}

/** What one run asks people about. */
export interface Asked {
  meta: LabelsMeta;
  pictures: Pictures;
  /** Tile of an image in the atlas. */
  tileOf: ReadonlyMap<number, number>;
  /** Row of an image in the pool. */
  rowOf: ReadonlyMap<number, number>;
  /** Places of the pool on the map (N, 3), in a ball of radius 1. */
  places: Float32Array;
  spacing: number;
  rules: readonly Rule[];
  /** Probabilities of the classes (K,) of an image of the queue. */
  probabilitiesOf: (image: number) => ArrayLike<number>;
}

/** Loads what a run asks about. */
export async function loadAsked(run: string): Promise<Asked> {
  const key = `${run}/labels`;
  const data = await loadData<LabelsMeta>(key);
  const { meta } = data;
  const queue = arrayOf(data, key, "queue").data;
  const pool = arrayOf(data, key, "pool").data;
  const probabilities = floatsOf(data, key, "probabilities");
  const classes = meta.classes.length;
  const { points: places, spacing } = layerOf(floatsOf(data, key, "places"), 2);
  const tileOf = new Map(Array.from(queue, (image, tile) => [image, tile]));
  return {
    meta,
    pictures: await Pictures.decode(arrayOf(data, key, "atlas").data, meta),
    tileOf,
    rowOf: new Map(Array.from(pool, (image, row) => [image, row])),
    places,
    spacing,
    rules: meta.rules.map(({ id, words }) => ({
      id,
      words,
      order: Array.from(arrayOf(data, key, `${id}/images`).data),
      scores: floatsOf(data, key, `${id}/pool`),
    })),
    probabilitiesOf: (image) => probabilities.subarray(tileOf.get(image)! * classes, (tileOf.get(image)! + 1) * classes),
  };
}
