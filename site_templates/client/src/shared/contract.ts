/**
 * What the report writes and the client reads: the `meta` of each data key, and its arrays.
 *
 * N points are the test images of the run's primary data set, in their order; row i is the same picture everywhere.
 */

/** Half-open slice of the latent vector that belongs to one factor. */
export interface Factor {
  name: string;
  start: number;
  stop: number;
}

/** Facts for the line below a figure, shown as "name value" pairs in their order. */
export type Provenance = Readonly<Record<string, string | number>>;

/** `datasets/<recipe>/<dataset>`; arrays: `targets` (N,). `<the same>-pictures` has `atlas`: one PNG, row-major tiles. */
export interface DatasetMeta {
  name: string;
  source: string;
  n: number;
  width: number;
  height: number;
  channels: number;
  /** Names of the classes by target; null or empty for real-valued targets. */
  classes: readonly string[] | null;
  /** Tiles in one row of the atlas. */
  columns: number;
}

export interface Coloring {
  /** `label`, `prediction`, `factor:<name>`, or the name of an array (N,) of the same data, as `error` or `data:<name>`. */
  id: string;
  label: string;
  kind: "class" | "scalar";
  /** Names of the classes, where they are not those of the data set's label. */
  classes?: readonly string[];
  /** A heading under which the choice stands with others. */
  group?: string;
}

/**
 * `<run>/points`; arrays: `labels` (N,), and what the data set knows of its images. Of each of the `fact_steps` there is a
 * `<run>/facts-<step>` with `predictions`? (N,), `error`? (N,), `activations`? (F,N) in the order of `factors`, and others.
 */
export interface PointsMeta {
  recipe: string;
  node: string;
  seed: number;
  dataset: string;
  steps: readonly number[];
  fact_steps: readonly number[];
  /** The snapshots that have a `<run>/neighbors-<step>`. */
  neighbor_steps: readonly number[];
  factors: readonly Factor[];
  latent_dim: number;
  /** What points can be coloured by, in the order in which it is offered. */
  colorings: readonly Coloring[];
  provenance?: Provenance;
}

/**
 * `<run>/projection-<method>-<d>d`; arrays: `coords` f32 (1,N,d) of the last of the `steps`. Where there are more, those
 * before it are in `<run>/projection-<method>-<d>d-earlier` (S-1,N,d).
 */
export interface ProjectionMeta {
  steps: readonly number[];
}

/**
 * `<run>/density-<method>`, of the 2-D map; arrays: `values` u8 (S, sources, cells, cells), square roots of shares of
 * each grid's maximum, rows growing with y; `bounds` f32 (S,4), left, right, bottom and top on the map.
 */
export interface DensityMeta {
  steps: readonly number[];
  sources: ReadonlyArray<{ id: string; title: string; note: string }>;
}

/**
 * `<run>/distortion-<method>`, of the 2-D map; arrays: `values` i8 (S, cells, cells), 127 of which are `octaves` and -128
 * is a cell without points; `bounds` as of densities.
 */
export interface DistortionMeta {
  steps: readonly number[];
  octaves: number;
}

/**
 * `<run>/mixture`; arrays: `p` f32 (S,K), `argmax_counts` (S,K), and f32 (S,) `neff`, `argmax_neff`, `entropy`, `pmax`.
 */
export interface MixtureMeta {
  steps: readonly number[];
  components: number;
}

/** `posterior_local` is drawn around test images, `prior_component` from the components of the prior. */
export type SampleKind = "posterior_local" | "prior_component";

/**
 * `<run>/samples-<step>`; arrays, of each kind in `titles`: its images u8 (I,m,C,H,W) by its name, and what each row is
 * of (I,): `idx`, test images, or `component`.
 */
export interface SamplesMeta {
  m: number;
  seed: number;
  step: number;
  titles: Readonly<Partial<Record<SampleKind, string>>>;
}

