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

/** What keys do on the page; `label` hears of the place of a class. */
export interface Deeds {
  label: (place: number) => void;
  skip: () => void;
  back: () => void;
  undo: () => void;
}

/** Listens to keys on the whole page while `root` is on it, except while one types or chooses; the arrows move the map that has the focus. */
export function listenToKeys(root: HTMLElement, classKeys: () => ReadonlyArray<string | null>, deeds: Deeds): void {
  document.addEventListener("keydown", (event) => {
    const target = event.target instanceof HTMLElement ? event.target : document.body;
    if (event.defaultPrevented || event.altKey || !root.isConnected || target.matches("input:not([type=checkbox]), select, textarea")) return;
    const deed = deedOf(event, target, classKeys(), deeds);
    if (!deed) return;
    event.preventDefault();
    if (!event.repeat) deed(); // a key held down labels one image, not all
  });
}

function deedOf(event: KeyboardEvent, target: HTMLElement, classKeys: ReadonlyArray<string | null>, deeds: Deeds): (() => void) | null {
  const isControl = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (event.key === "Backspace" || (key === "z" && isControl)) return deeds.undo;
  if (isControl) return null;
  const isOnMap = target.closest(".acc-stage");
  if (event.key === "ArrowRight" && !isOnMap) return deeds.skip;
  if (event.key === "ArrowLeft" && !isOnMap) return deeds.back;
  const place = classKeys.indexOf(key);
  return place >= 0 ? () => deeds.label(place) : null;
}
