/** A line of a label file: what one person says of one training image. An empty label takes back what was said. */
export interface Line {
  person: string;
  /** ISO 8601, UTC. */
  time: string;
  /** Of the image in the training split. */
  index: number;
  label: string;
}

const COLUMNS = ["person", "time", "index", "label"] as const;

/** Lines as the CSV file that `acc label RECIPE --add FILE` takes. */
export function csvOf(lines: readonly Line[]): string {
  const cell = (value: string | number) => (/[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  return [COLUMNS.join(), ...lines.map((line) => COLUMNS.map((name) => cell(line[name])).join())].map((line) => `${line}\n`).join("");
}

/** What a person says of images: `known`, and the lines behind it, of which later ones count. */
export function saidBy(person: string, known: ReadonlyMap<number, string>, lines: readonly Line[]): Map<number, string> {
  const said = new Map(known);
  for (const line of lines) {
    if (line.person !== person) continue;
    if (line.label) said.set(line.index, line.label);
    else said.delete(line.index);
  }
  return said;
}

/** Whether two lines are the same one. */
export function isSame(a: Line, b: Line): boolean {
  return COLUMNS.every((name) => a[name] === b[name]);
}

/** What is wrong with a name as the label file takes it; "" for one that is right. */
export function wrongName(name: string): string {
  if (!name) return "Write your name: every label is kept with who gave it.";
  if (name.length > 80) return "A name has at most 80 letters.";
  return /\p{C}|[\u2028\u2029]/u.test(name) ? "A name has letters, digits and spaces alone." : "";
}
