import { arrayOf, floatsOf, loadData, releaseData } from "../data";
import type { Coloring, DatasetMeta, NeighborsMeta, PointsMeta, ProjectionMeta } from "../shared/contract";
import { loadPictures, type Pictures } from "../shared/pictures";
import type { Dimensions, Method } from "./state";

/** All that one run knows of its points; row i is picture i of the data set. */
export interface RunData {
  key: string;
  meta: PointsMeta;
  dataset: DatasetMeta;
  pictures: Pictures;
  count: number;
  colorings: readonly Coloring[];
  /** Values (N,) of a colouring; class ids for a class colouring. */
  values: (id: string) => ArrayLike<number>;
  factorNames: readonly string[];
}

/** Coordinates of all snapshots, each (N, 3) with z = 0 in two dimensions, the final one in a ball of radius 1. */
export interface Projection {
  kind: { method: Method; dimensions: Dimensions };
  steps: readonly number[];
  layers: readonly Float32Array[];
  /** Median distance from a point to its nearest one in the final layer. */
  spacing: number;
}

export interface Neighbors {
  k: number;
  indices: ArrayLike<number>; // (N, k), nearest first
  distances: Float32Array; // (N, k), in latent space
}

/** Everything on the screen at one time. What the state asks for may still be loading. */
export interface Shown {
  run: RunData;
  projection: Projection;
  neighbors: Neighbors | null;
}

/** Whether a colouring shows what the data set knows of its images by name, or what a regression reads of it. */
export function isNamedColumn(id: string): boolean {
  return id.startsWith("data:") || id.startsWith("predicted:");
}

/** What a colouring is called: "Label", "x (ground truth)". */
export function coloringName(run: RunData, id: string): string {
  return run.colorings.find((coloring) => coloring.id === id)?.label ?? id;
}

/** Name of a point's class, or its number where the classes have no names. */
export function className(dataset: DatasetMeta, index: number): string {
  return dataset.classes?.[index] ?? String(index);
}

export async function loadRun(key: string): Promise<RunData> {
  const pointsKey = `${key}/points`;
  const points = await loadData<PointsMeta>(pointsKey);
  const { meta } = points;
  const datasetKey = `datasets/${meta.recipe}/${meta.dataset}`;
  const dataset = await loadData<DatasetMeta>(datasetKey);
  const count = dataset.meta.n;
  const labels = arrayOf(points, pointsKey, "labels").data;
  if (labels.length !== count) {
    throw new Error(`"${pointsKey}" has ${labels.length} points but "${datasetKey}" has ${count} pictures; run: acc site`);
  }
  const arrays = new Map<string, ArrayLike<number>>([["label", labels]]);
  for (const [name, array] of Object.entries(points.arrays)) {
    if (name === "activations") {
      meta.factors.forEach((factor, f) =>
        arrays.set(`factor:${factor.name}`, array.data.subarray(f * count, (f + 1) * count)),
      );
    } else if (name !== "labels") arrays.set(name === "predictions" ? "prediction" : name, array.data);
  }
  return {
    key,
    meta,
    dataset: dataset.meta,
    pictures: await loadPictures(datasetKey),
    count,
    colorings: coloringsOf(meta, dataset.meta, arrays),
    values: (id) => arrays.get(id) ?? labels,
    factorNames: meta.factors.map((factor) => factor.name).filter((name) => arrays.has(`factor:${name}`)),
  };
}

const projections = new Map<string, Promise<Projection>>();

/** Loads a projection once; the promise of one that failed is forgotten, so that it can be tried again. */
export function loadProjection(run: string, method: Method, dimensions: Dimensions): Promise<Projection> {
  const key = `${run}/projection-${method}-${dimensions}d`;
  let result = projections.get(key);
  if (!result) {
    result = readProjection(key, method, dimensions);
    result.catch(() => projections.delete(key));
    projections.set(key, result);
  }
  return result;
}

async function readProjection(key: string, method: Method, dimensions: Dimensions): Promise<Projection> {
  const data = await loadData<ProjectionMeta>(key);
  const coords = arrayOf(data, key, "coords");
  const [snapshots = 0, count = 0, width = 0] = coords.shape;
  if (width !== dimensions || snapshots !== data.meta.steps.length || snapshots === 0) {
    throw new Error(`"${key}": coords must be (${data.meta.steps.length}, N, ${dimensions}), not (${coords.shape.join(", ")})`);
  }
  const values = floatsOf(data, key, "coords");
  releaseData(key); // the copy below is the one that stays
  const layers = normalized(values, snapshots, count, dimensions);
  return { kind: { method, dimensions }, steps: data.meta.steps, layers, spacing: spacingOf(layers[snapshots - 1]!) };
}

