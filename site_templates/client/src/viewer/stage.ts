import { ColorManagement, Matrix4, Scene, WebGLRenderer } from "three";
import { h } from "../shared/dom";
import { ScreenGrid, type ScreenPoints } from "../shared/screen_grid";
import type { PageColors } from "../shared/theme";
import { Cloud } from "./cloud";
import { DrawBudget } from "./draw_budget";
import { someFaded } from "./draw_order";
import { EMPHASIS } from "./emphasis";
import { GroundLayer } from "./ground";
import { drawOverlay, type OverlayContent, type Placed } from "./overlay";
import { ViewCamera } from "./view_camera";

const REST = 150; // ms without a change after which the points are drawn that a frame had no time for
const AT_REST = 2; // times as many points as a frame has while they move: nobody waits for it
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
  /** Hears how many points are drawn, of how many: in a large cloud that moves, a fair sample. */
  onDrawn: (drawn: number, total: number) => void = () => {};
  /** Draws what a component adds above points and lines. */
  annotate: (context: CanvasRenderingContext2D, place: Place) => void = () => {};

  private readonly renderer: WebGLRenderer;
  private readonly observer: ResizeObserver;
  private readonly scene = new Scene();
  private readonly context: CanvasRenderingContext2D;
  private readonly lines: HTMLCanvasElement;
  private tints: Uint8Array = new Uint8Array();
  private screen: ScreenPoints | null = null;
  private grid: ScreenGrid | null = null;
  private request = 0;
  private moved = true;
  private movedAt = 0;
  private isSized = false; // until then there is nothing to draw on
  private drawn = 0;
  private readonly budget = new DrawBudget();
  private timed: { points: number; start: number } | null = null; // the frame before this one

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
    this.movedAt = performance.now();
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

  /** How many points are drawn as they stand now. */
  get drawnPoints(): number {
    return this.moved ? 0 : this.drawn;
  }

  /** Whether points of a large cloud are still to be drawn, because it has just moved. */
  get isPartial(): boolean {
    return this.cloud.isLarge && this.drawnPoints < this.cloud.total;
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

  /** Where one point is on the stage. */
  placed(index: number): Placed {
    return this.placing()(index);
  }

  /** Places single points as the camera stands now. */
  private placing(): (index: number) => Placed {
    const { from, to, mix } = this.cloud.blend;
    const { near } = this.camera.three;
    const matrix = this.projection();
    const focal = this.camera.focalLength();
    return (index) => {
      const [x = 0, y = 0, z = 0] = [0, 1, 2].map((d) => from[index * 3 + d]! + (to[index * 3 + d]! - from[index * 3 + d]!) * mix);
      const w = matrix[3]! * x + matrix[7]! * y + matrix[11]! * z + matrix[15]!;
      const depth = Math.max(1e-6, w);
      const emphasis = this.tints[index * 4 + 3];
      return {
        x: ((matrix[0]! * x + matrix[4]! * y + matrix[8]! * z + matrix[12]!) / depth / 2 + 0.5) * this.width,
        y: (0.5 - (matrix[1]! * x + matrix[5]! * y + matrix[9]! * z + matrix[13]!) / depth / 2) * this.height,
        radius: this.cloud.radius(w, focal, emphasis === EMPHASIS.strong),
        isVisible: emphasis !== EMPHASIS.hidden && w > near,
        position: [x, y, z],
        perUnit: focal / depth,
      };
    };
  }

  private project(): ScreenPoints {
    const { from, to, mix } = this.cloud.blend;
    const count = from.length / 3;
    const { near } = this.camera.three;
    const matrix = this.projection();
    const [ax, ay, az, aw] = [matrix[0]!, matrix[4]!, matrix[8]!, matrix[12]!];
    const [bx, by, bz, bw] = [matrix[1]!, matrix[5]!, matrix[9]!, matrix[13]!];
    const [cx, cy, cz, cw] = [matrix[3]!, matrix[7]!, matrix[11]!, matrix[15]!];
    const [halfWidth, halfHeight] = [this.width / 2, this.height / 2];
    const focal = this.camera.focalLength();
    const { tints, cloud } = this;
    const isLifted = someFaded(tints);
    const screen: ScreenPoints = {
      x: new Float32Array(count),
      y: new Float32Array(count),
      depth: new Float32Array(count),
      radius: new Float32Array(count),
      visible: new Uint8Array(count),
    };
    for (let i = 0, at = 0; i < count; i++, at += 3) {
      const x = from[at]! + (to[at]! - from[at]!) * mix;
      const y = from[at + 1]! + (to[at + 1]! - from[at + 1]!) * mix;
      const z = from[at + 2]! + (to[at + 2]! - from[at + 2]!) * mix;
      const w = cx * x + cy * y + cz * z + cw;
      const inverse = 1 / Math.max(1e-6, w);
      const emphasis = tints[i * 4 + 3];
      screen.x[i] = ((ax * x + ay * y + az * z + aw) * inverse + 1) * halfWidth;
      screen.y[i] = (1 - (bx * x + by * y + bz * z + bw) * inverse) * halfHeight;
      const isStrong = emphasis === EMPHASIS.strong;
      screen.depth[i] = isStrong ? w * 0.5 : isLifted && emphasis === EMPHASIS.normal ? w * 0.75 : w; // as the shader brings them forward
      screen.radius[i] = cloud.radius(w, focal, isStrong);
      screen.visible[i] = emphasis === EMPHASIS.hidden || w <= near ? 0 : 1;
    }
    return screen;
  }

  private draw(): void {
    this.request = 0;
    if (!this.isSized) return;
    const start = performance.now();
    if (this.timed) this.budget.told(this.timed.points, start - this.timed.start);
    this.timed = null;
    if (this.moved) this.drawPoints(0, start);
    else if (this.drawn < this.cloud.total && start - this.movedAt >= REST) this.drawPoints(this.drawn, start);
    this.moved = false;
    const ratio = this.renderer.getPixelRatio();
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, this.width, this.height);
    drawOverlay(this.context, this.placing(), this.overlay);
    this.annotate(this.context, this.placer());
    this.frameTimes.push(performance.now() - start);
    if (this.frameTimes.length > 240) this.frameTimes.shift();
    if (this.timed || this.drawn < this.cloud.total) this.refresh(); // to see what it took, and to draw the rest
  }

  /** Draws points from `first` on, all or as many as there is time for, above those that are drawn. */
  private drawPoints(first: number, start: number): void {
    const { cloud, renderer, camera, budget } = this;
    const rest = cloud.total - first;
    const room = first === 0 ? budget.points : AT_REST * budget.points;
    const points = cloud.isLarge ? Math.min(rest, room) : rest;
    cloud.setView(camera.three, camera.focalLength(), renderer.getPixelRatio(), camera.get().distance);
    cloud.setRange(first, points);
    renderer.autoClear = first === 0;
    this.ground.three.visible = first === 0;
    renderer.render(this.scene, camera.three);
    this.drawn = first + points;
    if (cloud.isLarge && first === 0) this.timed = { points, start };
    this.onDrawn(this.drawn, cloud.total);
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
    this.isSized = true;
    this.onResize();
    this.redraw();
    cancelAnimationFrame(this.request);
    this.draw(); // the canvas is empty now, and the browser is about to show it
  }
}

function createRenderer(canvas: HTMLCanvasElement): WebGLRenderer {
  const context = canvas.getContext("webgl2", {
    alpha: false,
    antialias: false,
    powerPreference: "high-performance",
    preserveDrawingBuffer: true, // a large cloud is drawn in parts, each above those before it
  });
  if (!context) throw new NoWebGlError();
  return new WebGLRenderer({ canvas, context });
}