/** `<run>/neighbors-<step>`; arrays: `indices` (N,k), `distances` f32 (N,k) in latent space, nearest first. */
export interface NeighborsMeta {
  k: number;
}

/**
 * `<run>/manifold`; n reference points of `split` with latents of D: `reference_points` f32 (n,3), UMAP;
 * `reference_latents` f32 (n,D), what distances are measured in; `reference_latents_raw` f32 (n,D), as encoded;
 * `reference_labels` (n,) and `indices` (n,) of the pictures in their split. `atlas` (bytes of one PNG, tile i for row i)
 * where that is not the test split, whose pictures the data set has.
 */
export interface ManifoldMeta {
  n: number;
  latent_dim: number;
  /** Whether `reference_latents` have length 1; a new latent is then brought to length 1 before it is placed. */
  l2_normalized: boolean;
  /** Neighbours that a new latent lies between. */
  projection_k: number;
  dataset: string;
  split?: "test" | "train";
  /** Tiles in one row of `atlas`, where there is one. */
  atlas_columns?: number | null;
  provenance?: Provenance;
}

/** A linear probe on a slice of mu; its array `probe/<task>` is f32 (outputs, stop - start + 1), the bias last. */
export interface Probe {
  task: string;
  start: number;
  stop: number;
  /** Names of the outputs of a classifier; null for a regression. */
  classes: readonly string[] | null;
  /** Names of all outputs: classes, or columns of a regression. */
  outputs?: readonly string[];
}

/** How a data set's pictures came from pen strokes: `acc_assets.datasets.PenRule`. */
export interface PenRule {
  field: number;
  box: readonly [width: number, height: number];
  pen: number;
  stretch: number | null;
  center: "box" | "mass";
  blocks: number;
  words: string;
}

/**
 * `<run>/onnx`; arrays: `encoder`, and where there is one `decoder` (ONNX bytes; `input` to `latent`, `latent` to `reconstruction`, all float32),
 * `samples` u8 (M,C,H,W), and one `probe/<task>` for each of `probes`. Other inputs of the decoder are outputs of the
 * encoder, by their names.
 */
export interface OnnxMeta {
  recipe?: string;
  node?: string;
  seed?: number;
  latent_dim: number;
  factors: readonly Factor[];
  /** Lowest and highest useful value of each latent dimension (D, 2). */
  ranges: ReadonlyArray<readonly [number, number]>;
  image_size: number;
  channels: number;
  samples: ReadonlyArray<{ index?: number; label?: string | number }>;
  step: number;
  /** What the decoder takes; `dims` is the shape for one picture. Without it the decoder takes `latent` (D) alone. */
  decoder_inputs?: ReadonlyArray<{ name: string; dims: readonly number[] }>;
  probes?: readonly Probe[];
  /** What the graphs give of layers beside, and its shape for one picture: `layer/<name>`, and `reads/<name>` of a convolution. */
  layers?: Readonly<Record<string, readonly number[]>>;
  /** Null where a drawing is only scaled. */
  pen_rule?: PenRule | null;
  provenance?: Provenance;
}

/** One choice of a run selector: `key` is `runs/<recipe>/<node>/seed-<n>`. */
export interface RunChoice {
  key: string;
  label: string;
}

/** The runs that a page offers to a component: `{"runs": [{"key", "label"}, ...]}`, or one as `data-run`. */
export function readRuns(parameters: Readonly<Record<string, unknown>>): RunChoice[] {
  const { runs, run } = parameters;
  if (typeof run === "string") return [{ key: run, label: run.replace(/^runs\//, "") }];
  if (!Array.isArray(runs) || runs.length === 0) {
    throw new Error("no run has been built for this page yet; build the recipe with: acc build");
  }
  return runs.map((item: unknown) => {
    const { key, label } = (item ?? {}) as Partial<RunChoice>;
    if (typeof key !== "string") throw new Error(`a run of this page has no "key": ${JSON.stringify(item)}`);
    return { key, label: typeof label === "string" ? label : key.replace(/^runs\//, "") };
  });
}
