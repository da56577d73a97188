import { h } from "../shared/dom";
import { number, percent } from "../shared/format";
import type { Theme } from "../shared/palette";
import { shareBars } from "../shared/shares";
import type { Landing } from "./grounded_model";
import type { Manifold } from "./manifold";

const SIZE = 34; // CSS pixels of a thumbnail

/** The neighbours of a latent: their votes for each class, and their pictures, nearest first. */
export class NeighborList {
  readonly element: HTMLElement;
  private readonly votes = h("div", { class: "acc-reading" });
  private readonly thumbs: ReadonlyArray<{ button: HTMLButtonElement; picture: HTMLElement }>;
  private rows: ArrayLike<number> = [];

  constructor(
    private readonly manifold: Manifold,
    onPick: (row: number) => void,
  ) {
    const count = Math.min(manifold.meta.projection_k, manifold.indices.length);
    this.thumbs = Array.from({ length: count }, (_, j) => {
      const picture = h("span", {});
      return { picture, button: h("button", { type: "button", class: "acc-thumb", onclick: () => onPick(this.rows[j]!) }, picture) };
    });
    const heading = h("h4", {}, `Its ${count} nearest ${manifold.meta.split === "train" ? "training" : "test"} pictures in latent space`);
    this.element = h("div", { class: "acc-neighbors" }, this.votes, h("div", {}, heading, h("div", { class: "acc-thumbs" }, ...this.thumbs.map(({ button }) => button))));
  }

  update({ placement, votes, own }: Landing, theme: Theme): void {
    const { classes, indices, pictures } = this.manifold;
    const { rows, weights, distances } = placement;
    this.rows = rows;
    this.votes.replaceChildren(
      h("p", {}, "neighbours vote ", h("strong", {}, classes.names[votes.best]!), ` ${percent(votes.shares[votes.best]!)}`),
      shareBars(classes.names, votes.shares, "votes of the neighbours"),
    );
    this.thumbs.forEach(({ button, picture }, j) => {
      const row = rows[j]!;
      const place = `weight ${percent(weights[j]!)}, distance ${number(distances[j]!)}`;
      const label = `${classes.names[classes.of[row]!]}, ${pictures.nameOf(indices[row]!)}, ${place}${own.has(row) ? "; the picture itself, which does not vote" : ""}`;
      button.classList.toggle("acc-own", own.has(row));
      pictures.show(picture, indices[row]!, SIZE);
      button.style.setProperty("--frame", classes.color(classes.of[row]!, theme));
      button.title = label;
      button.setAttribute("aria-label", label);
      button.dataset.index = String(indices[row]);
    });
  }
}
