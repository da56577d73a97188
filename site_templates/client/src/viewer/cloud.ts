import {
  BufferAttribute,
  BufferGeometry,
  DataTexture,
  GLSL3,
  LinearFilter,
  LinearMipmapLinearFilter,
  type PerspectiveCamera,
  Points,
  RedFormat,
  RGBAFormat,
  ShaderMaterial,
  Vector2,
  Vector3,
} from "three";
import type { Pictures } from "../shared/pictures";
import type { Rgb } from "../shared/palette";
import { MANY, orderOf, shuffledRows, someFaded } from "./draw_order";
import type { Blend } from "./layout";
import type { Dimensions, Marks } from "./state";

/** Pictures stop growing at this many CSS pixels, so that a crowd comes apart when one zooms in. */
const MOST = 46;

const VERTEX = /* glsl */ `
#define MOST ${MOST.toFixed(1)}
in vec3 goal;
in vec4 tint; // rgb, emphasis
in float tile; // of the point in the atlas
uniform float blend, focal, ratio, picture, dot_, fog, distance_;
uniform int front; // the point that lies above all others, or -1
uniform bool lifted; // whether points that do not recede lie above those that do
uniform int marks; // 0 dots, 1 pictures when large enough, 2 pictures
uniform vec2 tiles;
out vec3 vTint;
out float vPicture;
out float vFade;
flat out vec2 vTile;

void main() {
  vec4 seen = modelViewMatrix * vec4(mix(position, goal, blend), 1.0);
  gl_Position = projectionMatrix * seen;
  float scale = focal / max(1e-4, -seen.z);
  float wide = picture * scale;
  float most = MOST * ratio;
  bool strong = tint.a > 0.9;
  bool faded = tint.a > 0.5 && !strong;
  float shown = marks == 0 ? 0.0 : marks == 2 ? 1.0 : smoothstep(13.0 * ratio, 19.0 * ratio, wide);
  if (strong && marks == 1) { shown = 1.0; wide = max(wide, 26.0 * ratio); }
  float size = mix(clamp(dot_ * scale, 3.0 * ratio, 11.0 * ratio), clamp(wide, 13.0 * ratio, most), shown);
  if (strong) { size *= 1.25; gl_Position.z -= (gl_VertexID == front ? 0.1 : 0.05) * gl_Position.w; }
  else if (lifted && !faded) gl_Position.z -= 0.02 * gl_Position.w;
  if (faded) size *= 0.8;
  if (tint.a > 0.2 && tint.a < 0.5) gl_Position = vec4(2.0, 2.0, 2.0, 1.0); // hidden: outside the clip volume
  gl_PointSize = min(size, 512.0);
  vTint = tint.rgb;
  vPicture = shown;
  vFade = max(faded ? 0.72 : 0.0, strong ? 0.0 : fog * smoothstep(-0.9, 1.3, -seen.z - distance_));
  vTile = vec2(mod(tile, tiles.x), floor(tile / tiles.x));
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform sampler2D atlas;
uniform vec2 tiles;
uniform vec2 texels; // of one tile
uniform vec3 surface;
uniform bool gray;
in vec3 vTint;
in float vPicture;
in float vFade;
flat in vec2 vTile;
out vec4 color;

vec4 read(vec2 uv) {
  vec2 inset = 0.5 / texels;
  return texture(atlas, (vTile + clamp(uv, inset, 1.0 - inset)) / tiles);
}

vec4 picture_(vec2 uv) {
  if (gray) { // ink in the point's colour, with a halo of the background so that neighbours stay apart
    float ink = read(uv).r;
    vec2 step_ = 1.3 / texels;
    float halo = ink;
    for (int i = 0; i < 8; i++) {
      float angle = float(i) * 0.7853982;
      halo = max(halo, read(uv + step_ * vec2(cos(angle), sin(angle))).r);
    }
    ink = smoothstep(0.2, 0.8, ink);
    return vec4(mix(surface, vTint, ink), max(ink, 0.85 * smoothstep(0.3, 0.8, halo)));
  }
  vec2 edge = min(uv, 1.0 - uv);
  float frame = 1.0 - step(0.06, min(edge.x, edge.y));
  return vec4(mix(read(uv).rgb, vTint, frame), 1.0);
}

void main() {
  vec2 uv = gl_PointCoord;
  float r = length(uv - 0.5) * 2.0;
  float soft = fwidth(r);
  vec4 disc = vec4(mix(vTint, surface, 0.45 * smoothstep(0.7, 0.95, r)), 1.0 - smoothstep(1.0 - soft, 1.0, r));
  color = vPicture < 0.01 ? disc : mix(disc, picture_(uv), vPicture); // most points are discs most of the time
  color.rgb = mix(color.rgb, surface, vFade);
  if (color.a < 0.25) discard;
}`;

