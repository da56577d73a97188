import assert from "node:assert/strict";
import { test } from "node:test";
import { DrawBudget } from "./draw_budget";

/** Points of a frame after so many frames on a machine that takes `fixed` ms and so many for a thousand points. */
function settled(budget: DrawBudget, total: number, fixed: number, perThousand: number, frames = 40): number {
  let drawn = 0;
  for (let i = 0; i < frames; i++) {
    drawn = Math.min(total, budget.points);
    budget.told(drawn, Math.max(16.7, fixed + (perThousand * drawn) / 1000));
  }
  return drawn;
}

test("a slow machine draws as many points as a frame of some 45 ms has time for, a fast one all", () => {
  const slow = settled(new DrawBudget(), 1_000_000, 15, 0.9);
  assert.ok(15 + 0.9 * (slow / 1000) < 54 && slow > 25_000, String(slow));
  assert.equal(settled(new DrawBudget(), 1_000_000, 2, 0.01), 1_000_000);
});

test("one frame that was slow for another reason is made good, and a pause of the page is no frame", () => {
  const budget = new DrawBudget();
  settled(budget, 70_000, 5, 0.1);
  const before = budget.points;
  budget.told(70_000, 3_000);
  budget.told(500, 400);
  assert.equal(budget.points, before);
  budget.told(70_000, 400);
  assert.ok(budget.points < 70_000);
  assert.equal(settled(budget, 70_000, 5, 0.1), 70_000);
});
