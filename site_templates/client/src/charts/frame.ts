import { h } from "../shared/dom";

/** Draws into `element` now and whenever its width changes; `draw` gets the width in CSS pixels. */
export function onWidth(element: HTMLElement, draw: (width: number) => void): void {
  let drawn = 0;
  const observer = new ResizeObserver(() => {
    const width = Math.floor(element.clientWidth);
    if (width > 0 && width !== drawn) {
      drawn = width;
      draw(width);
    }
  });
  observer.observe(element);
}

/** A row of buttons of which one is pressed. */
export function choice(
  label: string,
  names: readonly string[],
  initial: string,
  onChange: (name: string) => void,
): HTMLElement {
  const buttons = names.map((name) =>
    h("button", { type: "button", "aria-pressed": name === initial ? "true" : "false" }, name),
  );
  buttons.forEach((button, i) =>
    button.addEventListener("click", () => {
      buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      onChange(names[i]!);
    }),
  );
  return h("div", { class: "segmented", role: "group", "aria-label": label }, ...buttons);
}

/** A legend of branches; a click hides one, and `onChange` gets the names that are hidden. */
export function legend(
  nodes: ReadonlyArray<{ node: string; color: string }>,
  onChange: (hidden: ReadonlySet<string>) => void,
): HTMLElement {
  const hidden = new Set<string>();
  const items = nodes.map(({ node, color }) => {
    const button = h(
      "button",
      { type: "button", "aria-pressed": "true", title: `Show or hide ${node}`, style: `--branch: ${color}` },
      h("span", { class: "swatch" }),
      node,
    );
    button.addEventListener("click", () => {
      if (!hidden.delete(node)) hidden.add(node);
      button.setAttribute("aria-pressed", String(!hidden.has(node)));
      onChange(hidden);
    });
    return h("li", {}, button);
  });
  return h("ul", { class: "chart-legend" }, ...items);
}

/**
 * A chart of one of several quantities, with its rows in one of `orders` (empty where nothing is sorted); drawn anew when
 * a reader chooses, and when its width changes. `draw` gets the places of what is chosen and the width in CSS pixels.
 */
export function mountChoices(
  element: HTMLElement,
  { label, names, orders = [] }: { label: string; names: readonly string[]; orders?: readonly string[] },
  draw: (name: number, order: number, width: number) => Node[],
): void {
  let [name, order, width] = [0, 0, 0];
  const frame = h("div", { class: "chart-wide" });
  const show = () => width > 0 && frame.replaceChildren(...draw(name, order, width));
  const named = (now: string) => {
    name = names.indexOf(now);
    show();
  };
  const ordered = (now: string) => {
    order = orders.indexOf(now);
    show();
  };
  element.append(
    h(
      "div",
      { class: "chart-toolbar" },
      names.length > 1 ? choice(label, names, names[0]!, named) : h("span", { class: "muted" }, names[0]!),
      orders.length > 1 && choice("Order of the rows", orders, orders[0]!, ordered),
    ),
    frame,
  );
  onWidth(frame, (now) => {
    width = now;
    show();
  });
}

/** The heading of a panel: what it shows, in which unit, and which direction is better. */
export function panelHead(title: string, unit: string, better: string | null, more = ""): HTMLElement {
  const direction = better === "higher" ? "↑" : better === "lower" ? "↓" : "";
  const note = [unit, direction].filter(Boolean).join(" ");
  return h("h3", {}, title, h("span", { class: "muted" }, note && ` ${note}`, more));
}

/** The margin that names of rows take of a width, and their ticks; a name that is longer is cut. */
export function nameAxis(names: readonly string[], width: number): { marginLeft: number; tickFormat: (name: string) => string } {
  const marginLeft = Math.min(Math.round(width * 0.38), Math.max(...names.map((name) => name.length)) * 6.6 + 16);
  const room = Math.floor((marginLeft - 10) / 6.4);
  return { marginLeft, tickFormat: (name) => (name.length > room ? `${name.slice(0, room - 1)}…` : name) };
}
