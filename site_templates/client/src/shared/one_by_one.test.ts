import assert from "node:assert/strict";
import { test } from "node:test";
import { oneByOne } from "./one_by_one";

test("jobs are carried out in order and never two at once, and one that fails does not hold up the next", async () => {
  const alone = oneByOne();
  const told: string[] = [];
  const job = (name: string, turns: number) => async () => {
    told.push(`${name} begins`);
    for (let i = 0; i < turns; i++) await Promise.resolve();
    told.push(`${name} ends`);
    if (name === "b") throw new Error("no b");
    return name;
  };
  const found = await Promise.allSettled([alone(job("a", 9)), alone(job("b", 3)), alone(job("c", 1))]);
  assert.deepEqual(told, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  assert.deepEqual(
    found.map((one) => (one.status === "fulfilled" ? one.value : (one.reason as Error).message)),
    ["a", "no b", "c"],
  );
});
