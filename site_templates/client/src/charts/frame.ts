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
