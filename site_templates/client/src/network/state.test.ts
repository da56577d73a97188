import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeNetwork, encodeNetwork, type NetworkState, restingMove, START } from "./state";

function carried(state: NetworkState): NetworkState {
  const out = new URLSearchParams();
  encodeNetwork(state, out);
  return { ...START, ...decodeNetwork(new URLSearchParams(out.toString())) };
}

test("an address brings every part of the state back", () => {
  const state: NetworkState = {
    picture: null, example: 3,
    step: 0,
    layer: "backbone.2#2",
    channel: 0,
    at: [0, 6],
    colors: "channel",
    rank: "mean",
    moved: { latent: "mu", dim: 5, move: 0 },
    training: true,
  };
  assert.deepEqual(carried(state), state);
  assert.deepEqual(carried(START), START);
});

test("what is as at the start is not in the address", () => {
  const out = new URLSearchParams();
  encodeNetwork(START, out);
  assert.equal(out.toString(), "");
});

test("what makes no sense in an address is left out", () => {
  assert.deepEqual(decodeNetwork(new URLSearchParams("example=-1&step=x&at=3&colors=pink&rank=min&move=mu~1&channel=1.5")), {});
});

test("nothing is moved by 0, and a probability that is set starts at the value nearest to what it was", () => {
  assert.equal(restingMove({ moves: [-3, -1.5, 0, 1.5, 3], absolute: false }, 2.9), 2);
  const probabilities = { moves: [0, 0.25, 0.5, 0.75, 1], absolute: true };
  assert.deepEqual([0.97, 0.3, 0].map((base) => restingMove(probabilities, base)), [4, 1, 0]);
});
