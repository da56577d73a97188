import { h } from "../shared/dom";
import { fixed, number, plural } from "../shared/format";
import { PICTURE, type Scale, signedScale } from "./colors";
import { IMAGE } from "./columns";
import type { NetworkLayer } from "./contract";
import { clamped } from "./geometry";
import type { Look } from "./look";
import { MapCanvas } from "./map_canvas";
import { numberGrid } from "./numbers";
import { setBox } from "./place_view";
import { isMap } from "./snapshot";
import type { Place } from "./state";
import { type ConvolutionStep, patchBox, type StepAnswer, type Term } from "./step";

const FEW = 3; // input channels that are shown before the reader asks for all

/** Patch x kernel = products, for each input channel; their sum, the bias and the activation. */
export class SumView {
  readonly element = h("div", { class: "acc-sum" });
  private showsAll = false;
  private readonly moreButton = h("button", { type: "button", class: "acc-link", onclick: () => this.toggle() });
  /** `onPlace` hears that the reader wants to go to a place. */
  constructor(private readonly onPlace: (at: Place) => void) {}

  private shown: { look: Look; answer: StepAnswer } | null = null;

  show(look: Look, answer: StepAnswer): void {
    this.shown = { look, answer };
    if ("reason" in answer) {
      const { nearest } = answer;
      const button = nearest && h("button", { type: "button", class: "acc-link", onclick: () => this.onPlace(nearest) }, "Go to the nearest");
      this.element.replaceChildren(h("p", { class: "acc-hint" }, answer.reason, " ", button));
      return;
    }
    if ("before" in answer) {
      const { before, after, beforeName, isExact } = answer;
      this.element.replaceChildren(h("p", { class: "acc-total-line" }, total(before, beforeName, isExact), sign("→"), total(after, look.layer.kind, isExact)));
      return;
    }
    const { step } = answer;
    const terms = this.showsAll ? step.terms : step.terms.slice(0, FEW);
    const isPicture = isOfPicture(look.layer);
    const scales = {
      patch: isPicture ? PICTURE : signedScale(step.terms.flatMap(({ patch }) => patch)),
      kernel: signedScale(step.terms.flatMap(({ kernel }) => kernel)),
      product: signedScale(step.terms.flatMap(({ product }) => product)),
    };
    const others = step.terms.length - terms.length;
    this.moreButton.hidden = step.terms.length <= FEW;
    this.moreButton.textContent = this.showsAll ? "Show the strongest only" : `Show all ${step.terms.length} input channels`;
    const rest = step.terms.slice(terms.length).reduce((sum, term) => sum + term.sum, 0);
    this.element.replaceChildren(
      h(
        "div",
        { class: "acc-terms" },
        h("div", { class: "acc-term acc-term-head", "aria-hidden": "true" }, h("span", {}, isPicture ? "picture" : "input channel"), h("span", {}, "patch"), h("span", {}), h("span", {}, "kernel"), h("span", {}), h("span", {}, "products"), h("span", {}), h("span", {}, "sum")),
        ...terms.map((term) => termRow(look, step, term, scales)),
      ),
      h("p", { class: "acc-term-more" }, others > 0 && `${plural(others, "other input channel")} ${others === 1 ? "adds" : "add"} ${fixed(rest, 3)}. `, this.moreButton),
      totals(look, step),
    );
  }

  private toggle(): void {
    this.showsAll = !this.showsAll;
    if (this.shown) this.show(this.shown.look, this.shown.answer);
    this.moreButton.focus();
  }
}

function termRow(look: Look, { kernelSize }: ConvolutionStep, { channel, patch, kernel, product, sum }: Term, scales: Readonly<Record<"patch" | "kernel" | "product", Scale>>): HTMLElement {
  const { theme } = look.page;
  const columns = kernelSize[1];
  return h(
    "div",
    { class: "acc-term", role: "group", "aria-label": `Input channel ${channel}: ${fixed(sum, 3)}` },
    thumbnail(look, channel),
    numberGrid(patch, columns, scales.patch, theme, "patch"),
    sign("×"),
    numberGrid(kernel, columns, scales.kernel, theme, "kernel"),
    sign("="),
    numberGrid(product, columns, scales.product, theme, "products"),
    sign("→"),
    h("strong", {}, fixed(sum, 3)),
  );
}

/** The input channel, with the patch marked on it. */
function thumbnail({ snapshot, layer, example, at, page }: Look, channel: number): HTMLElement {
  const canvas = new MapCanvas();
  const box = h("span", { class: "acc-box" });
  const name = h("span", { class: "acc-thumb-name" }, String(channel));
  const element = h("span", { class: "acc-map-frame acc-map-small", title: `input channel ${channel}` }, canvas.element, box, name);
  const place = (height: number, width: number) => {
    element.style.aspectRatio = `${width} / ${height}`;
    if (layer.convolution) setBox(box, clamped(patchBox(layer.convolution, at), [height, width]), height, width);
  };
  if (isOfPicture(layer)) {
    const [, height, width] = snapshot.meta.image_shape;
    canvas.show(snapshot.picture("input", example).subarray(channel * height * width), height, width, PICTURE, page.theme);
    place(height, width);
    return element;
  }
  const before = layer.inputs.length === 1 ? snapshot.layer(layer.inputs[0]!) : undefined;
  const read = snapshot.read(layer);
  if (read) {
    const values = read.values(example, channel);
    canvas.show(values, ...read.size, before && isMap(before) ? snapshot.scale(before, example) : signedScale(Array.from(values)), page.theme);
    place(...read.size);
    return element;
  }
  if (!before || !isMap(before) || !before.channels.includes(channel)) return name;
  const [, height, width] = before.shape as [number, number, number];
  canvas.show(snapshot.values(before, example, channel), height, width, snapshot.scale(before, example), page.theme);
  place(height, width);
  return element;
}

function isOfPicture({ inputs }: NetworkLayer): boolean {
  return inputs.length === 1 && inputs[0] === IMAGE;
}

function sign(text: string): HTMLElement {
  return h("span", { class: "acc-sign", "aria-hidden": "true" }, text);
}

function total(value: number, name: string, isExact: boolean): HTMLElement {
  return h("span", { class: "acc-total" }, h("strong", {}, `${isExact ? "" : "≈ "}${fixed(value, 3)}`), h("span", {}, name));
}

/** The sum over all input channels, what is added to it, and what the model had. */
function totals({ layer }: Look, step: ConvolutionStep): HTMLElement {
  const about = step.isExact ? "" : "≈ ";
  const agrees = Math.abs(step.computed - step.captured) <= step.tolerance;
  const verdict = agrees
    ? `${step.isExact ? "Equal to" : "Within the 8 bits of the stored maps,"} what the model had: ${about}${number(step.captured)}.`
    : `The model had ${number(step.captured)}, which differs by more than ${number(step.tolerance)}.`;
  return h(
    "div",
    { class: "acc-totals" },
    h(
      "p",
      { class: "acc-total-line" },
      total(step.sum, step.terms.length === 1 ? "sum" : `sum of ${step.terms.length} channels`, step.isExact),
      step.hasBias && sign("+"),
      step.hasBias && total(step.bias, "bias", true),
      sign("="),
      total(step.computed, layer.name, step.isExact),
      step.activation !== null && step.activated !== null && sign("→"),
      step.activation !== null && step.activated !== null && total(step.activated, step.activation, step.isExact),
    ),
    h("p", { class: agrees ? "acc-hint acc-agrees" : "acc-hint acc-wrong" }, verdict),
  );
}
