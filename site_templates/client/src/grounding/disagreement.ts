import { h } from "../shared/dom";
import { percent } from "../shared/format";
import type { GroundBranch } from "./ground_view";
import { pairMean, sharedNeighbors, type Votes, voteDistance } from "./votes";

interface Opinion {
  label: string;
  votes: Votes;
  names: readonly string[];
  pictures: number[];
}

/** In one line: what the branches say about the picture, and how far apart they are. */
export class Disagreement {
  private readonly verdict = h("span", { "aria-live": "polite" });
  private readonly numbers = h("span", {});
  readonly element = h("p", { class: "acc-disagreement" }, this.verdict, this.numbers);

  update(branches: readonly GroundBranch[]): void {
    const opinions = branches.flatMap(opinionOf);
    this.element.hidden = opinions.length < 2;
    if (opinions.length < 2) return;
    const apart = pairMean(opinions, (a, b) => voteDistance(a.votes, b.votes));
    const shared = pairMean(opinions, (a, b) => sharedNeighbors(a.pictures, b.pictures));
    this.element.dataset.apart = apart.toFixed(3);
    const said = h("span", {}, ...verdict(opinions));
    if (said.textContent !== this.verdict.textContent) this.verdict.replaceChildren(said); // read aloud only when it changes
    this.numbers.replaceChildren(
      h("span", { title: "Mean over the pairs of branches of half the summed difference of their votes: 0 % the same, 100 % nothing in common" }, `Votes differ by ${percent(apart)}.`),
      " ",
      h("span", { title: "Mean over the pairs of branches of the share of neighbours that both have" }, `${percent(shared)} of the neighbours are the same pictures.`),
    );
  }
}

function opinionOf({ label, view }: GroundBranch): Opinion[] {
  if (!view?.result) return [];
  const { result, grounded } = view;
  const { manifold } = grounded;
  const pictures = Array.from(result.at.placement.rows, (row) => manifold.indices[row]!);
  return [{ label, votes: result.at.votes, names: manifold.classes.names, pictures }];
}

/** "All 3 branches say 7." or who says what. */
function verdict(opinions: readonly Opinion[]): Array<Node | string> {
  const sides = new Map<string, string[]>();
  for (const { label, votes, names } of opinions) {
    const name = names[votes.best]!;
    sides.set(name, [...(sides.get(name) ?? []), label]);
  }
  const [first] = sides.keys();
  if (sides.size === 1) return [opinions.length === 2 ? "Both branches say " : `All ${opinions.length} branches say `, h("strong", {}, first!), ". "];
  const parts = [...sides].sort((a, b) => b[1].length - a[1].length).flatMap(([name, labels], i) => [i > 0 ? ", " : "", h("strong", {}, name), ` (${labels.join("; ")})`]);
  return [h("strong", { class: "acc-wrong" }, "The branches disagree"), ": they say ", ...parts, ". "];
}
