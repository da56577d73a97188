import type { Parameters } from "./component";

/** What a page calls a way of making maps, and what a reader may take from the distances on them. */
export interface MapWords {
  method: string;
  title: string;
  note: string;
}

/** A map of a run: `<run>/projection-<method>-<dimensions>d`. */
export interface MapKind {
  method: string;
  dimensions: 2 | 3;
}

/** The maps that a page has, as the page names them: words as `"maps"`, and the data keys that it needs. */
export class Maps {
  constructor(
    private readonly words: readonly MapWords[],
    private readonly keys: readonly string[],
  ) {}

  static of({ maps, needs }: Parameters): Maps {
    return new Maps((maps ?? []) as MapWords[], typeof needs === "string" ? needs.split(" ") : []);
  }

  /** The words for a method; one that has none goes by its key. */
  wordsOf(method: string): MapWords {
    return this.words.find((words) => words.method === method) ?? { method, title: method.toUpperCase(), note: "" };
  }

  /** The maps of a run, in the order of the page's words. */
  ofRun(run: string): MapKind[] {
    const start = `${run}/projection-`;
    const kinds = this.keys.flatMap((key): MapKind[] => {
      const [, method, dimensions] = (key.startsWith(start) && /^(.+)-([23])d$/.exec(key.slice(start.length))) || [];
      return method ? [{ method, dimensions: dimensions === "2" ? 2 : 3 }] : [];
    });
    const place = ({ method }: MapKind) => this.words.findIndex((words) => words.method === method) >>> 0; // unknown ones last
    return kinds.sort((a, b) => place(a) - place(b) || a.dimensions - b.dimensions);
  }

  /** Whether the page has the data `<run>/<what>`. */
  has(run: string, what: string): boolean {
    return this.keys.includes(`${run}/${what}`);
  }

  /** The snapshots of which the page has `<run>/<what>-<step>`, in order. */
  stepsOf(run: string, what: string): number[] {
    const start = `${run}/${what}-`;
    const steps = this.keys.filter((key) => key.startsWith(start)).map((key) => Number(key.slice(start.length)));
    return steps.filter(Number.isInteger).sort((a, b) => a - b);
  }

  /** The methods of some runs, each once. */
  methodsOf(runs: readonly string[]): MapWords[] {
    const methods = new Set(runs.flatMap((run) => this.ofRun(run)).map(({ method }) => method));
    return [...methods].map((method) => this.wordsOf(method));
  }
}
