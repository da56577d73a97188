import { arrayOf, floatsOf, loadData } from "../data";
import type { DatasetMeta, ManifoldMeta } from "../shared/contract";
import { classColor } from "../shared/palette";
import { loadPictures, Pictures } from "../shared/pictures";
import { densestPoints } from "../viewer/class_labels";
import type { Classes } from "../viewer/coloring";
import { layerOf, nearestDistances } from "../viewer/layers";
import { l2Normalized, nearestLatents, type Placement } from "./barycentric";

/** The fixed map of one branch: reference latents with their places. Row i is picture `indices[i]` of `pictures`. */
export interface Manifold {
  meta: ManifoldMeta;
  dataset: DatasetMeta;
  pictures: Pictures;
  /** What the map's points are drawn from: tile `tiles[i]` of an atlas for row i. */
  drawn: { atlas: Pictures; tiles: ArrayLike<number> };
  points: Float32Array; // (N, 3), as the map was computed
  shown: Float32Array; // (N, 3), moved and scaled into a ball of radius 1
  /** Median distance from a shown point to its nearest one. */
  spacing: number;
  /** A place farther than this from every shown point is off the map: 99 of 100 points have another one nearer. */
  reach: number;
  raw: Float32Array; // (N, D), as encoded
  indices: ArrayLike<number>; // (N,)
  classes: Classes;
  /** A row in the densest part of each class, -1 where it has none. */
  typical: readonly number[];
  /** The row of a picture of the data set, if it is one of the reference points. */
  rowOf: ReadonlyMap<number, number>;
  /** What a latent (D), as encoded, lies between. */
  place: (latent: Float32Array) => Placement;
}

/** Loads the manifold of `run`, a key as `runs/<recipe>/<node>/seed-<n>`. */
export async function loadManifold(run: string): Promise<Manifold> {
  const key = `${run}/manifold`;
  const data = await loadData<ManifoldMeta>(key);
  const { meta } = data;
  const datasetKey = `datasets/${run.split("/")[1]}/${meta.dataset}`;
  const test = await loadPictures(datasetKey);
  const points = floatsOf(data, key, "reference_points");
  const latents = floatsOf(data, key, "reference_latents");
  const raw = floatsOf(data, key, "reference_latents_raw");
  const own = arrayOf(data, key, "indices").data;
  const isTest = (meta.split ?? "test") === "test";
  const atlas = isTest ? test : await Pictures.decode(arrayOf(data, key, "atlas").data, { ...test.meta, n: own.length, columns: meta.atlas_columns ?? 1 });
  const pictures = isTest ? test : await test.with({ atlas, indices: own });
  const indices = isTest ? own : Array.from(own, (index) => test.meta.n + index);
  const labels = arrayOf(data, key, "reference_labels").data;
  const count = indices.length;
  const [numbers, places] = [count * meta.latent_dim, count * 3];
  if (points.length !== places || latents.length !== numbers || raw.length !== numbers || labels.length !== count || count === 0) {
    throw new Error(`the arrays of "${key}" do not hold ${count} points of ${meta.latent_dim} dimensions; rebuild the site with: acc site`);
  }
  const { points: shown, spacing } = layerOf(points, 3);
  const classes = classesFrom(pictures.meta, labels);
  return {
    meta,
    dataset: pictures.meta,
    pictures,
    drawn: { atlas, tiles: isTest ? own : Array.from(own, (_, row) => row) },
    points,
    shown,
    spacing,
    reach: reachOf(shown),
    raw,
    indices,
    classes,
    typical: densestPoints(classes, shown),
    rowOf: new Map(Array.from(indices, (index, row) => [index, row])),
    place: (latent) => nearestLatents(meta.l2_normalized ? l2Normalized(latent) : latent, latents, meta.projection_k),
  };
}

/** The distance within which 99 % of the points (N, 3) have another one. */
export function reachOf(shown: Float32Array): number {
  const nearest = nearestDistances(shown, 500);
  return nearest[Math.floor((nearest.length - 1) * 0.99)] ?? 0;
}

/** The raw latent of reference row `row`. */
export function latentOfRow({ raw, meta }: Manifold, row: number): Float32Array {
  return raw.slice(row * meta.latent_dim, (row + 1) * meta.latent_dim);
}

function classesFrom(dataset: DatasetMeta, of: ArrayLike<number>): Classes {
  const labels = Array.from(of);
  const highest = labels.reduce((most, label) => Math.max(most, label), (dataset.classes?.length ?? 1) - 1);
  const names = Array.from({ length: highest + 1 }, (_, c) => dataset.classes?.[c] ?? String(c));
  const counts = names.map((_, c) => labels.filter((label) => label === c).length);
  return { id: "label", names, counts, color: classColor, of };
}
