import { isSame, type Line } from "./lines";

const PERSON = "acc-labels-person";

/** What the browser keeps of a recipe's labels until they are saved or exported; closing the tab loses none of them. */
export class Kept {
  /** False where the browser keeps nothing, so that what is said lives as long as the page. */
  isLasting = true;
  private known: { lines: Line[]; exported: number };

  /** `onChange` hears of what another tab keeps. */
  constructor(
    private readonly place: string,
    onChange: () => void,
  ) {
    this.known = this.read();
    window.addEventListener("storage", ({ key }) => {
      if (!this.isLasting || (key !== place && key !== null)) return; // what is here alone must stay
      this.known = this.read();
      onChange();
    });
  }

  readonly lines = (): readonly Line[] => this.known.lines;

  /** How many of the first lines have been exported. */
  get exported(): number {
    return this.known.exported;
  }

  add(line: Line): void {
    this.write(({ lines, exported }) => ({ lines: [...lines, line], exported }));
  }

  readonly remove = (gone: readonly Line[]): void => {
    this.write(({ lines }) => ({ lines: lines.filter((line) => !gone.some((one) => isSame(one, line))), exported: 0 }));
  };

  /** Notes that all lines have been exported. */
  noteExport(): void {
    this.write(({ lines }) => ({ lines, exported: lines.length }));
  }

  /** Other tabs may have written meanwhile: what they keep is read before, so that nothing of it is lost. */
  private write(change: (known: { lines: Line[]; exported: number }) => { lines: Line[]; exported: number }): void {
    this.known = change(this.isLasting ? this.read() : this.known);
    try {
      localStorage.setItem(this.place, JSON.stringify(this.known));
    } catch {
      this.isLasting = false;
    }
  }

  private read(): { lines: Line[]; exported: number } {
    try {
      const text = localStorage.getItem(this.place);
      return text === null ? { lines: [], exported: 0 } : (JSON.parse(text) as { lines: Line[]; exported: number });
    } catch {
      this.isLasting = false;
      return this.known ?? { lines: [], exported: 0 };
    }
  }
}

/** Where the labels of a recipe of this site are kept. */
export function placeOf(recipe: string): string {
  const root = new URL(document.documentElement.dataset["root"] || ".", window.location.href);
  return `acc-labels:${root.pathname}:${recipe}`;
}

/** The name that labels are given under, as this browser knows it. */
export function readPerson(): string {
  try {
    return localStorage.getItem(PERSON) ?? "";
  } catch {
    return "";
  }
}

export function keepPerson(name: string): void {
  try {
    localStorage.setItem(PERSON, name);
  } catch {
    // it is asked for again in the next tab
  }
}
