import { DataTexture, DoubleSide, GLSL3, Group, LinearFilter, Mesh, PlaneGeometry, ShaderMaterial, Vector4 } from "three";
import { arrayOf, floatsOf, loadData } from "../data";
import type { DensityMeta, DistortionMeta } from "../shared/contract";
import { parseHex, type Theme } from "../shared/palette";
import type { Fit } from "./layers";

/** What lies below the points of a 2-D map, of every snapshot: cells of values, and the square of the map that they fill. */
export interface Ground {
  steps: readonly number[];
  cells: number;
  /** Values (cells, cells) of snapshot s, rows growing with y. */
  values: (s: number) => ArrayLike<number>;
  /** Left, right, bottom and top of snapshot s on the map. */
  bounds: (s: number) => readonly [number, number, number, number];
  /** Colour and opacity of a value, bytes. */
  color: (value: number, theme: Theme) => readonly [number, number, number, number];
  /** What the colours mean. */
  note: string;
}

/** A choice of grounds, as the panel offers it. */
export interface GroundChoice {
  id: string;
  label: string;
}

export const DISTORTION = "distortion";
const DENSITY = "density:";
const DENSE = { light: "#0f6a86", dark: "#63c7e3" } as const;
const STRETCHED = { light: "#c2500c", dark: "#ff9a4d" } as const;
const SHRUNK = { light: "#3b4cc0", dark: "#8ea2ff" } as const;
const FULL_AT = 1; // octaves of distortion that have the full colour

/** The grounds of the density data that a run has for a map. */
export async function densityChoices(run: string, method: string): Promise<GroundChoice[]> {
  const { meta } = await loadData<DensityMeta>(`${run}/density-${method}`);
  return meta.sources.map(({ id, title }) => ({ id: DENSITY + id, label: `Density: ${title.toLowerCase()}` }));
}

/** Loads a ground of a 2-D map; null where the data has no such source. */
export async function loadGround(run: string, method: string, ground: string): Promise<Ground | null> {
  const isDensity = ground.startsWith(DENSITY);
  const key = `${run}/${isDensity ? "density" : DISTORTION}-${method}`;
  const data = await loadData<DensityMeta | DistortionMeta>(key);
  const { data: values, shape } = arrayOf(data, key, "values");
  const edges = floatsOf(data, key, "bounds");
  const cells = shape.at(-1)!;
  const size = cells * cells;
  const bounds = (s: number) => [edges[s * 4]!, edges[s * 4 + 1]!, edges[s * 4 + 2]!, edges[s * 4 + 3]!] as const;
  const { meta } = data;
  if ("octaves" in meta) {
    const color = (value: number, theme: Theme) => {
      const octaves = value === -128 ? 0 : (value / 127) * meta.octaves;
      return [...parseHex((octaves > 0 ? STRETCHED : SHRUNK)[theme]), 255 * Math.min(1, Math.abs(octaves) / FULL_AT)] as const;
    };
    const note = "Orange: neighbourhoods are drawn larger than the usual one, blue: smaller. Clear: as usual, or no points.";
    return { steps: meta.steps, cells, values: (s) => values.subarray(s * size, (s + 1) * size), bounds, color, note };
  }
  const sources = meta.sources.length;
  const at = meta.sources.findIndex(({ id }) => DENSITY + id === ground);
  const source = meta.sources[at];
  if (!source) return null;
  return {
    steps: meta.steps,
    cells,
    values: (s) => values.subarray((s * sources + at) * size, (s * sources + at + 1) * size),
    bounds,
    color: (value, theme) => [...parseHex(DENSE[theme]), value] as const,
    note: `Density of ${source.note}: the square root of its share of the snapshot's maximum.`,
  };
}

const VERTEX = /* glsl */ `
uniform vec4 box; // left, right, bottom, top
out vec2 place;
void main() {
  place = uv;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(mix(box.x, box.y, uv.x), mix(box.z, box.w, uv.y), 0.0, 1.0);
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform sampler2D heat;
uniform float opacity;
in vec2 place;
out vec4 color;
void main() {
  color = texture(heat, place);
  color.a *= opacity;
}`;

/** The ground as two planes below the points: the snapshots before and after, mixed as the points are. */
export class GroundLayer {
  readonly three = new Group();
  private readonly planes = [new GroundPlane(), new GroundPlane()] as const;

  constructor() {
    this.three.add(...this.planes.map((plane) => plane.mesh));
  }

  /** Shows snapshots (at most two), each with its share; `fits` are those of the map's snapshots. */
  show(ground: Ground | null, snapshots: ReadonlyArray<{ step: number; fit: Fit; share: number }>, opacity: number, theme: Theme): void {
    this.planes.forEach((plane, i) => {
      const part = snapshots[i];
      const s = part && ground ? ground.steps.indexOf(part.step) : -1;
      if (!ground || !part || s < 0) plane.mesh.visible = false;
      else plane.show(ground, s, part.fit, opacity * part.share, theme);
    });
  }

  dispose(): void {
    for (const plane of this.planes) plane.dispose();
  }
}

class GroundPlane {
  readonly mesh: Mesh<PlaneGeometry, ShaderMaterial>;
  private readonly uniforms = { heat: { value: null as DataTexture | null }, opacity: { value: 0 }, box: { value: new Vector4() } };
  private drawn: { ground: Ground; s: number; theme: Theme } | null = null;

  constructor() {
    const material = new ShaderMaterial({
      uniforms: this.uniforms,
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      glslVersion: GLSL3,
      transparent: true,
      depthTest: false,
      depthWrite: false,
      side: DoubleSide,
    });
    this.mesh = new Mesh(new PlaneGeometry(1, 1), material);
    this.mesh.frustumCulled = false;
    this.mesh.visible = false;
    this.mesh.renderOrder = -1; // below the points
  }

  show(ground: Ground, s: number, { center, scale }: Fit, opacity: number, theme: Theme): void {
    this.mesh.visible = opacity > 0;
    this.uniforms.opacity.value = opacity;
    const [left, right, bottom, top] = ground.bounds(s);
    const [x = 0, y = 0] = center;
    this.uniforms.box.value.set((left - x) * scale, (right - x) * scale, (bottom - y) * scale, (top - y) * scale);
    if (this.drawn?.ground === ground && this.drawn.s === s && this.drawn.theme === theme) return;
    this.drawn = { ground, s, theme };
    const values = ground.values(s);
    const pixels = new Uint8Array(values.length * 4);
    for (let i = 0; i < values.length; i++) pixels.set(ground.color(values[i]!, theme), i * 4);
    this.uniforms.heat.value?.dispose();
    const texture = new DataTexture(pixels, ground.cells, ground.cells);
    texture.magFilter = LinearFilter;
    texture.minFilter = LinearFilter;
    texture.needsUpdate = true;
    this.uniforms.heat.value = texture;
  }

  dispose(): void {
    this.uniforms.heat.value?.dispose();
    this.mesh.geometry.dispose();
    this.mesh.material.dispose();
  }
}
