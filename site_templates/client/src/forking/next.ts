import { h } from "../shared/dom";
import { failureNote } from "../shared/failure";
import { fixed } from "../shared/format";
import { type Fork, readProposals } from "./server";

/** Proposals of what to fork next, each recorded by `record` where a person accepts it; a fold like that of the form. */
export function nextFold(recipe: string, node: string, record: (fork: Fork) => Promise<boolean>): HTMLElement {
  const place = h("div", { "aria-live": "polite" });
  const minutes = h("input", { type: "number", id: "acc-next-minutes", min: 0.1, step: "any", value: 20, required: true });
  const ask = h("button", { type: "submit", class: "button button-primary" }, "Propose");
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (ask.getAttribute("aria-disabled") === "true") return;
    ask.setAttribute("aria-disabled", "true");
    place.replaceChildren(h("p", { class: "acc-loading", role: "status" }, "Reading what the forks came to…"));
    try {
      const found = await readProposals(recipe, node, minutes.valueAsNumber);
      const rows = found.forks.map((fork) => rowOf(fork, found.minutes, record));
      place.replaceChildren(h("p", {}, found.why), h("ul", { class: "acc-forks" }, ...rows));
    } catch (error) {
      place.replaceChildren(failureNote(error));
    }
    ask.setAttribute("aria-disabled", "false");
  };
  const form = h(
    "form",
    { class: "acc-next-form", onsubmit: submit },
    h("label", { for: "acc-next-minutes" }, "Minutes of training"),
    minutes,
    ask,
  );
  const words = h("p", { class: "acc-hint" }, "Settings that the recipe declares open, proposed by what the forks of this checkpoint came to.");
  return h("details", { class: "acc-fork acc-next" }, h("summary", {}, "What next?"), h("div", {}, words, form, place));
}

function rowOf(fork: Fork, minutes: number | null, record: (fork: Fork) => Promise<boolean>): HTMLElement {
  const button = h("button", { type: "button", class: "acc-link", "aria-label": `Record ${fork.name}` }, "Record");
  const row = h(
    "li",
    { "data-proposal": fork.name },
    h("strong", {}, fork.name),
    ...Object.entries(fork.settings).map(([key, value]) => h("code", {}, `${key}=${JSON.stringify(value)}`)),
    minutes !== null && h("span", { class: "row-note" }, `about ${fixed(minutes, 1)} min`),
    button,
  );
  button.addEventListener("click", async () => {
    button.disabled = true;
    if (await record(fork)) button.replaceWith(h("span", { class: "row-note" }, "recorded"));
    button.disabled = false;
  });
  return row;
}
