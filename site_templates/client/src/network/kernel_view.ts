import { h } from "../shared/dom";
import { number } from "../shared/format";
import { signedScale } from "./colors";
import type { Look } from "./look";
import { numberGrid } from "./numbers";

/** The kernel of the chosen channel: as it is, or its strength over the input channels and the strongest of these. */
export class KernelView {
  readonly element = h("div", { class: "acc-kernels" });

  show({ snapshot, layer, channel, page }: Look): void {
    const at = layer.channels.indexOf(channel);
    const prefix = `kernel/${layer.id}`;
    const columns = layer.convolution?.kernel_size[1] ?? 1;
    const figure = (values: readonly number[], all: readonly number[], caption: string, what: string) =>
      h("figure", {}, numberGrid(values, columns, signedScale(all), page.theme, what), h("figcaption", {}, caption));
    if (snapshot.has(`${prefix}/direct`)) {
      const values = Array.from(snapshot.row(`${prefix}/direct`, at));
      this.element.replaceChildren(figure(values, values, `channel ${channel}`, "kernel"));
      return;
    }
    if (!snapshot.has(`${prefix}/aggregate`)) {
      this.element.replaceChildren(h("p", { class: "acc-hint" }, `No kernels: ${snapshot.meta.lacks.kernels ?? "they are not stored"}.`));
      return;
    }
    const strength = Array.from(snapshot.row(`${prefix}/aggregate`, at));
    const norms = snapshot.row(`${prefix}/norms`, at);
    const top = Array.from(snapshot.row(`${prefix}/top_in`, at));
    const slices = top.map((_, place) => Array.from(snapshot.row(`${prefix}/slices`, at, place)));
    this.element.replaceChildren(
      figure(strength, strength, "strength, all inputs", "L2 norm over the input channels"),
      ...slices.map((slice, place) => figure(slice, slices.flat(), `input ${top[place]}, norm ${number(norms[top[place]!]!)}`, `kernel for input channel ${top[place]}`)),
    );
  }
}
