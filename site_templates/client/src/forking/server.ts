import { post, read } from "../live/server";
import type { Settings } from "./settings";
import type { Schema } from "./schema";

/** A fork that is recorded beside a recipe; one with `labels` is a round. */
export interface Fork {
  name: string;
  checkpoint: string;
  settings: Settings;
  steps: number | null;
  labels: Readonly<Record<string, number>>;
}

const of = (recipe: string, ...more: string[]) => ["/forks", recipe, ...more].map((part, i) => (i ? encodeURIComponent(part) : part)).join("/");

/** The node at the end of a fork. */
export function trained({ name }: Fork): string {
  return `${name}_trained`;
}

export async function readForks(recipe: string): Promise<Fork[]> {
  return (await read<{ forks: Fork[] }>(of(recipe))).forks;
}

/** What may be set of a fork of a checkpoint. */
export function readForm(recipe: string, node: string): Promise<Schema> {
  return read(of(recipe, node, "form"));
}

/** Forks to try next, as far as their training fits into the minutes; `minutes` of one are null where nobody knows. */
export function readProposals(recipe: string, node: string, minutes: number): Promise<{ forks: Fork[]; minutes: number | null; why: string }> {
  return read(`/proposals/${encodeURIComponent(recipe)}/${encodeURIComponent(node)}?minutes=${minutes}`);
}

/** Rejects with the server's words where the recipe has no place for the fork. */
export async function recordFork(recipe: string, fork: Omit<Fork, "labels">): Promise<void> {
  await post(of(recipe), fork);
}

export async function buildFork(recipe: string, name: string): Promise<void> {
  await post(of(recipe, name, "build"), {});
}

/** Takes a fork away; resolves to its nodes of which results stay in the store. */
export async function removeFork(recipe: string, name: string): Promise<string[]> {
  return (await read<{ kept: string[] }>(of(recipe, name), { method: "DELETE" })).kept;
}