const NOWHERE: Blend = { from: new Float32Array(), to: new Float32Array(), mix: 0 };

/** All points in one draw call; each is a disc or its picture from the atlas. */
export class Cloud {
  readonly three: Points<BufferGeometry, ShaderMaterial>;
  private readonly uniforms;
  private count = 0;
  private shuffled: Uint32Array<ArrayBuffer> | null = null; // rows, where there are many
  private drawable = 0;
  private layers: Record<"position" | "goal", Float32Array | null> = { position: null, goal: null };

  constructor() {
    this.uniforms = {
      blend: { value: 0 },
      focal: { value: 1 },
      ratio: { value: 1 },
      picture: { value: 0.03 },
      dot_: { value: 0.015 },
      fog: { value: 0 },
      distance_: { value: 1 },
      marks: { value: 1 },
      front: { value: -1 },
      lifted: { value: false },
      tiles: { value: new Vector2(1, 1) },
      texels: { value: new Vector2(1, 1) },
      atlas: { value: null as DataTexture | null },
      surface: { value: new Vector3(1, 1, 1) },
      gray: { value: true },
    };
    const material = new ShaderMaterial({
      uniforms: this.uniforms,
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      glslVersion: GLSL3,
      transparent: true,
    });
    this.three = new Points(new BufferGeometry(), material);
    this.three.frustumCulled = false;
  }

  /** Makes room for `count` points, dots until `setPictures`: point i is picture `tiles[i]`, or picture i. */
  setPoints(count: number, tiles?: ArrayLike<number>): void {
    this.uniforms.atlas.value?.dispose();
    this.uniforms.atlas.value = null;
    if (count !== this.count) {
      this.count = count;
      this.layers = { position: null, goal: null };
      this.three.geometry.dispose();
      this.three.geometry = new BufferGeometry();
      this.three.geometry.setAttribute("position", new BufferAttribute(new Float32Array(count * 3), 3));
      this.three.geometry.setAttribute("goal", new BufferAttribute(new Float32Array(count * 3), 3));
      this.three.geometry.setAttribute("tint", new BufferAttribute(new Uint8Array(count * 4), 4, true));
      this.three.geometry.setAttribute("tile", new BufferAttribute(new Float32Array(count), 1));
      this.shuffled = count > MANY ? shuffledRows(count) : null;
      if (this.shuffled) this.three.geometry.setIndex(new BufferAttribute(this.shuffled.slice(), 1));
      this.drawable = count;
    }
    const tile = this.three.geometry.getAttribute("tile") as BufferAttribute;
    for (let i = 0; i < count; i++) tile.array[i] = tiles ? tiles[i]! : i;
    tile.needsUpdate = true;
  }

  /** Takes the pictures of the points; `maxTexture` is the card's limit, above which the atlas is scaled down. */
  setPictures(pictures: Pictures, maxTexture: number): void {
    const { meta } = pictures;
    this.uniforms.atlas.value?.dispose();
    this.uniforms.atlas.value = atlasTexture(pictures, maxTexture);
    this.uniforms.tiles.value.set(meta.columns, Math.ceil(meta.n / meta.columns));
    this.uniforms.texels.value.set(meta.width, meta.height);
    this.uniforms.gray.value = meta.channels === 1;
  }

  setBlend({ from, to, mix }: Blend): void {
    this.setLayer("position", from);
    this.setLayer("goal", to);
    this.uniforms.blend.value = mix;
  }

  /** Colours and emphasis (N, 4); `front` lies above all other points. */
  setTints(tints: Uint8Array, front: number | null): void {
    this.uniforms.front.value = front ?? -1;
    this.uniforms.lifted.value = someFaded(tints);
    const attribute = this.three.geometry.getAttribute("tint") as BufferAttribute;
    (attribute.array as Uint8Array).set(tints);
    attribute.needsUpdate = true;
    const { index } = this.three.geometry;
    if (!this.shuffled || !index) return;
    this.drawable = orderOf(this.shuffled, tints, index.array as Uint32Array);
    index.needsUpdate = true;
  }

