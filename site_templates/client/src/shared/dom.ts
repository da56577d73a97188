type Child = Node | string | null | undefined | false;
type Value = string | number | boolean | null | undefined | ((event: never) => void);

/**
 * Creates an element: `h("button", { class: "x", onclick: run }, "Run")`.
 *
 * Functions become listeners of the event after "on", `true` an empty attribute; false, null and undefined are left out.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Readonly<Record<string, Value>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}

/**
 * Gives an element other children. Where one of the former had the focus, the new one with the same `data-<name>` gets it,
 * or else `otherwise`.
 */
export function renew(element: HTMLElement, name: string, children: Child[], otherwise?: HTMLElement): void {
  const focused = element.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset[name] : undefined;
  element.replaceChildren(...children.filter((child): child is Node | string => Boolean(child)));
  if (focused !== undefined) (element.querySelector<HTMLElement>(`[data-${name}="${CSS.escape(focused)}"]`) ?? otherwise)?.focus();
}

/** A control with its name above. */
export function field(name: string, control: HTMLElement): HTMLElement {
  const isControl = control instanceof HTMLSelectElement || control instanceof HTMLInputElement;
  return h(isControl ? "label" : "div", { class: "acc-field" }, h("span", { class: "acc-field-name" }, name), control);
}

/** Line icons on a 16 x 16 grid, drawn in the colour of the text around them. */
const ICONS = {
  move: "M8 1.5v13M1.5 8h13M6 3.5l2-2 2 2M6 12.5l2 2 2-2M3.5 6l-2 2 2 2M12.5 6l2 2-2 2",
  lasso: "M8 2.5c3.6 0 6.5 1.9 6.5 4.2S11.600 11 8 11 1.500 9 1.500 6.700 4.400 2.500 8 2.500ZM4.600 10.200c-1.400.6-1.700 2.300-.4 2.800 1.200.4 2.300-.7 1.800-2.200M4.200 13c-.1.900-.6 1.500-1.400 1.800",
  box: "M2.500 5V2.500H5M11 2.500h2.500V5M13.500 11v2.500H11M5 13.500H2.500V11M7 2.500h2M7 13.500h2M2.500 7v2M13.500 7v2",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  home: "M8 5.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5ZM2 5V2h3M11 2h3v3M14 11v3h-3M5 14H2v-3",
  help: "M5.700 6a2.300 2.300 0 1 1 3.300 2.100c-.7.4-1 .8-1 1.600M8 12.200v.3",
  play: "M5 3.200v9.600l7.500-4.800Z",
  pause: "M5.500 3.500v9M10.500 3.500v9",
  close: "M4 4l8 8M12 4l-8 8",
  download: "M8 2.500v7.500M5 7.200 8 10.200l3-3M3 13h10",
  expand: "M2.500 6v-3.500h3.500M10 2.500h3.500v3.500M13.500 10v3.500H10M6 13.500H2.500V10",
  reset: "M3 8a5 5 0 1 0 1.600-3.700M4.500 1.800v2.700h2.700",
  search: "M7 2.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9ZM10.300 10.300 13.500 13.500",
  pen: "M3 13l.7-3L10.500 3.200a1.400 1.400 0 0 1 2 2L5.700 12.200 3 13ZM9.300 4.500l2 2",
} as const;

export type IconName = keyof typeof ICONS;

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "acc-icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button that shows only an icon; `label` is its name for screen readers and its tooltip. */
export function iconButton(name: IconName, label: string, onclick: () => void): HTMLButtonElement {
  return h("button", { type: "button", class: "acc-icon-button", title: label, "aria-label": label, onclick }, icon(name));
}

/** A row of buttons of which one is pressed. */
export interface Segmented<T> {
  element: HTMLElement;
  /** Shows a choice without calling `onChange`; choices that are not `allowed` cannot be pressed. */
  set: (value: T, allowed?: (value: T) => boolean) => void;
}

export function segmented<T extends string | number>(
  label: string,
  choices: ReadonlyArray<readonly [T, string]>,
  onChange: (value: T) => void,
): Segmented<T> {
  const buttons = choices.map(([value, text]) =>
    h("button", { type: "button", "aria-pressed": "false", "data-value": value, onclick: () => onChange(value) }, text),
  );
  const element = h("div", { class: "acc-segmented", role: "group", "aria-label": label }, ...buttons);
  const set = (value: T, allowed: (value: T) => boolean = () => true) =>
    choices.forEach(([choice], i) => {
      buttons[i]!.setAttribute("aria-pressed", String(choice === value));
      buttons[i]!.disabled = !allowed(choice) && choice !== value;
    });
  return { element, set };
}

/** The line that says where a figure comes from. */
export function provenanceLine(facts: Readonly<Record<string, string | number>> | undefined): HTMLElement | null {
  if (!facts) return null;
  const items = Object.entries(facts).map(([name, value]) =>
    h("span", {}, h("span", { class: "acc-provenance-name" }, name), " ", h("code", {}, String(value))),
  );
  return h("p", { class: "acc-provenance" }, ...items);
}
