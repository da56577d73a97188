import type { RunChoice } from "../shared/contract";
import { h } from "../shared/dom";

const seedOf = ({ key }: RunChoice) => /seed-\d+$/.exec(key)?.[0] ?? "";

/** Chooses one of the runs by branch and seed. */
export function runSelect(runs: readonly RunChoice[], onChange: (run: string) => void): HTMLSelectElement {
  const select = h("select", { onchange: () => onChange(select.value) }, ...runs.map(({ key, label }) => h("option", { value: key }, label)));
  return select;
}

/** The runs among `asked` that the page has. */
export function knownRuns(runs: readonly RunChoice[], asked: ReadonlyArray<string | null>): string[] {
  return asked.filter((key): key is string => runs.some((run) => run.key === key));
}

/** Keys of the runs to start with: the first, and the last of its seed, so that the recipe's two ends stand side by side. */
export function startRuns(runs: readonly RunChoice[]): string[] {
  const [first] = runs;
  if (!first) return [];
  const last = runs.findLast((run) => seedOf(run) === seedOf(first))!;
  const second = last === first ? runs[1] : last;
  return [first, ...(second ? [second] : [])].map(({ key }) => key);
}

/** The runs that an address asks for (`runs=<run>~<run>`) and the page has; else `start`. */
export function decodeRuns(asked: URLSearchParams, runs: readonly RunChoice[], start: readonly string[]): readonly string[] {
  const known = knownRuns(runs, asked.get("runs")?.split("~").map((run) => `runs/${run}`) ?? []);
  return known.length > 0 ? known : start;
}

/** The runs that are shown as a part of an address; what is as at the start is left out. */
export function encodeRuns(shown: readonly string[], start: readonly string[], out: URLSearchParams): void {
  if (shown.join() !== start.join()) out.set("runs", shown.map((key) => key.replace(/^runs\//, "")).join("~"));
}

/** The run to add to those that are `shown`: one of the first one's seed before one of another; null where all are shown. */
export function nextRun(runs: readonly RunChoice[], shown: readonly string[]): string | null {
  const others = runs.filter(({ key }) => !shown.includes(key));
  const first = runs.find(({ key }) => key === shown[0]);
  return (others.find((run) => first && seedOf(run) === seedOf(first)) ?? others[0])?.key ?? null;
}
