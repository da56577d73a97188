import type { Autoencoder } from "../model/autoencoder";
import { type Code, LATENT, latentOf, mixed } from "../model/code";
import { meanSquaredError } from "../picture/preprocess";
import { distanceToNearest } from "../viewer/layers";
import { type Placement, positionOf, spreadOf } from "./barycentric";
import { distance, PATH_SAMPLES, pathCodes } from "./interpolation";
import { latentOfRow, type Manifold } from "./manifold";
import { type Votes, votesOf } from "./votes";

type Position = [x: number, y: number, z: number];

/** A code on the map: where its latent lies. */
export interface Landing {
  code: Code;
  latent: Float32Array;
  placement: Placement;
  /** In the shown ball. */
  position: Position;
  /** How far its neighbours lie around it on the map, in radii of the map. */
  spread: number;
  /** Whether no reference point lies near: a mean of neighbours from several parts of the map. */
  isOffMap: boolean;
  /** Rows of the pictures that the latent comes from. */
  own: ReadonlySet<number>;
  votes: Votes;
}

/** E(x) and D(E(x)). */
export interface Probe {
  kind: "probe";
  at: Landing;
  decoded: Float32Array;
  /** Mean squared difference between input and decoded picture. */
  error: number;
}

/** z_t, D(z_t), E(D(z_t)) and D(E(D(z_t))). */
export interface Step {
  kind: "step";
  at: Landing; // E(D(z_t))
  straight: Float32Array; // D(z_t)
  decoded: Float32Array; // D(E(D(z_t)))
  /** Distance between z_t and E(D(z_t)), in latent space. */
  drift: number;
}

/** The whole way between two latents, at PATH_SAMPLES even steps of t. */
export interface Path {
  /** The ends, as pictures of the data set. */
  pictures: readonly [a: number, b: number];
  a: Code;
  b: Code;
  /** Distance between the ends, in latent space. */
  length: number;
  regrounded: Position[]; // where E(D(z_t)) lies
  straight: Position[]; // where z_t lies
  /** Drifts in parts of `length`; 0 where the ends are one. */
  drifts: number[];
}

/** Encoder, decoder and map of one branch. */
export class GroundedModel {
  constructor(
    readonly model: Autoencoder,
    readonly manifold: Manifold,
  ) {
    const [inner, outer] = [model.meta.latent_dim, manifold.meta.latent_dim];
    if (inner !== outer) {
      throw new Error(`the encoder gives ${inner} dimensions but the manifold has ${outer}; build the branch again, then: acc site`);
    }
  }

  /** Puts a code on the map; `pictures` of the data set are those that it comes from. */
  land(code: Code, pictures: readonly number[]): Landing {
    const { shown, reach, classes, rowOf, place } = this.manifold;
    const latent = latentOf(code);
    const placement = place(latent);
    const own = new Set(pictures.flatMap((picture) => rowOf.get(picture) ?? []));
    const votes = votesOf(placement, classes.of, classes.names.length, own);
    const position = positionOf(placement, shown);
    const isOffMap = distanceToNearest(position, shown) > reach;
    return { code, latent, placement, position, spread: spreadOf(placement, shown, position), isOffMap, own, votes };
  }

  /** `source` is the picture of the data set that `picture` was made from, if it was. */
  async probe(picture: Float32Array, source: number | null): Promise<Probe> {
    const at = this.land(await this.model.encode(picture), source === null ? [] : [source]);
    const decoded = await this.model.decode(at.code);
    return { kind: "probe", at, decoded, error: meanSquaredError(picture, decoded) };
  }

  async step({ a, b, pictures }: Path, t: number): Promise<Step> {
    const code = mixed(a, b, t);
    const straight = await this.model.decode(code);
    const at = this.land(await this.model.encode(straight), pictures);
    return { kind: "step", at, straight, decoded: await this.model.decode(at.code), drift: distance(latentOf(code), at.latent) };
  }

  /** The way between two pictures of the data set, all steps in one batch. */
  async path(pictureA: number, pictureB: number): Promise<Path> {
    const [a, b] = [await this.codeOf(pictureA), await this.codeOf(pictureB)];
    const width = this.model.meta.latent_dim;
    const codes = pathCodes(a, b);
    const latents = latentOf(codes);
    const again = latentOf(await this.model.encode(await this.model.decode(codes)));
    const steps = Array.from({ length: PATH_SAMPLES }, (_, s) => [s * width, (s + 1) * width] as const);
    const place = (values: Float32Array) => positionOf(this.manifold.place(values), this.manifold.shown);
    const length = distance(latentOf(a), latentOf(b));
    return {
      pictures: [pictureA, pictureB],
      a,
      b,
      length,
      regrounded: steps.map(([from, to]) => place(again.slice(from, to))),
      straight: steps.map(([from, to]) => place(latents.slice(from, to))),
      drifts: steps.map(([from, to]) => (length > 0 ? distance(latents.subarray(from, to), again.subarray(from, to)) / length : 0)),
    };
  }

  /** The code of a picture of the data set; the map knows the latents of its reference points, and no other part. */
  private async codeOf(picture: number): Promise<Code> {
    const row = this.manifold.rowOf.get(picture);
    if (row !== undefined && this.model.isLatentAlone) return new Map([[LATENT, latentOfRow(this.manifold, row)]]);
    return this.model.encode(this.manifold.pictures.read(picture));
  }
}
