import type { RunChoice } from "./contract";
import { h } from "./dom";

/** The select element of a panel that shows one of several runs. */
export function runSelect(runs: readonly RunChoice[], run: string, changed: (run: string) => void): HTMLSelectElement {
  const select: HTMLSelectElement = h(
    "select",
    { "aria-label": "Branch and seed", onchange: () => changed(select.value) },
    ...runs.map(({ key, label }) => h("option", { value: key }, label)),
  );
  select.value = run;
  return select;
}

/** Shows in the place of a panel's content why it cannot go on. */
export function showFailure(body: HTMLElement, error: unknown): void {
  console.error(error);
  body.replaceChildren(h("p", { class: "acc-error", role: "alert" }, error instanceof Error ? error.message : String(error)));
}
