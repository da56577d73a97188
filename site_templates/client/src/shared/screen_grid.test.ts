import assert from "node:assert/strict";
import { test } from "node:test";
import { ScreenGrid, type ScreenPoints } from "./screen_grid";

function points(list: ReadonlyArray<readonly [x: number, y: number, depth?: number, radius?: number, visible?: number]>): ScreenPoints {
  const column = (k: number, missing: number) => Float32Array.from(list, (p) => p[k] ?? missing);
  return { x: column(0, 0), y: column(1, 0), depth: column(2, 1), radius: column(3, 2), visible: Uint8Array.from(list, (p) => p[4] ?? 1) };
}

function random(n: number): ScreenPoints {
  let seed = 1;
  const next = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  return points(Array.from({ length: n }, () => [next() * 640 - 20, next() * 480 - 20, 1, 0] as const));
}

test("picks the same nearest point as looking at all of them", () => {
  const cloud = random(2000);
  const grid = new ScreenGrid(cloud, 600, 440);
  for (let k = 0; k < 200; k++) {
    const [x, y] = [(k * 37) % 600, (k * 53) % 440];
    let expected = -1;
    let best = 12 ** 2;
    for (let i = 0; i < 2000; i++) {
      const onScreen = cloud.x[i]! >= 0 && cloud.y[i]! >= 0 && cloud.x[i]! < 608 && cloud.y[i]! < 448;
      const distance = (cloud.x[i]! - x) ** 2 + (cloud.y[i]! - y) ** 2;
      if (onScreen && distance < best) [expected, best] = [i, distance];
    }
    assert.equal(grid.pick(x, y, 12), expected);
  }
});

test("of points drawn over each other the one in front is picked", () => {
  const grid = new ScreenGrid(points([[50, 50, 3, 20], [56, 50, 1, 20], [50, 50, 2, 20]]), 100, 100);
  assert.equal(grid.pick(50, 50, 10), 1);
});

test("a large drawing is found far from its centre, a hidden point never", () => {
  const grid = new ScreenGrid(points([[50, 50, 1, 40], [80, 80, 1, 5, 0]]), 200, 200);
  assert.equal(grid.pick(80, 74, 6), 0);
  assert.equal(grid.pick(150, 150, 6), -1);
});

test("a lasso holds exactly the points inside it, holes of a concave path left out", () => {
  const cloud = points([[15, 15], [50, 15], [50, 60], [85, 15], [15, 85, 1, 2, 0], [99, 99]]);
  const u = [5, 5, 30, 5, 30, 45, 70, 45, 70, 5, 95, 5, 95, 95, 5, 95]; // the letter U
  assert.deepEqual(new ScreenGrid(cloud, 100, 100).inside(u), [0, 2, 3]);
  assert.deepEqual(new ScreenGrid(cloud, 100, 100).inside([1, 1, 2, 2]), []);
});
