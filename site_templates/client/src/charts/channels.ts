import { h } from "../shared/dom";
import { choice } from "./frame";
import { valueText } from "./series";

export interface ChannelData {
  /** A picture of rows of cells: the image, its reconstruction, and what each component decodes. */
  sheet: string;
  cell: readonly [height: number, width: number];
  components: readonly string[];
  images: ReadonlyArray<{ index: number; label: string }>;
  /** Of each image and component. */
  shares: ReadonlyArray<readonly number[]>;
  errors: ReadonlyArray<readonly number[]>;
}

const SEEN = 0.05; // responsibility from which its number stands below a cell
const SIDE = 44; // CSS pixels of a cell

/** What each component decodes of some images, as opaque as the component is responsible. */
export function mountChannels(element: HTMLElement, data: ChannelData): void {
  const [high, wide] = data.cell;
  const columns = data.components.length + 2;
  const size = `${columns * SIDE}px ${(data.images.length * SIDE * high) / wide}px`;
  const cell = (row: number, column: number, text: string) =>
    h("span", {
      class: "channel-image",
      role: "img",
      "aria-label": text,
      title: text,
      style: `width: ${SIDE}px; height: ${(SIDE * high) / wide}px; background-image: url("${encodeURI(data.sheet)}"); background-size: ${size}; background-position: ${-column * SIDE}px ${(-row * SIDE * high) / wide}px`,
    });
  const decoded: Array<{ element: HTMLElement; share: number }> = [];
  const rows = data.images.map(({ index, label }, row) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, label),
      h("td", {}, cell(row, 0, `test image ${index}, ${label}`)),
      h("td", {}, cell(row, 1, `reconstruction of test image ${index}`)),
      ...data.components.map((name, at) => {
        const share = data.shares[row]![at]!;
        const text = `${name}: responsibility ${valueText(100 * share, { unit: "%", digits: 1 })}, squared error ${data.errors[row]![at]!.toFixed(4)}`;
        const picture = cell(row, at + 2, text);
        decoded.push({ element: picture, share });
        return h("td", {}, picture, h("small", {}, share >= SEEN ? share.toFixed(2).replace("0.", ".") : ""));
      }),
    ),
  );
  const show = (all: boolean) => decoded.forEach((one) => (one.element.style.opacity = all ? "1" : one.share.toFixed(3)));
  show(false);
  const names = ["as responsible", "all"];
  const heads = ["", "image", "output", ...data.components].map((name) => h("th", { scope: "col" }, name));
  element.append(
    h("div", { class: "chart-toolbar" }, choice("Opacity", names, names[0]!, (name) => show(name === names[1]))),
    h("div", { class: "table-scroll" }, h("table", { class: "channels" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows))),
  );
}
