import { PictureCanvas } from "../picture/canvas";
import { h, segmented, type Segmented } from "../shared/dom";
import { number } from "../shared/format";
import { sliderRow } from "../shared/slider_row";
import type { NetworkMeta } from "./contract";
import type { Look } from "./look";
import { type Moved, restingMove } from "./state";

/** One dimension of a latent moved, and the pictures that the decoder makes of it. */
export class MovedLatent {
  readonly element: HTMLElement;
  private readonly latents: Segmented<string>;
  private readonly dims = h("select", { "aria-label": "Dimension", onchange: () => this.moveDim(Number(this.dims.value)) });
  private readonly slider = sliderRow("moved by", "Double-click: as it was", {
    move: (value) => this.move({ move: value }),
    reset: () => this.move({ move: this.resting(this.moved) }),
  });
  private readonly output: PictureCanvas;
  private readonly strip = h("div", { class: "acc-strip" });
  private readonly facts = h("figcaption", { "aria-live": "polite" });
  private readonly note = h("p", { class: "acc-hint" });
  private readonly body: HTMLElement;
  private moved: Moved;
  private look: Look | null = null;

  constructor(
    private readonly meta: NetworkMeta,
    private readonly onMove: (moved: Moved) => void,
  ) {
    const names = Object.keys(meta.perturb);
    const [channels, height] = meta.image_shape;
    this.moved = this.start(names[0] ?? "");
    this.latents = segmented("Latent", names.map((name) => [name, name] as const), (latent) => onMove(this.start(latent)));
    this.latents.element.hidden = names.length < 2;
    this.output = new PictureCanvas("The picture of the moved latent", channels, height);
    this.body = h(
      "div",
      { class: "acc-moved" },
      h("figure", {}, this.output.element, this.facts),
      h("div", { class: "acc-moved-controls" }, h("div", { class: "acc-row" }, this.latents.element, h("label", { class: "acc-moved-dim" }, "dimension ", this.dims)), this.slider.row, this.strip, this.note),
    );
    this.element = h("div", {}, names.length > 0 ? this.body : h("p", { class: "acc-hint" }, `No latent was moved: ${meta.lacks.perturb ?? "the model has none"}.`));
  }

  async show(look: Look, asked: Moved | null): Promise<void> {
    this.look = look;
    const { snapshot, example } = look;
    const { perturb } = this.meta;
    if (Object.keys(perturb).length === 0) return;
    const isKnown = ({ latent, dim, move }: Moved) =>
      Object.hasOwn(perturb, latent) && perturb[latent]!.dims.includes(dim) && move < perturb[latent]!.moves.length;
    this.moved = asked && isKnown(asked) ? asked : this.start(Object.keys(perturb)[0]!);
    const { latent, dim, move } = this.moved;
    const { dims, moves, label, path, unit, absolute } = perturb[latent]!;
    const found = await snapshot.moves(latent, dim, example);
    const isMoved = typeof found !== "string";
    this.latents.set(latent);
    if (this.dims.dataset.latent !== latent) {
      this.dims.dataset.latent = latent;
      this.dims.replaceChildren(...dims.map((d) => h("option", { value: d }, String(d))));
    }
    this.dims.value = String(dim);
    this.slider.input.min = "0";
    this.slider.input.max = String(moves.length - 1);
    this.slider.input.step = "1";
    this.slider.input.value = String(move);
    this.slider.input.disabled = !isMoved;
    const verb = absolute ? "set to" : "moved by";
    this.slider.name.textContent = verb;
    this.slider.input.setAttribute("aria-label", verb);
    const resting = this.resting(this.moved);
    this.slider.mark(resting / Math.max(1, moves.length - 1));
    this.slider.row.classList.toggle("acc-edited", move !== resting);
    this.slider.output.textContent = number(moves[move]!);
    this.slider.input.setAttribute("aria-valuetext", `${number(moves[move]!)} ${unit}`);
    this.note.textContent = isMoved ? `${label[0]?.toUpperCase()}${label.slice(1)}, ${absolute ? "set to a" : "moved in"} ${unit}; the picture is ${path}.` : found;
    this.output.element.hidden = !isMoved && !snapshot.hasRecon;
    if (!isMoved) {
      if (snapshot.hasRecon) this.output.show(snapshot.picture("recon", example));
      this.facts.textContent = "not moved";
      this.strip.replaceChildren();
      return;
    }
    const { pictures, base, values } = found;
    this.output.show(pictures[move]!);
    const value = values[move]!;
    this.facts.replaceChildren(`${latent}[${dim}] = `, h("strong", {}, number(value)), absolute || move !== resting ? `, was ${number(base)}` : "");
    const [channels, height] = this.meta.image_shape;
    const buttons = pictures.map((picture, place) => {
      const canvas = new PictureCanvas("", channels, height);
      canvas.show(picture);
      canvas.element.setAttribute("aria-hidden", "true");
      return h("button", { type: "button", class: "acc-sample", "aria-pressed": String(place === move), "aria-label": `${verb} ${number(moves[place]!)} ${unit}`, title: `${verb} ${number(moves[place]!)}`, onclick: () => this.move({ move: place }) }, canvas.element);
    });
    const focused = [...this.strip.children].indexOf(document.activeElement!);
    this.strip.replaceChildren(...buttons);
    buttons[focused]?.focus();
  }

  /** The place of the move that leaves the shown example as it is, or nearly so; see `restingMove`. */
  private resting({ latent, dim }: Pick<Moved, "latent" | "dim">): number {
    const moves = this.meta.perturb[latent];
    if (!moves) return 0;
    return restingMove(moves, this.look?.snapshot.latentValue(latent, dim, this.look.example) ?? 0);
  }

  private start(latent: string): Moved {
    const dim = this.meta.perturb[latent]?.dims[0] ?? 0;
    return { latent, dim, move: this.resting({ latent, dim }) };
  }

  /** Another dimension is moved as far; one that is set starts where it was. */
  private moveDim(dim: number): void {
    const { latent } = this.moved;
    this.move(this.meta.perturb[latent]?.absolute ? { dim, move: this.resting({ latent, dim }) } : { dim });
  }

  private move(patch: Partial<Moved>): void {
    this.onMove({ ...this.moved, ...patch });
  }
}
