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
  /** Values (N,) of a colouring; class ids for a class colouring; NaN until they are there. */
  values: (id: string) => ArrayLike<number>;
  /** Whether the values of a colouring are there. */
  has: (id: string) => boolean;
  factorNames: readonly string[];
  /** The snapshot that the values are of; labels hold for all. */
  step: number;
  /** The same run at the snapshot next to `step` of those whose facts are there; the same object where that is this one. */
  at: (step: number) => RunData;
  /** Whether the facts of the snapshot next to `step` are there: beside labels they are what is known of the points. */
  knows: (step: number) => boolean;
  bringFacts: (step: number) => Promise<void>;
}

/** Coordinates of all snapshots; each is scaled when it is first asked for, which of many points takes a while. */
export interface Projection {
  kind: MapKind;
  steps: readonly number[];
  /** The layer of snapshot s, the same object each time; until the earlier ones are there it is the last one. */
  layer: (s: number) => Layer;
  /** Brings the snapshots before the last one, which are most of what there is of many points. */
  bringEarlier: () => Promise<void>;
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
  const steps = meta.fact_steps;
  const nearest = (step: number) => steps[nearestSnapshot(step, steps)]!;
  const views = new Map<number, RunData>();
  const same = {
    key,
    meta,
    dataset: dataset.meta,
    pictures: await beginPictures(datasetKey),
    count,
    colorings: coloringsOf(meta),
    factorNames: meta.factors.map((factor) => factor.name),
    at: (step: number): RunData => {
      const known = [...views.keys()].sort((a, b) => a - b);
      return known.length > 0 ? views.get(known[nearestSnapshot(step, known)]!)! : unknown;
    },
    knows: (step: number) => views.has(nearest(step)),
    bringFacts: async (step: number): Promise<void> => {
      const wanted = nearest(step);
      const { arrays } = await loadData(`${key}/facts-${wanted}`);
      if (!views.has(wanted)) views.set(wanted, viewOf(wanted, new Map([...always, ...valuesIn(arrays, meta, count)])));
    },
  };
  const viewOf = (step: number, values: ReadonlyMap<string, ArrayLike<number>>): RunData => ({
    ...same,
    step,
    has: (id) => values.has(id),
    values: (id) => values.get(id) ?? new Float32Array(count).fill(Number.NaN),
  });
  const always = valuesIn(points.arrays, meta, count).set("label", labels);
  const unknown = viewOf(steps.at(-1)!, always);
  return unknown;
}

/** The values (N,) of each colouring in some arrays. */
function valuesIn(arrays: Data["arrays"], { factors }: PointsMeta, count: number): Map<string, ArrayLike<number>> {
  const found = new Map<string, ArrayLike<number>>();
  for (const [name, { data }] of Object.entries(arrays)) {
    if (name === "activations") factors.forEach((factor, f) => found.set(`factor:${factor.name}`, data.subarray(f * count, (f + 1) * count)));
    else if (name !== "labels") found.set(name === "predictions" ? "prediction" : name, data);
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
  const { steps, coords: last } = await readCoords(key, kind);
  if (last.length !== 1) throw new Error(`"${key}" must hold one snapshot; rebuild the site with: acc site`);
  let coords = last;
  const layers = new Map<Float32Array, Layer>();
  const layer = (s: number): Layer => {
    const values = coords[s] ?? last[0]!;
    const known = layers.get(values) ?? layerOf(values, kind.dimensions);
    layers.set(values, known);
    return known;
  };
  const bringEarlier = async (): Promise<void> => {
    if (coords.length === steps.length) return;
    const earlier = await readCoords(`${key}-earlier`, kind);
    if (earlier.coords.length + 1 !== steps.length) throw new Error(`"${key}-earlier" must hold ${steps.length - 1} snapshots; rebuild the site with: acc site`);
    coords = [...earlier.coords, ...last];
  };
  return { kind, steps, layer, bringEarlier };
}

/** The coordinates (N, d) of the snapshots in one script, and the steps of all. */
async function readCoords(key: string, { dimensions }: MapKind): Promise<{ steps: readonly number[]; coords: Float32Array[] }> {
  const data = await loadData<ProjectionMeta>(key);
  const { shape } = arrayOf(data, key, "coords");
  const [snapshots = 0, count = 0, width = 0] = shape;
  if (width !== dimensions || snapshots === 0) throw new Error(`"${key}": coords must be (S, N, ${dimensions}), not (${shape.join(", ")})`);
  const values = floatsOf(data, key, "coords");
  releaseData(key); // the coordinates are what stays
  const size = count * width;
  return { steps: data.meta.steps, coords: Array.from({ length: snapshots }, (_, s) => values.subarray(s * size, (s + 1) * size)) };
}

/** Brings what is known and drawn of the points at `step`; where they are at the last snapshot is known from the start. */
export async function bringSnapshot(run: RunData, projection: Projection, step: number): Promise<void> {
  const isEarlier = step !== projection.steps.at(-1);
  await Promise.all([run.bringFacts(step), isEarlier && projection.bringEarlier()]);
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

/** The colourings that the payload names; where a prediction is a class, also whether it is right. */
function coloringsOf({ colorings }: PointsMeta): Coloring[] {
  return colorings.flatMap((coloring) => (coloring.id === "prediction" && coloring.kind === "class" ? [coloring, OUTCOME] : [coloring]));
}
