import type { Fork } from "../forking/server";
import { post, read, Refusal } from "../live/server";
import type { Line } from "./lines";

const WRONG = 422; // the status for labels that cannot be

/** What the server says of a recipe's label file. */
export interface GivenLabels {
  said: Readonly<Record<string, Readonly<Record<string, string>>>>;
  problems: ReadonlyArray<{ line: number; why: string; conflict: boolean }>;
  lines: number;
}

const of = (recipe: string) => `/labels/${encodeURIComponent(recipe)}`;

export function readLabels(recipe: string): Promise<GivenLabels> {
  return answerOf(read(of(recipe)));
}

export function sendLabels(recipe: string, labels: readonly Line[]): Promise<GivenLabels> {
  return answerOf(post(of(recipe), { labels }));
}

/** Records a round of the branches that go on from a node; they are to be built. */
export async function beginRound(recipe: string, node: string): Promise<Fork[]> {
  return (await post<{ forks: Fork[] }>(`${of(recipe)}/round`, { node })).forks;
}

/** Whether the server would say the same of these labels again. */
export function isFinal(error: unknown): boolean {
  return error instanceof Refusal && error.status === WRONG;
}

/** What the server answers; where nothing answers, an error that says so. */
async function answerOf<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Error("the server does not answer", { cause: error });
  }
}
