import { h } from "../shared/dom";
import { count } from "../shared/format";
import type { RunEvent } from "./log";
import type { Run } from "./server";

const text = (event: RunEvent, field: string) => String(event[field] ?? "");
const at = (event: RunEvent) => count(event.step ?? 0);

const WORDS: Readonly<Record<string, (event: RunEvent) => string>> = {
  "run.created": () => "Begun",
  "run.started": (event) => `Training from step ${at(event)} on`,
  "run.resumed": (event) => `Went on from the snapshot of step ${at(event)}`,
  "run.message": (event) => text(event, "text"),
  "run.completed": (event) => `Trained, at step ${at(event)}`,
  "run.cancelled": (event) => `Cancelled at step ${at(event)}; the next build goes on from there`,
  "run.failed": (event) => `Failed at step ${at(event)}: ${text(event, "error")}`,
  "asset.failed": (event) => `${text(event, "asset")} failed: ${text(event, "why")}`,
  "check.failed": (event) => `${text(event, "asset")}, check ${text(event, "check")}: ${text(event, "why")}`,
  "artifact.created": (event) =>
    event["family"] === "checkpoints" ? `Snapshot of step ${at(event)}` : `Written: ${text(event, "family").replaceAll("_", " ")}`,
  "projection.progress": (event) => `Latent map, ${Math.floor((100 * Number(event["done"])) / Number(event["of"]))} %`,
};
export const BAD: ReadonlySet<string> = new Set(["run.failed", "asset.failed", "check.failed"]);

/** An event in words; null for what curves and bars show, and for the curves' own file. */
export function wordsOf(event: RunEvent): string | null {
  if (event["family"] === "history") return null;
  return WORDS[event.event]?.(event) ?? null;
}

/** The events that a list shows: of what is told again and again the newest alone. */
export function listed(events: readonly RunEvent[]): RunEvent[] {
  const map = events.findLast((event) => event.event === "projection.progress");
  return events.filter((event) => wordsOf(event) !== null && (event.event !== "projection.progress" || event === map));
}

/** A status as a coloured dot, and words behind it. */
export function statusMark(status: string, ...words: Array<HTMLElement | string | null | undefined>): HTMLElement {
  return h("span", { class: `run-status run-${status}` }, h("span", { class: "run-dot", "aria-hidden": "true" }), ...words);
}

/** How far a run at work is; null for others. */
export function progressBar({ status, node, seed, of, done }: Run): HTMLElement | null {
  if (status !== "running" || !of) return null;
  return h("progress", { max: of, value: done ?? 0, "aria-label": `Training of ${node}, seed ${seed}` });
}
