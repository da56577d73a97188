/** The way from one branch's viewer to another's keeps the view. */

/** Makes the links to other branches of a recipe (`<a data-branch="tag">`) open the view of `fragment`; `run` is the run shown. */
export function carryView(fragment: string, run: string, dataset: string): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>("a[data-branch]")) {
    const carried = carriedFragment(fragment, run, dataset, link.dataset.branch!);
    link.hash = carried;
  }
}

/**
 * The fragment that shows the same view of another branch: the same seed, and points by their index, which hold for the
 * same data set only and are therefore marked with it.
 */
export function carriedFragment(fragment: string, run: string, dataset: string, branch: string): string {
  const out = new URLSearchParams(fragment);
  const [runs, recipe, , seed] = run.split("/");
  if (out.has("run")) out.set("run", [runs, recipe, branch, seed].join("/"));
  if (out.has("point") || out.has("sel")) out.set("data", dataset);
  return out.toString();
}

/** Whether a fragment's points are those of `dataset`: one that does not say is taken at its word. */
export function isOfData(fragment: string, dataset: string): boolean {
  const named = new URLSearchParams(fragment.replace(/^#/, "")).get("data");
  return named === null || named === dataset;
}
