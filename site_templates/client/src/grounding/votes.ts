import { type Placement, weightsOf } from "./barycentric";

/** What the neighbours of a latent say about its class. */
export interface Votes {
  /** Share of the weight by class, summing to 1. */
  shares: Float64Array;
  /** The class with the largest share. */
  best: number;
}

/**
 * The votes of a placement's neighbours, each with its weight among the voters. The rows of `own` do not vote: a picture
 * of the reference, augmented or not, would vote for its own label. Where none is left, all vote.
 */
export function votesOf({ rows, distances }: Placement, labels: ArrayLike<number>, classes: number, own: ReadonlySet<number>): Votes {
  const others = [...rows.keys()].filter((j) => !own.has(rows[j]!));
  const voters = others.length > 0 ? others : [...rows.keys()];
  const weights = weightsOf(Float64Array.from(voters, (j) => distances[j]!));
  const shares = new Float64Array(classes);
  voters.forEach((j, v) => (shares[labels[rows[j]!]!]! += weights[v]!));
  return { shares, best: shares.indexOf(Math.max(...shares)) };
}

/** Total variation distance of two votes: 0 where they agree, 1 where they share no class. */
export function voteDistance(a: Votes, b: Votes): number {
  return a.shares.reduce((sum, share, c) => sum + Math.abs(share - b.shares[c]!), 0) / 2;
}

/** Share of the pictures that two lists of neighbours have in common, of those in the shorter list. */
export function sharedNeighbors(a: readonly number[], b: readonly number[]): number {
  const known = new Set(a);
  return b.filter((picture) => known.has(picture)).length / Math.max(1, Math.min(a.length, b.length));
}

/** Mean of `measure` over all pairs; NaN for fewer than two. */
export function pairMean<T>(items: readonly T[], measure: (a: T, b: T) => number): number {
  let [sum, pairs] = [0, 0];
  for (let i = 0; i < items.length; i++) {
    for (let j = i + 1; j < items.length; j++) {
      sum += measure(items[i]!, items[j]!);
      pairs++;
    }
  }
  return sum / pairs;
}
