import type { Mount } from "../shared/component";
import { h } from "../shared/dom";

/** What a row is sorted by: a number, a text, or null where the cell holds neither. */
export type SortKey = number | string | null;

type Order = "none" | "ascending" | "descending";

const NUMBER = /^[+−-]?\d[\d,]*(\.\d+)?(e[+−-]?\d+)?/i;

/** The key of a cell's text: its first number where it begins with one ("97.90 ± 0.12 %"), else the text itself. */
export function keyOf(text: string): SortKey {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed === "—") return null;
  const found = NUMBER.exec(trimmed.replaceAll("−", "-"));
  return found ? Number(found[0].replaceAll(",", "")) : trimmed;
}

/** The order of rows by their keys; rows without one stay last in both directions, and equal ones as they were. */
export function sortedIndices(keys: readonly SortKey[], descending: boolean): number[] {
  const compare = (a: number | string, b: number | string) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  return keys
    .map((_, i) => i)
    .sort((i, j) => {
      const [a, b] = [keys[i] ?? null, keys[j] ?? null];
      if (a === null || b === null) return (a === null ? 1 : 0) - (b === null ? 1 : 0) || i - j;
      return (descending ? -1 : 1) * compare(a, b) || i - j;
    });
}

/** Adds a button to each column's head that sorts the rows; a third press brings back their own order. */
export const mountSortable: Mount = (element) => {
  const body = element.querySelector("tbody");
  const heads = [...element.querySelectorAll<HTMLTableCellElement>("thead th")];
  if (!body || body.rows.length < 2) return;
  const original = [...body.rows];
  const keysOf = (column: number) =>
    original.map((row) => {
      const cell = row.cells[column];
      return keyOf(cell?.dataset.sort ?? cell?.textContent ?? "");
    });
  heads.forEach((head, column) => {
    const name = (head.textContent ?? "").trim().replaceAll(/\s+/g, " ");
    const first: Order = keysOf(column).some((key) => typeof key === "number") ? "descending" : "ascending";
    const second: Order = first === "ascending" ? "descending" : "ascending";
    const button = h("button", { type: "button", class: "sort", "aria-label": `Sort by ${name}` });
    button.addEventListener("click", () => {
      const current = (head.getAttribute("aria-sort") ?? "none") as Order;
      const next = current === "none" ? first : current === first ? second : "none";
      for (const other of heads) other.removeAttribute("aria-sort");
      if (next !== "none") head.setAttribute("aria-sort", next);
      const order = next === "none" ? original.keys() : sortedIndices(keysOf(column), next === "descending");
      body.append(...[...order].map((i) => original[i]!));
    });
    head.append("\u2060", button); // joined to the last word, so that it never stands on a line of its own
  });
};
