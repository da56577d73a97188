const DIGITS = [..."0123456789"];
const LETTERS = [..."abcdefghijklmnopqrstuvwxyz"];

/**
 * The key of each class: its name, where all names are digits or letters; else the digits from 0 on by the place of the
 * class, then letters. Null for classes that no key is left for.
 */
export function keysOf(classes: readonly string[]): Array<string | null> {
  const names = classes.map((name) => name.toLowerCase());
  if (names.every((name) => /^[0-9a-z]$/.test(name)) && new Set(names).size === names.length) return names;
  const keys = [...DIGITS, ...LETTERS];
  return classes.map((_, i) => keys[i] ?? null);
}
