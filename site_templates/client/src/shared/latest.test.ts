import assert from "node:assert/strict";
import { test } from "node:test";
import { LatestOnly } from "./latest";

const later = <T>(ms: number, value: T) => new Promise<T>((resolve) => setTimeout(() => resolve(value), ms));

test("the newest waiting job runs and overtaken ones are dropped", async () => {
  const queue = new LatestOnly();
  const started: number[] = [];
  const job = (i: number) => () => (started.push(i), later(5, i));
  const answers = await Promise.all([1, 2, 3, 4].map((i) => queue.run(job(i))));
  assert.deepEqual(started, [1, 4]);
  assert.deepEqual(answers, [1, undefined, undefined, 4]);
});

test("a slow first job never ends after the newer one", async () => {
  const queue = new LatestOnly();
  const order: string[] = [];
  await Promise.all([
    queue.run(() => later(20, "old")).then((value) => order.push(value ?? "dropped")),
    queue.run(() => later(1, "new")).then((value) => order.push(value ?? "dropped")),
  ]);
  assert.deepEqual(order, ["old", "new"]);
});

test("a job that fails rejects its own promise and stops no later one", async () => {
  const queue = new LatestOnly();
  await assert.rejects(queue.run(() => Promise.reject(new Error("no"))), /no/);
  assert.equal(await queue.run(() => later(1, 7)), 7);
});
