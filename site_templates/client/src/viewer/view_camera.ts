import { PerspectiveCamera, Vector3 } from "three";
import type { Camera, Dimensions } from "./state";

const FIELD_OF_VIEW = 36; // degrees, vertical
const FRONT = { azimuth: 0, polar: Math.PI / 2 };
const TILTED = { azimuth: 0.55, polar: 1.2 };
const NEAREST = 0.03;
const FARTHEST = 12;

/**
 * One camera for both views. In three dimensions it orbits its target; in two it looks straight at the plane, where
 * a perspective picture is the same as an orthographic one, so that changing between the two is a plain turn.
 */
export class ViewCamera {
  readonly three = new PerspectiveCamera(FIELD_OF_VIEW, 1, 0.01, 50);
  private state: Camera = { target: [0, 0, 0], distance: 4, ...FRONT };
  private width = 1;
  private height = 1;

  resize(width: number, height: number): void {
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    this.three.aspect = this.width / this.height;
    this.three.updateProjectionMatrix();
    this.apply();
  }

  get(): Camera {
    return this.state;
  }

  set(state: Camera): void {
    this.state = {
      ...state,
      distance: Math.min(FARTHEST, Math.max(NEAREST, state.distance)),
      polar: Math.min(Math.PI - 0.02, Math.max(0.02, state.polar)),
    };
    this.apply();
  }

  /** The camera that shows the whole cloud. */
  home(dimensions: Dimensions): Camera {
    const aspect = Math.min(1, this.width / this.height);
    const distance = (dimensions === 2 ? 1.06 : 1) / Math.tan((FIELD_OF_VIEW * Math.PI) / 360) / aspect;
    return { target: [0, 0, 0], distance, ...(dimensions === 2 ? FRONT : TILTED) };
  }

  /** CSS pixels per world unit at distance 1. */
  focalLength(): number {
    return this.height / 2 / Math.tan((FIELD_OF_VIEW * Math.PI) / 360);
  }

  /** Moves the target so that it follows a drag of (dx, dy) CSS pixels. */
  pan(dx: number, dy: number): void {
    const unit = this.state.distance / this.focalLength();
    const { right, up } = this.axes();
    const target = new Vector3(...this.state.target).addScaledVector(right, -dx * unit).addScaledVector(up, dy * unit);
    this.set({ ...this.state, target: [target.x, target.y, target.z] });
  }

  orbit(dx: number, dy: number): void {
    const { azimuth, polar } = this.state;
    this.set({ ...this.state, azimuth: azimuth - dx * 0.006, polar: polar - dy * 0.006 });
  }

  /** Zooms by `factor` (above 1: closer); the point of the target's plane under (x, y) stays where it is. */
  zoom(factor: number, x = this.width / 2, y = this.height / 2): void {
    const before = this.state.distance;
    const distance = Math.min(FARTHEST, Math.max(NEAREST, before / factor));
    const shift = (before - distance) / this.focalLength();
    const { right, up } = this.axes();
    const target = new Vector3(...this.state.target)
      .addScaledVector(right, (x - this.width / 2) * shift)
      .addScaledVector(up, (this.height / 2 - y) * shift);
    this.set({ ...this.state, distance, target: [target.x, target.y, target.z] });
  }

  private axes(): { right: Vector3; up: Vector3 } {
    const { elements } = this.three.matrixWorld;
    return {
      right: new Vector3(elements[0], elements[1], elements[2]),
      up: new Vector3(elements[4], elements[5], elements[6]),
    };
  }

  private apply(): void {
    const { target, distance, azimuth, polar } = this.state;
    const offset = new Vector3(
      Math.sin(polar) * Math.sin(azimuth),
      Math.cos(polar),
      Math.sin(polar) * Math.cos(azimuth),
    ).multiplyScalar(distance);
    this.three.position.set(...target).add(offset);
    this.three.lookAt(...target);
    this.three.near = distance * 0.02;
    this.three.far = distance + 30;
    this.three.updateProjectionMatrix();
    this.three.updateMatrixWorld();
  }
}

/** The camera at `t` (0..1) of the way; the turn takes the short way round. */
export function mixCameras(from: Camera, to: Camera, t: number): Camera {
  const mix = (a: number, b: number) => a + (b - a) * t;
  const turn = Math.atan2(Math.sin(to.azimuth - from.azimuth), Math.cos(to.azimuth - from.azimuth));
  return {
    target: [mix(from.target[0], to.target[0]), mix(from.target[1], to.target[1]), mix(from.target[2], to.target[2])],
    distance: Math.exp(mix(Math.log(from.distance), Math.log(to.distance))),
    azimuth: from.azimuth + turn * t,
    polar: mix(from.polar, to.polar),
  };
}
