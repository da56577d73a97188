import assert from "node:assert/strict";
import { test } from "node:test";
import { Busy } from "./busy";
import { LatestOnly } from "./latest";

test("busy lasts from the first job to the end of the last one, and is told of once", async () => {
  const told: boolean[] = [];
  const busy = new Busy((isBusy) => told.push(isBusy));
  const first = busy.during(Promise.resolve(1));
  assert.equal(busy.isBusy, true);
  const second = busy.during(first.then((value) => value + 1));
  assert.equal(await first, 1);
  assert.equal(busy.isBusy, true);
  assert.equal(await second, 2);
  assert.equal(busy.isBusy, false);
  assert.deepEqual(told, [true, false]);
});

test("a job that fails ends too, and its error stays with it", async () => {
  const busy = new Busy(() => {});
  await assert.rejects(busy.during(Promise.reject(new Error("no"))), /no/);
  assert.equal(busy.isBusy, false);
});

test("a question that overtakes another one is awaited without a gap", async () => {
  const told: boolean[] = [];
  const busy = new Busy((isBusy) => told.push(isBusy));
  const queue = new LatestOnly();
  const answered: number[] = [];
  await Promise.all([1, 2, 3].map((i) => busy.during(queue.run(async () => void answered.push(i)))));
  assert.deepEqual(answered, [1, 3]);
  assert.deepEqual(told, [true, false]);
});
