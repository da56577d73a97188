import type { Json } from "./schema";

/** Values by dotted key, as a fork records them. */
export type Settings = Readonly<Record<string, Json>>;

/** The command that records a fork. */
export function forkCommand(recipe: string, fork: { name: string; checkpoint: string; settings: Settings; steps: number | null }): string {
  const set = Object.entries(fork.settings).map(([key, value]) => `--set ${quoted(`${key}=${written(value)}`)}`);
  return ["acc fork", recipe, fork.checkpoint, quoted(fork.name), ...set, ...(fork.steps === null ? [] : [`--steps ${fork.steps}`])].join(" ");
}

/** The command that builds it. */
export function buildCommand(recipe: string, name: string): string {
  return `acc build ${recipe} --select ${name}`;
}

/** Whether two values are the same, whatever the order of keys. */
export function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return Array.isArray(a) === Array.isArray(b) && left.length === right.length && left.every(([key, value]) => isSame(value, (b as Record<string, Json>)[key]));
}

/** A value as the command line reads it: YAML, of which JSON is a part. */
function written(value: Json): string {
  const isPlain = typeof value === "string" && /^[a-z]\w*$/i.test(value) && !/^(y|n|yes|no|on|off|true|false|null)$/i.test(value);
  return isPlain ? value : JSON.stringify(value);
}

/** A word of a command line as a POSIX shell reads it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}
