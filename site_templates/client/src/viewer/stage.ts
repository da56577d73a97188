import { ColorManagement, Matrix4, Scene, WebGLRenderer } from "three";
import { h } from "../shared/dom";
import { ScreenGrid, type ScreenPoints } from "../shared/screen_grid";
import type { PageColors } from "../shared/theme";
import { Cloud, EMPHASIS } from "./cloud";
import { GroundLayer } from "./ground";
import { drawOverlay, type OverlayContent } from "./overlay";
import { ViewCamera } from "./view_camera";

const MOST_PIXELS_PER_PIXEL = 2; // above this a phone draws four times the pixels for nothing that one sees

ColorManagement.enabled = false; // colours are those of the page, byte for byte

/** Raised where the browser or the machine cannot draw; its message is for the reader. */
export class NoWebGlError extends Error {
  constructor() {
    super(
      "This browser cannot draw with WebGL 2, which the view of the latent space needs. Switch on hardware acceleration or try another browser.",
    );
  }
}

/** Where a position of the cloud is on the stage, in CSS pixels; null behind the camera. */
export type Place = (position: ArrayLike<number>) => { x: number; y: number } | null;

/** The drawing area: the points, the lines above them, and what lies under the cursor. Draws only when something changed. */
export class Stage {
  readonly element: HTMLElement;
  readonly camera = new ViewCamera();
  readonly cloud = new Cloud();
  /** What lies below the points. */
  readonly ground = new GroundLayer();
  /** What the lines show; call `redraw` after a change. */
  readonly overlay: OverlayContent = {
    focus: null,
    hover: null,
    edges: [],
    extent: null,
    path: [],
    labels: [],
    ink: "#000",
    accent: "#00f",
    surface: "#fff",
    font: "sans-serif",
  };
  /** Milliseconds of the last frames on the main thread. */
  readonly frameTimes: number[] = [];
  width = 1;
  height = 1;
  /** Called after the stage has a new size. */
  onResize: () => void = () => {};
  /** Draws what a component adds above points and lines. */
  annotate: (context: CanvasRenderingContext2D, place: Place) => void = () => {};

  private readonly renderer: WebGLRenderer;
  private readonly observer: ResizeObserver;
  private readonly scene = new Scene();
  private readonly context: CanvasRenderingContext2D;
  private readonly lines: HTMLCanvasElement;
  private positions: () => Float32Array = () => new Float32Array();
  private tints: Uint8Array = new Uint8Array();
  private screen: ScreenPoints | null = null;
  private grid: ScreenGrid | null = null;
  private request = 0;
  private moved = true;

