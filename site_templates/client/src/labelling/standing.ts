import { saidBy, type Line } from "./lines";
import type { GivenLabels } from "./server";

/** What an image of the queue is, where this person says nothing of it, and what marks it. */
const STATES = {
  conflict: { words: "", mark: "" },
  labelled: { words: "", mark: "" },
  others: { words: "labelled by others", mark: "•" },
  skipped: { words: "skipped", mark: "–" },
  open: { words: "open", mark: "" },
} as const;

/** How images stand for one person: what is said of them, with the lines that are not saved yet, and what was skipped. */
export class Standing {
  /** What this person says, by image. */
  readonly said: ReadonlyMap<number, string>;

  constructor(
    private readonly person: string,
    private readonly given: GivenLabels["said"],
    unsaved: readonly Line[],
    private readonly skipped: ReadonlySet<number>,
  ) {
    const known = Object.entries(given).flatMap(([index, words]) => (person in words ? [[Number(index), words[person]!] as const] : []));
    this.said = saidBy(person, new Map(known), unsaved);
  }

  /** Whether others, and not this person, have labelled an image. */
  isOfOthers(image: number): boolean {
    return !this.said.has(image) && Object.keys(this.given[image] ?? {}).some((person) => person !== this.person);
  }

  isSkipped(image: number): boolean {
    return this.skipped.has(image) && !this.said.has(image);
  }

  isOpen(image: number): boolean {
    return !this.said.has(image) && !this.skipped.has(image) && !this.isOfOthers(image);
  }

  /** What others say of an image that this person has labelled otherwise: "bob says 8"; "" where nobody does. */
  contradiction(image: number): string {
    const own = this.said.get(image);
    if (own === undefined) return "";
    const others = Object.entries(this.given[image] ?? {}).filter(([person, word]) => person !== this.person && word !== own);
    return others.map(([person, word]) => `${person} says ${word}`).join(", ");
  }

  /** The state of an image, in words for who hears them, and as a mark. */
  of(image: number): { state: keyof typeof STATES; words: string; mark: string } {
    const word = this.said.get(image);
    const state = this.contradiction(image) ? "conflict" : word !== undefined ? "labelled" : this.isOfOthers(image) ? "others" : this.skipped.has(image) ? "skipped" : "open";
    const words = word === undefined ? STATES[state].words : `labelled ${word}${state === "conflict" ? ", others disagree" : ""}`;
    return { state, words, mark: word ?? STATES[state].mark };
  }
}
