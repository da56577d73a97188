import { animate, ease } from "../shared/motion";
import type { Stage } from "./stage";
import type { Camera, Dimensions } from "./state";
import { mixCameras } from "./view_camera";

const FLIGHT_TIME = 500; // ms

/** Moves the camera of a stage: at once by gestures, animated to a goal. */
export class Navigation {
  private stop: () => void = () => {};

  /** `onMoved` hears of the camera after the reader moved it. */
  constructor(
    private readonly stage: Stage,
    private readonly dimensions: () => Dimensions,
    private readonly onMoved: (camera: Camera) => void,
  ) {}

  /** The main drag: moves the plane, or turns the cloud. */
  drag(dx: number, dy: number): void {
    const { camera } = this.stage;
    this.byHand(() => (this.dimensions() === 3 ? camera.orbit(dx, dy) : camera.pan(dx, dy)));
  }

  pan(dx: number, dy: number): void {
    this.byHand(() => this.stage.camera.pan(dx, dy));
  }

  zoom(factor: number, x?: number, y?: number): void {
    this.byHand(() => this.stage.camera.zoom(factor, x, y));
  }

  /** Shows a camera that was set elsewhere; null fits the whole cloud. */
  show(camera: Camera | null): void {
    if (camera === this.stage.camera.get()) return;
    this.fly(camera ?? this.stage.camera.home(this.dimensions()));
  }

  /** Brings a position of the cloud to the middle, and close. */
  flyTo(target: Camera["target"]): void {
    const { camera } = this.stage;
    const distance = Math.min(camera.get().distance, camera.home(this.dimensions()).distance * 0.4);
    this.fly({ ...camera.get(), target, distance }, () => this.onMoved(camera.get()));
  }

  /** Follows someone else's animation from the camera as it is now: call the result with progress 0..1. */
  follow(to: Camera): (progress: number) => void {
    this.stop();
    const from = this.stage.camera.get();
    return (progress) => this.stage.camera.set(mixCameras(from, to, progress));
  }

  /** Fits the cloud again after the stage changed its size. */
  refit(): void {
    this.stage.camera.set(this.stage.camera.home(this.dimensions()));
  }

  private byHand(move: () => void): void {
    this.stop();
    move();
    this.stage.redraw();
    this.onMoved(this.stage.camera.get());
  }

  private fly(to: Camera, onArrival: () => void = () => {}): void {
    const move = this.follow(to);
    this.stop = animate(FLIGHT_TIME, (progress) => {
      move(ease(progress));
      this.stage.redraw();
      if (progress === 1) onArrival();
    });
  }
}