  constructor() {
    const canvas = h("canvas", { class: "acc-stage-points", "aria-hidden": "true" });
    this.lines = h("canvas", { class: "acc-stage-lines", "aria-hidden": "true" });
    this.renderer = createRenderer(canvas);
    const context = this.lines.getContext("2d");
    if (!context) throw new NoWebGlError();
    this.context = context;
    this.element = h("div", { class: "acc-stage", tabindex: 0 }, canvas, this.lines);
    this.scene.add(this.ground.three, this.cloud.three);
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => this.redraw());
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.element);
  }

  /** Largest side of a texture on this machine. */
  maxTexture(): number {
    return this.renderer.capabilities.maxTextureSize;
  }

  /** Gives the source of positions (N, 3), asked for only when the cursor or the lines need them. */
  setPositions(positions: () => Float32Array): void {
    this.positions = positions;
  }

  setTints(tints: Uint8Array, front: number | null): void {
    this.tints = tints;
    this.cloud.setTints(tints, front);
    this.redraw();
  }

  setColors({ surface, ink, accent, font }: PageColors): void {
    this.renderer.setClearColor((surface[0] << 16) | (surface[1] << 8) | surface[2], 1);
    Object.assign(this.overlay, { ink, accent, font, surface: `rgb(${surface.join(" ")})` });
    this.redraw();
  }

  /** Draws in the next frame; what was known of places on the screen is forgotten. */
  redraw(): void {
    this.screen = null;
    this.grid = null;
    this.moved = true;
    this.refresh();
  }

  /** Draws the lines in the next frame; the points stay as they are. */
  refresh(): void {
    if (this.request === 0) this.request = requestAnimationFrame(() => this.draw());
  }

  /** The point at (x, y) CSS pixels of the stage, or null. */
  pick(x: number, y: number, reach: number): number | null {
    this.grid ??= new ScreenGrid(this.places(), this.width, this.height);
    const index = this.grid.pick(x, y, reach);
    return index < 0 ? null : index;
  }

  /** The points drawn inside a polygon of the stage. */
  inside(polygon: readonly number[]): number[] {
    this.grid ??= new ScreenGrid(this.places(), this.width, this.height);
    return this.grid.inside(polygon);
  }

  /** Where every point is on the stage, in CSS pixels. */
  places(): ScreenPoints {
    this.screen ??= this.project();
    return this.screen;
  }

  /** Frees the graphics card; the stage draws no more. Browsers allow a page only some sixteen of them. */
  dispose(): void {
    cancelAnimationFrame(this.request);
    this.request = -1; // no further frame is asked for
    this.observer.disconnect();
    this.cloud.dispose();
    this.ground.dispose();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }

  /** Projects positions of the cloud as the camera stands now. */
  placer(): Place {
    const { three } = this.camera;
    const matrix = this.projection();
    return (position) => {
      const [x, y, z] = [position[0]!, position[1]!, position[2]!];
      const w = matrix[3]! * x + matrix[7]! * y + matrix[11]! * z + matrix[15]!;
      if (w <= three.near) return null;
      return {
        x: ((matrix[0]! * x + matrix[4]! * y + matrix[8]! * z + matrix[12]!) / w / 2 + 0.5) * this.width,
        y: (0.5 - (matrix[1]! * x + matrix[5]! * y + matrix[9]! * z + matrix[13]!) / w / 2) * this.height,
      };
    };
  }

  /** Elements of the matrix from the cloud to the clip volume, column by column. */
  private projection(): readonly number[] {
    const { projectionMatrix, matrixWorldInverse } = this.camera.three;
    return new Matrix4().multiplyMatrices(projectionMatrix, matrixWorldInverse).elements;
  }

  private project(): ScreenPoints {
    const positions = this.positions();
    const count = positions.length / 3;
    const { three } = this.camera;
    const matrix = this.projection();
    const focal = this.camera.focalLength();
    const screen: ScreenPoints = {
      x: new Float32Array(count),
      y: new Float32Array(count),
      depth: new Float32Array(count),
      radius: new Float32Array(count),
      visible: new Uint8Array(count),
    };
    for (let i = 0; i < count; i++) {
      const [x, y, z] = [positions[i * 3]!, positions[i * 3 + 1]!, positions[i * 3 + 2]!];
      const w = matrix[3]! * x + matrix[7]! * y + matrix[11]! * z + matrix[15]!;
      const inverse = 1 / Math.max(1e-6, w);
      const emphasis = this.tints[i * 4 + 3];
      screen.x[i] = ((matrix[0]! * x + matrix[4]! * y + matrix[8]! * z + matrix[12]!) * inverse * 0.5 + 0.5) * this.width;
      screen.y[i] = (0.5 - (matrix[1]! * x + matrix[5]! * y + matrix[9]! * z + matrix[13]!) * inverse * 0.5) * this.height;
      screen.depth[i] = emphasis === EMPHASIS.strong ? w * 0.5 : w;
      screen.radius[i] = this.cloud.radius(w, focal, emphasis === EMPHASIS.strong);
      screen.visible[i] = emphasis === EMPHASIS.hidden || w <= three.near ? 0 : 1;
    }
    return screen;
  }

  /** CSS pixels of a unit of the cloud at one of its positions (N, 3). */
  private perUnit(positions: Float32Array): (index: number) => number {
    const matrix = this.projection();
    const focal = this.camera.focalLength();
    return (i) =>
      focal / Math.max(1e-6, matrix[3]! * positions[i * 3]! + matrix[7]! * positions[i * 3 + 1]! + matrix[11]! * positions[i * 3 + 2]! + matrix[15]!);
  }

  private draw(): void {
    this.request = 0;
    const start = performance.now();
    const ratio = this.renderer.getPixelRatio();
    if (this.moved) this.drawPoints(ratio);
    this.moved = false;
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, this.width, this.height);
    const { focus, hover, path, labels, edges } = this.overlay;
    if (focus !== null || hover !== null || path.length > 0 || labels.length > 0 || edges.length > 0) {
      const positions = this.positions();
      drawOverlay(this.context, this.places(), positions, this.perUnit(positions), this.overlay);
    }
    this.annotate(this.context, this.placer());
    this.frameTimes.push(performance.now() - start);
    if (this.frameTimes.length > 240) this.frameTimes.shift();
  }

  private drawPoints(ratio: number): void {
    const distance = this.camera.get().distance;
    this.cloud.setView(this.camera.three, this.camera.focalLength(), ratio, distance);
    this.renderer.render(this.scene, this.camera.three);
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.element;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.width = clientWidth;
    this.height = clientHeight;
    const ratio = Math.min(MOST_PIXELS_PER_PIXEL, window.devicePixelRatio || 1);
    this.renderer.setPixelRatio(ratio);
    this.renderer.setSize(clientWidth, clientHeight, false);
    this.lines.width = Math.round(clientWidth * ratio);
    this.lines.height = Math.round(clientHeight * ratio);
    this.camera.resize(clientWidth, clientHeight);
    this.onResize();
    this.redraw();
  }
}

function createRenderer(canvas: HTMLCanvasElement): WebGLRenderer {
  const context = canvas.getContext("webgl2", { alpha: false, antialias: false, powerPreference: "high-performance" });
  if (!context) throw new NoWebGlError();
  return new WebGLRenderer({ canvas, context });
}
