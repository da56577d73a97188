import { decode, type Data, type Payload } from "../data";
import type { RunEvent } from "./log";
import type { PreviewsMeta } from "./previews";

/** Which run of the store. */
export interface Unit {
  recipe: string;
  node: string;
  seed: number;
}

/** What the server says of a run; see /openapi.json. */
export interface Run extends Unit {
  kind: string | null;
  status: "running" | "interrupted" | "cancelled" | "failed" | "completed" | "unreadable";
  step: number | null;
  done: number | null;
  of: number | null;
  started: string | null;
  ended: string | null;
  steps_per_s: number | null;
  remaining_s: number | null;
  health: string | null;
  error: string | null;
  last_event: number | null;
  page: string;
}

export interface Picture {
  family: string;
  name: string;
  title: string;
  caption: string;
  alt: string;
  themed: boolean;
  pixelated: boolean;
  version: string;
}

/** Whether `acc serve` gave this page, so that it may ask for runs; a page from disk or another host may not. */
export function isServed(): boolean {
  return document.documentElement.dataset["served"] !== undefined;
}

/** The address of something of a run. */
export function addressOf(unit: Unit, what = ""): string {
  return `/runs/${encodeURIComponent(unit.recipe)}/${encodeURIComponent(unit.node)}/${unit.seed}${what}`;
}

/** What the server says of the runs of the store, or of those with this recipe, node or seed. */
export async function listRuns(of: Partial<Unit> = {}): Promise<Run[]> {
  const asked = new URLSearchParams(Object.entries(of).map(([name, value]) => [name, String(value)]));
  return (await read<{ runs: Run[] }>(`/runs?${asked}`)).runs;
}

export async function picturesOf(unit: Unit): Promise<Picture[]> {
  return (await read<{ pictures: Picture[] }>(addressOf(unit, "/pictures"))).pictures;
}

/** What is drawn of the snapshots of a run behind a step. */
export async function previewsOf(unit: Unit, after: number): Promise<Data<PreviewsMeta>> {
  const payload = await read<Payload>(addressOf(unit, `/previews?after=${after}`));
  return (await decode("previews", payload)) as unknown as Data<PreviewsMeta>;
}

/** Asks Dagster to end what makes a run; rejects with the server's words where nothing is at work. */
export async function cancelRun(unit: Unit): Promise<void> {
  await read(addressOf(unit, "/cancel"), { method: "POST" });
}

/**
 * The events of a run as they come, behind `after` (null: from the beginning of the present build); `open` hears whether
 * the server is there. Returns a function that ends it.
 */
export function follow(unit: Unit, after: number | null, on: { events: (events: RunEvent[]) => void; open: (is: boolean) => void }): () => void {
  const behind = after === null ? "" : `?after=${after}`;
  const source = new EventSource(addressOf(unit, `/events/stream${behind}`)); // it comes again by itself, with Last-Event-ID
  source.addEventListener("open", () => on.open(true));
  source.addEventListener("error", () => on.open(false));
  source.addEventListener("message", (message: MessageEvent<string>) => on.events(JSON.parse(message.data) as RunEvent[]));
  return () => source.close();
}

/** What the server refuses, in its own words. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** Asks the server; rejects with a `Refusal`, or with what the browser says where nothing answers. */
export async function read<T>(address: string, options: RequestInit = {}): Promise<T> {
  const response = await fetch(address, options);
  if (response.ok) return (await response.json()) as T;
  const told = (await response.json().catch(() => ({}))) as { detail?: unknown };
  const words = Array.isArray(told.detail) ? told.detail.map((one: { msg?: unknown }) => String(one.msg)).join("; ") : told.detail;
  throw new Refusal(typeof words === "string" ? words : `${address} answers ${response.status}`, response.status);
}

/** The same with a JSON body. */
export function post<T>(address: string, body: unknown): Promise<T> {
  return read<T>(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}
