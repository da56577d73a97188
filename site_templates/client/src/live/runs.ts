import type { Mount } from "../shared/component";
import { pageAddress } from "../shared/address";
import { h } from "../shared/dom";
import { messageOf } from "../shared/failure";
import { count, number, plural } from "../shared/format";
import { isServed, listRuns, type Run } from "./server";
import { progressBar, statusMark } from "./words";

const ASK_MS = 2000; // between two looks
const FILTERS = { status: "Status", recipe: "Recipe", node: "Node", seed: "Seed" } as const;
const SHOWN = 6; // rows before a reader asks for more
type Filter = keyof typeof FILTERS;

/** The runs of the store that serves this page, those at work first; a page from disk has none and says nothing. */
export const mountRuns: Mount = (element) => {
  if (!isServed()) {
    element.hidden = true;
    return;
  }
  const chosen: Partial<Record<Filter, string>> = {};
  const { asked, save } = pageAddress(() => new URLSearchParams(chosen));
  for (const name of Object.keys(FILTERS) as Filter[]) if (asked.get(name)) chosen[name] = asked.get(name)!;
  const fields = h("div", { class: "runs-filters" });
  const table = h("div", { class: "table-scroll" });
  const note = h("p", { class: "note", role: "status" });
  let runs: Run[] = [];
  let all = false;
  let answered = false; // when it was asked last

  const draw = () => {
    const found = runs.filter((run) => (Object.keys(chosen) as Filter[]).every((name) => String(run[name]) === chosen[name]));
    const shown = all ? found : found.slice(0, SHOWN);
    drawFilters(fields, runs, chosen, () => {
      save();
      draw();
    });
    table.replaceChildren(...(shown.length ? [tableOf(shown)] : []));
    if (found.length > shown.length) table.append(h("button", { type: "button", class: "button button-quiet", onclick: showAll }, `Show all ${count(found.length)}`));
    const busy = runs.filter((run) => run.status === "running").length;
    note.textContent = found.length ? `${plural(busy, "run")} at work` : runs.length ? "No run is like that." : "No run is begun.";
  };
  const showAll = () => {
    all = true;
    draw();
  };
  const ask = async () => {
    if (document.hidden) return;
    try {
      const now = (await listRuns()).filter((run) => run.kind === "trained" || run.status === "running" || run.status === "unreadable");
      if (answered && JSON.stringify(now) === JSON.stringify(runs)) return;
      [runs, answered] = [now, true];
      draw();
    } catch (error) {
      answered = false;
      note.textContent = `The server does not answer (${messageOf(error)}); this page tries again by itself.`;
    }
  };
  element.append(h("div", { class: "section-head" }, h("h2", {}, "Runs"), note), fields, table);
  setInterval(() => void ask(), ASK_MS);
  document.addEventListener("visibilitychange", () => void ask());
  return ask();
};

function drawFilters(fields: HTMLElement, runs: readonly Run[], chosen: Partial<Record<Filter, string>>, onChange: () => void): void {
  if (fields.contains(document.activeElement) && fields.childElementCount) return; // a list that is open stays open
  fields.replaceChildren(
    ...(Object.entries(FILTERS) as Array<[Filter, string]>).map(([name, label]) => {
      const values = [...new Set([...runs.map((run) => String(run[name])), ...(chosen[name] === undefined ? [] : [chosen[name]])])].sort();
      const select = h("select", {}, h("option", { value: "" }, "all"), ...values.map((value) => h("option", { value, selected: value === chosen[name] }, value)));
      select.addEventListener("change", () => {
        if (select.value) chosen[name] = select.value;
        else delete chosen[name];
        select.blur();
        onChange();
      });
      return h("label", { class: "field" }, label, select);
    }),
  );
}

function tableOf(runs: readonly Run[]): HTMLElement {
  const head = ["Node", "Seed", "Status", "Step", "Begun"];
  return h(
    "table",
    { class: "runs-table" },
    h("thead", {}, h("tr", {}, ...head.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, ...runs.map(row)),
  );
}

function row(run: Run): HTMLElement {
  const root = document.documentElement.dataset["root"] ?? "";
  const speed = run.status === "running" && run.steps_per_s ? `${number(run.steps_per_s)} steps/s` : "";
  return h(
    "tr",
    { "data-status": run.status },
    h("th", { scope: "row" }, h("a", { href: `${root}${run.page}#seed=${run.seed}` }, run.node), h("span", { class: "row-note" }, run.recipe)),
    h("td", {}, String(run.seed)),
    h("td", {}, statusMark(run.status, run.status), run.error && h("span", { class: "row-note" }, run.error)),
    h("td", {}, progressBar(run), h("span", { class: "runs-step" }, run.done !== null && run.of ? `${count(run.done)} of ${count(run.of)}` : run.step !== null && count(run.step)), speed && h("span", { class: "row-note" }, speed)),
    h("td", { class: "muted" }, run.started ? new Date(run.started).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }) : ""),
  );
}
