import { knownRuns } from "../branches/choice";
import { BranchRow } from "../branches/row";
import { type Autoencoder, loadAutoencoder } from "../model/autoencoder";
import { decodeInput, encodeInput, PictureInput } from "../picture/input";
import { type PageAddress, pageAddress } from "../shared/address";
import type { RunChoice } from "../shared/contract";
import { h } from "../shared/dom";
import { FactorView } from "./factor_view";
import { decodeEdits, encodeEdits } from "./sliders";

const EDITS = ["z", "z2"] as const; // the moved sliders of the first and the second branch, in the address

/** One picture, and one or two branches that encode and decode it. */
export class Playground {
  readonly element: HTMLElement;
  readonly row: BranchRow<Float32Array, { model: Autoencoder }, FactorView>;
  samples: readonly Float32Array[] = [];
  private readonly inputSlot: HTMLElement;
  private readonly address: PageAddress;
  private input: PictureInput | null = null;

  constructor(private readonly runs: readonly RunChoice[]) {
    this.address = pageAddress(() => this.shown());
    this.row = new BranchRow(runs, {
      load: async (run, say) => ({ model: await loadAutoencoder(run, say) }),
      open: ({ model }, panel) => new FactorView(model, this.takeEdits(this.row.branches.indexOf(panel)), (job) => panel.enqueue(job)),
      first: ({ model }) => this.createInput(model),
      changed: () => this.address.save(),
      showBusy: (isBusy) => this.element.setAttribute("aria-busy", String(isBusy)),
      most: EDITS.length,
      keeps: "the first",
      addLabel: ["Compare side by side"],
      closeLabel: "Leave the comparison",
    });
    this.inputSlot = h("div", {}, this.row.waiting);
    this.element = h("div", { class: "acc-playground" }, h("div", { class: "acc-playground-side" }, this.inputSlot, this.row.addButton), this.row.element);
  }

  /** Settles when a branch can be used, or says that none can. */
  start(): Promise<void> {
    const { asked } = this.address;
    const [first] = knownRuns(this.runs, [asked.get("run"), this.runs[0]!.key]);
    return this.row.start([first!, ...knownRuns(this.runs, [asked.get("with")])]);
  }

  private createInput({ meta, samples }: Autoencoder): void {
    this.samples = samples;
    this.input = new PictureInput(meta, samples, (picture) => {
      this.row.ask(picture);
      this.address.save();
    });
    this.inputSlot.replaceChildren(this.input.element);
    decodeInput(this.input, this.address.asked);
  }

  /** The sliders that the address moves at a place: of the first branch that is shown there, and of no later one. */
  private takeEdits(place: number): ReturnType<typeof decodeEdits> {
    const name = EDITS[place]!;
    const edits = decodeEdits(this.address.asked.get(name) ?? "");
    this.address.asked.delete(name);
    return edits;
  }

  private shown(): URLSearchParams | null {
    if (!this.input) return null;
    const out = new URLSearchParams();
    const [first, second] = this.row.shown;
    if (first !== undefined && first !== this.runs[0]!.key) out.set("run", first);
    if (second !== undefined) out.set("with", second);
    encodeInput(this.input, out);
    this.row.branches.forEach(({ view }, place) => {
      const edits = encodeEdits(view?.edits ?? new Map());
      if (edits) out.set(EDITS[place]!, edits);
    });
    return out;
  }
}