/** Median distance from a point to its nearest one, over 200 of the points (N, 3). */
export function spacingOf(layer: Float32Array): number {
  const count = layer.length / 3;
  const every = Math.max(1, Math.floor(count / 200));
  const nearest: number[] = [];
  for (let i = 0; i < count; i += every) {
    let best = Number.POSITIVE_INFINITY;
    for (let j = 0; j < count; j++) {
      if (j === i) continue;
      const [x, y, z] = [layer[i * 3]! - layer[j * 3]!, layer[i * 3 + 1]! - layer[j * 3 + 1]!, layer[i * 3 + 2]! - layer[j * 3 + 2]!];
      best = Math.min(best, x * x + y * y + z * z);
    }
    nearest.push(Math.sqrt(best));
  }
  return nearest.sort((a, b) => a - b)[Math.floor(nearest.length / 2)] ?? 0;
}

/** The neighbour graph of a run, or null where it has not been built: the rest of the viewer works without it. */
export async function loadNeighbors(run: RunData): Promise<Neighbors | null> {
  if (run.meta.neighbors === false) return null;
  const key = `${run.key}/neighbors`;
  const data = await loadData<NeighborsMeta>(key).catch(() => null);
  if (!data) return null;
  const indices = arrayOf(data, key, "indices");
  return { k: indices.shape[1] ?? 0, indices: indices.data, distances: floatsOf(data, key, "distances") };
}

/** The projections that were built for a run: all of them, unless the page lists fewer. */
export function projectionsOf({ meta }: RunData): ReadonlyArray<Projection["kind"]> {
  const all = (["umap", "pca"] as const).flatMap((method) => ([2, 3] as const).map((dimensions) => ({ method, dimensions })));
  const { projections } = meta;
  return projections ? all.filter(({ method, dimensions }) => projections.includes(`${method}-${dimensions}d`)) : all;
}

/** The colourings that the data allow, with the names that the page gives them. */
function coloringsOf(meta: PointsMeta, dataset: DatasetMeta, arrays: ReadonlyMap<string, unknown>): Coloring[] {
  const labelKind = dataset.classes?.length ? "class" : "scalar";
  const possible: Coloring[] = [
    { id: "label", label: "Label", kind: labelKind },
    { id: "prediction", label: "Prediction", kind: labelKind },
    ...(labelKind === "class" ? [{ id: "outcome", label: "Right or wrong", kind: "class" } as const] : []),
    { id: "error", label: "Reconstruction error", kind: "scalar" },
    ...meta.factors.map((factor) => ({ id: `factor:${factor.name}`, label: `Activation of ${factor.name}`, kind: "scalar" }) as const),
  ];
  const named = new Map((meta.colorings ?? []).map((coloring) => [coloring.id, coloring]));
  const known = possible.map((coloring) => ({ ...coloring, label: named.get(coloring.id)?.label ?? coloring.label }));
  const extra = [...named.values()].filter((coloring) => !possible.some(({ id }) => id === coloring.id));
  const columns = extra.filter(({ id }) => isNamedColumn(id)); // they stand beside label and prediction
  const order = [...known.slice(0, 1), ...columns, ...known.slice(1), ...extra.filter((coloring) => !columns.includes(coloring))];
  return order.filter(({ id }) => arrays.has(id === "outcome" ? "prediction" : id));
}

/** Moves and scales all snapshots by the same amount, so that 99 % of the final one lie within radius 1; each (N, 3). */
export function normalized(values: Float32Array, snapshots: number, count: number, dimensions: number): Float32Array[] {
  const last = values.subarray((snapshots - 1) * count * dimensions);
  const center = Array.from({ length: dimensions }, (_, d) => {
    const sorted = Float32Array.from({ length: count }, (_, i) => last[i * dimensions + d]!).sort();
    return (sorted[Math.floor((count - 1) * 0.005)]! + sorted[Math.ceil((count - 1) * 0.995)]!) / 2;
  });
  const radii = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let d = 0; d < dimensions; d++) sum += (last[i * dimensions + d]! - center[d]!) ** 2;
    radii[i] = Math.sqrt(sum);
  }
  const scale = 1 / (radii.sort()[Math.floor(count * 0.99)] || 1);
  return Array.from({ length: snapshots }, (_, s) => {
    const layer = new Float32Array(count * 3);
    for (let i = 0; i < count; i++) {
      for (let d = 0; d < dimensions; d++) {
        layer[i * 3 + d] = (values[(s * count + i) * dimensions + d]! - center[d]!) * scale;
      }
    }
    return layer;
  });
}
