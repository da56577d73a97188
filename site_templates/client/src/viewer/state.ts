/** What the viewer shows: one plain object, its changes, and its form in the URL. */

export type Dimensions = 2 | 3;
export const MARKS = ["auto", "dots", "pictures"] as const;
export type Marks = (typeof MARKS)[number];

/** How the edges to neighbours are shown: all that are listed, those within a point's extent, or none. */
export const EDGES = ["top", "extent", "none"] as const;
export type Edges = (typeof EDGES)[number];

/** Where the camera looks from: on a sphere around `target`, in units of the cloud's radius and radians. */
export interface Camera {
  target: readonly [x: number, y: number, z: number];
  distance: number;
  azimuth: number;
  polar: number;
}

export interface ViewerState {
  /** Key of the run: `runs/<recipe>/<node>/seed-<n>`. */
  run: string;
  /** How the map was made; see `MapKind`. */
  method: string;
  dimensions: Dimensions;
  /** Training step; between two snapshots the points are interpolated. */
  step: number;
  /** Id of the colouring. */
  color: string;
  marks: Marks;
  /** Factor on the size of marks, 0.5 to 3. */
  size: number;
  /** Classes that the legend filters out, of the class colouring `filterBy`. */
  filterBy: string;
  hidden: readonly number[];
  focus: number | null;
  selection: readonly number[];
  /** Whether the points of the selection are all that is shown. */
  only: boolean;
  /** What lies below the points of a 2-D map: "", "distortion", or "density:<source>". */
  ground: string;
  /** Of the ground, 0 to 1. */
  opacity: number;
  edges: Edges;
  /** Factor on the radii of extents, 0.25 to 4. */
  extent: number;
  /** The component of the mixture that is looked at. */
  part: number | null;
  /** Null until the reader moves it: the camera then fits the cloud. */
  camera: Camera | null;
}

/** Selections beyond this stay out of the URL, which some programs cut after 2,000 characters. */
const LONGEST_SELECTION = 300;

/** The part of `state` that differs from `start`, as a URL fragment without "#". */
export function encodeState(state: ViewerState, start: ViewerState): string {
  const out = new URLSearchParams();
  if (state.run !== start.run) out.set("run", state.run);
  if (state.method !== start.method) out.set("proj", state.method);
  if (state.dimensions !== start.dimensions) out.set("dim", String(state.dimensions));
  if (state.step !== start.step) out.set("step", String(Math.round(state.step * 10) / 10));
  if (state.color !== start.color) out.set("color", state.color);
  if (state.marks !== start.marks) out.set("marks", state.marks);
  if (state.size !== start.size) out.set("size", state.size.toFixed(2));
  if (state.hidden.length > 0) out.set("hide", `${state.filterBy}~${state.hidden.join(".")}`);
  if (state.focus !== null) out.set("point", String(state.focus));
  if (state.selection.length > 0 && state.selection.length <= LONGEST_SELECTION) {
    out.set("sel", encodeIndices(state.selection));
  }
  if (state.only && out.has("sel")) out.set("only", "1");
  if (state.ground !== start.ground) out.set("ground", state.ground);
  if (state.opacity !== start.opacity) out.set("opacity", state.opacity.toFixed(2));
  if (state.edges !== start.edges) out.set("edges", state.edges);
  if (state.extent !== start.extent) out.set("extent", state.extent.toFixed(2));
  if (state.part !== null) out.set("part", String(state.part));
  if (state.camera) {
    const { target, distance, azimuth, polar } = state.camera;
    out.set("cam", [...target, distance, azimuth, polar].map((x) => Number(x.toFixed(3))).join("_"));
  }
  return out.toString();
}

/** Reads a URL fragment; parts that are missing or make no sense are left out, so that an old link still opens. */
export function decodeState(fragment: string): Partial<ViewerState> {
  const input = new URLSearchParams(fragment.replace(/^#/, ""));
  const state: Partial<ViewerState> = {};
  const run = input.get("run");
  if (run) state.run = run;
  const method = input.get("proj");
  if (method) state.method = method;
  const dimensions = input.get("dim");
  if (dimensions === "2" || dimensions === "3") state.dimensions = dimensions === "2" ? 2 : 3;
  const step = readNumber(input.get("step"));
  if (step !== null) state.step = step;
  const color = input.get("color");
  if (color) state.color = color;
  const marks = input.get("marks");
  if (marks === "auto" || marks === "dots" || marks === "pictures") state.marks = marks;
  const size = readNumber(input.get("size"));
  if (size !== null) state.size = Math.min(3, Math.max(0.5, size));
  const [filterBy, hidden] = (input.get("hide") ?? "").split("~");
  if (filterBy && hidden) {
    state.filterBy = filterBy;
    state.hidden = hidden.split(".").map(Number).filter(Number.isInteger);
  }
  const focus = readNumber(input.get("point"));
  if (focus !== null && Number.isInteger(focus) && focus >= 0) state.focus = focus;
  const selection = input.get("sel");
  if (selection) state.selection = decodeIndices(selection);
  if (input.get("only") === "1" && state.selection?.length) state.only = true;
  const ground = input.get("ground");
  if (ground) state.ground = ground;
  const opacity = readNumber(input.get("opacity"));
  if (opacity !== null) state.opacity = Math.min(1, Math.max(0, opacity));
  const edges = EDGES.find((name) => name === input.get("edges"));
  if (edges) state.edges = edges;
  const extent = readNumber(input.get("extent"));
  if (extent !== null) state.extent = Math.min(4, Math.max(0.25, extent));
  const part = readNumber(input.get("part"));
  if (part !== null && Number.isInteger(part) && part >= 0) state.part = part;
  const camera = readCamera(input.get("cam"));
  if (camera) state.camera = camera;
  return state;
}

/** Ascending indices as base-36 gaps: 5, 6, 40 -> "5.1.y". */
function encodeIndices(indices: readonly number[]): string {
  return indices.map((index, i) => (index - (i > 0 ? indices[i - 1]! : 0)).toString(36)).join(".");
}

function decodeIndices(text: string): number[] {
  let index = 0;
  const indices = text.split(".").map((gap) => (index += Number.parseInt(gap, 36)));
  return indices.every((value) => Number.isInteger(value) && value >= 0) ? indices : [];
}

function readNumber(text: string | null): number | null {
  const value = text === null || text === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}

function readCamera(text: string | null): Camera | null {
  const [x, y, z, distance, azimuth, polar] = (text ?? "").split("_").map(Number);
  const numbers = [x, y, z, distance, azimuth, polar];
  if (!numbers.every((value) => value !== undefined && Number.isFinite(value)) || distance! <= 0) return null;
  return { target: [x!, y!, z!], distance: distance!, azimuth: azimuth!, polar: polar! };
}
