import { arrayOf, type Data, floatsOf, loadData, releaseData } from "../data";
import type { Coloring, DatasetMeta, NeighborsMeta, PointsMeta, ProjectionMeta } from "../shared/contract";
import type { MapKind } from "../shared/maps";
import { beginPictures, type Pictures } from "../shared/pictures";
import { type Layer, layerOf } from "./layers";
import { timeOfStep } from "./layout";

/** All that one run knows of its points at one snapshot; row i is picture i of the data set. */
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
  /** The snapshot that the values are of; labels hold for all. */
  step: number;
  /** The same run at the snapshot next to `step` of those that are there; the same object where that is this one. */
  at: (step: number) => RunData;
  /** Brings the snapshots before the last one, which are most of what there is of many points. */
  bringEarlier: () => Promise<void>;
}

/** Coordinates of all snapshots; each is scaled when it is first asked for, which of many points takes a while. */
export interface Projection {
  kind: MapKind;
  steps: readonly number[];
  /** The layer of snapshot s, the same object each time. */
  layer: (s: number) => Layer;
}

export interface Neighbors {
  /** The snapshot that they are of. */
  step: number;
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

const OUTCOME: Coloring = { id: "outcome", label: "Right or wrong", kind: "class" };

/** Index of the snapshot next to `step`. */
export function nearestSnapshot(step: number, steps: readonly number[]): number {
  return Math.round(timeOfStep(step, steps));
}

/** Whether a colouring shows what the data set knows of its images by name, or what a regression reads of it. */
export function isNamedColumn(id: string): boolean {
  return id.startsWith("data:") || id.startsWith("predicted:");
}

/** Whether a colouring shows the likeliest component of a mixture, or how sure the model is of it. */
export function isOfMixture(id: string): boolean {
  return id === "mixture:component" || id === "mixture:entropy";
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
  const steps = [...meta.fact_steps];
  const last = valuesAt(points.arrays, meta, count, 0).set("label", labels);
  if (steps.length !== 1) throw new Error(`"${pointsKey}" must hold one snapshot; rebuild the site with: acc site`);
  const same = {
    key,
    meta,
    dataset: dataset.meta,
    pictures: await beginPictures(datasetKey),
    count,
    colorings: coloringsOf(meta, last),
    factorNames: meta.factors.map((factor) => factor.name).filter((name) => last.has(`factor:${name}`)),
    at: (step: number): RunData => views[nearestSnapshot(step, steps)]!,
    bringEarlier: async (): Promise<void> => {
      if (!meta.has_earlier || steps.length > 1) return;
      const { meta: more, arrays } = await loadData<Pick<PointsMeta, "fact_steps">>(`${pointsKey}-earlier`);
      if (steps.length > 1) return; // somebody else has brought them meanwhile
      views.unshift(...more.fact_steps.map((step, s) => viewOf(step, new Map([...last, ...valuesAt(arrays, meta, count, s)]))));
      steps.unshift(...more.fact_steps);
    },
  };
  const viewOf = (step: number, values: ReadonlyMap<string, ArrayLike<number>>): RunData => ({ ...same, step, values: (id) => values.get(id) ?? labels });
  const views = [viewOf(steps[0]!, last)];
  return views[0]!;
}

/** The values (N,) of each colouring at snapshot `s`. */
function valuesAt(arrays: Data["arrays"], { factors }: PointsMeta, count: number, s: number): Map<string, ArrayLike<number>> {
  const found = new Map<string, ArrayLike<number>>();
  for (const [name, { data, shape }] of Object.entries(arrays)) {
    const row = (i: number) => data.subarray(i * count, (i + 1) * count);
    if (name === "activations") factors.forEach((factor, f) => found.set(`factor:${factor.name}`, row(s * factors.length + f)));
    else if (name !== "labels") found.set(name === "predictions" ? "prediction" : name, row(shape.length === 1 ? 0 : s));
  }
  return found;
}

const projections = new Map<string, Promise<Projection>>();

/** Loads a projection once; the promise of one that failed is forgotten, so that it can be tried again. */
export function loadProjection(run: string, kind: MapKind): Promise<Projection> {
  const key = `${run}/projection-${kind.method}-${kind.dimensions}d`;
  let result = projections.get(key);
  if (!result) {
    result = readProjection(key, kind);
    result.catch(() => projections.delete(key));
    projections.set(key, result);
  }
  return result;
}

async function readProjection(key: string, kind: MapKind): Promise<Projection> {
  const { dimensions } = kind;
  const data = await loadData<ProjectionMeta>(key);
  const coords = arrayOf(data, key, "coords");
  const [snapshots = 0, count = 0, width = 0] = coords.shape;
  if (width !== dimensions || snapshots !== data.meta.steps.length || snapshots === 0) {
    throw new Error(`"${key}": coords must be (${data.meta.steps.length}, N, ${dimensions}), not (${coords.shape.join(", ")})`);
  }
  const values = floatsOf(data, key, "coords");
  releaseData(key); // the layers are what stays
  const layers: Layer[] = [];
  const size = count * width;
  const layer = (s: number) => (layers[s] ??= layerOf(values.subarray(s * size, (s + 1) * size), width));
  return { kind, steps: data.meta.steps, layer };
}

/** The neighbours at the snapshot next to `step`, or null where none were built: the rest of the viewer works without. */
export async function loadNeighbors({ key: run, meta }: RunData, step: number): Promise<Neighbors | null> {
  const { neighbor_steps: steps } = meta;
  if (steps.length === 0) return null;
  const nearest = steps[nearestSnapshot(step, steps)]!;
  const key = `${run}/neighbors-${nearest}`;
  const data = await loadData<NeighborsMeta>(key);
  const indices = arrayOf(data, key, "indices");
  return { step: nearest, k: indices.shape[1] ?? 0, indices: indices.data, distances: floatsOf(data, key, "distances") };
}

/** The colourings that the payload names and has; where a prediction is a class, also whether it is right. */
function coloringsOf({ colorings }: PointsMeta, arrays: ReadonlyMap<string, unknown>): Coloring[] {
  return colorings
    .filter(({ id }) => arrays.has(id))
    .flatMap((coloring) => (coloring.id === "prediction" && coloring.kind === "class" ? [coloring, OUTCOME] : [coloring]));
}