  /** Whether the points are so many that a frame may draw a part of them. */
  get isLarge(): boolean {
    return this.shuffled !== null;
  }

  /** How many points there are to draw. */
  get total(): number {
    return this.drawable;
  }

  /** Draws `count` points from `start` on; of a large cloud each beginning is a fair sample. */
  setRange(start: number, count: number): void {
    this.three.geometry.setDrawRange(start, count);
  }

  /** Where the points are: both layers (N, 3) and how far they are from the first to the second. */
  get blend(): Blend {
    const { position: from, goal: to } = this.layers;
    return from && to ? { from, to, mix: this.uniforms.blend.value } : NOWHERE;
  }

  /** `shown`: how many of the points are, where not all are; fewer have more room. */
  setLook(look: { marks: Marks; size: number; dimensions: Dimensions; surface: Rgb; spacing: number; shown?: number }): void {
    this.uniforms.marks.value = this.uniforms.atlas.value ? { dots: 0, auto: 1, pictures: 2 }[look.marks] : 0;
    const shown = Math.max(1, look.shown ?? this.count);
    const even = Math.min(0.075, Math.sqrt(Math.PI / shown)); // spacing of points spread evenly
    const spacing = look.spacing * Math.sqrt(this.count / shown);
    this.uniforms.picture.value = Math.min(1.7 * even, Math.max(0.004, 3.2 * spacing)) * look.size;
    this.uniforms.dot_.value = 0.85 * even * look.size;
    this.uniforms.fog.value = look.dimensions === 3 ? 0.45 : 0;
    this.uniforms.surface.value.set(...look.surface).multiplyScalar(1 / 255);
  }

  /** Half the width of the drawing of a point at `depth`, in CSS pixels; the same rule as in the shader. */
  radius(depth: number, focal: number, strong: boolean): number {
    const scale = focal / Math.max(1e-4, depth);
    const wide = this.uniforms.picture.value * scale;
    const dot = Math.min(11, Math.max(3, this.uniforms.dot_.value * scale));
    const marks = this.uniforms.marks.value;
    const shown = marks === 2 || (marks === 1 && (wide > 16 || strong));
    const picture = Math.min(MOST, Math.max(wide, strong && marks === 1 ? 26 : 13));
    return ((shown ? picture : dot) / 2) * (strong ? 1.25 : 1);
  }

  /** Values that change with the camera; `focal` in CSS pixels, `ratio` device pixels per CSS pixel. */
  setView(camera: PerspectiveCamera, focal: number, ratio: number, distance: number): void {
    this.uniforms.focal.value = focal * ratio;
    this.uniforms.ratio.value = ratio;
    this.uniforms.distance_.value = distance;
    camera.updateMatrixWorld();
  }

  dispose(): void {
    this.uniforms.atlas.value?.dispose();
    this.three.geometry.dispose();
    this.three.material.dispose();
  }

  private setLayer(name: "position" | "goal", values: Float32Array): void {
    if (this.layers[name] === values) return; // it is there already: the common case while a slider moves
    this.layers[name] = values;
    const attribute = this.three.geometry.getAttribute(name) as BufferAttribute;
    (attribute.array as Float32Array).set(values);
    attribute.needsUpdate = true;
  }
}

/** The atlas as a texture: one byte a pixel where the pictures are grey. */
function atlasTexture(pictures: Pictures, maxTexture: number): DataTexture {
  const { bitmap, meta } = pictures;
  const scale = Math.min(1, maxTexture / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [Math.floor(bitmap.width * scale), Math.floor(bitmap.height * scale)];
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser has no canvas to decode the pictures with");
  context.drawImage(bitmap, 0, 0, width, height);
  const rgba = context.getImageData(0, 0, width, height).data;
  const gray = meta.channels === 1;
  let pixels: Uint8Array<ArrayBuffer>;
  if (gray) {
    pixels = new Uint8Array(width * height);
    for (let i = 0; i < pixels.length; i++) pixels[i] = rgba[i * 4]!;
  } else {
    pixels = new Uint8Array(rgba.buffer);
  }
  const texture = new DataTexture(pixels, width, height, gray ? RedFormat : RGBAFormat);
  texture.unpackAlignment = 1;
  texture.magFilter = LinearFilter;
  texture.minFilter = LinearMipmapLinearFilter;
  texture.generateMipmaps = true;
  texture.needsUpdate = true;
  return texture;
}
