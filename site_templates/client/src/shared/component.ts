import { failureNote } from "./failure";

/** A component of the page: it fills `element`, with the parameters that the page gives it. */
export type Mount = (element: HTMLElement, parameters: Parameters) => void | Promise<void>;

/** Parameters of a component: its `data-*` attributes, overlaid by an inline JSON script child. */
export type Parameters = Readonly<Record<string, unknown>>;

/** Reads the parameters of `element`; an inline `<script type="application/json">` wins over attributes. */
export function readParameters(element: HTMLElement): Parameters {
  const { acc: _component, ...attributes } = element.dataset;
  const script = element.querySelector(':scope > script[type="application/json"]');
  const inline: unknown = script?.textContent ? JSON.parse(script.textContent) : {};
  if (typeof inline !== "object" || inline === null || Array.isArray(inline)) {
    throw new Error(`the parameters of data-acc="${element.dataset.acc}" must be a JSON object`);
  }
  return { ...attributes, ...inline };
}

/** Fills every `[data-acc=<name>]` under `root`; one that fails shows its error and stops no other. */
export function mountAll(root: ParentNode, components: Readonly<Record<string, Mount>>): void {
  for (const element of root.querySelectorAll<HTMLElement>("[data-acc]")) {
    const name = element.dataset.acc ?? "";
    const mount = components[name];
    if (!mount || element.dataset.accState) continue;
    element.dataset.accState = "loading";
    void (async () => {
      try {
        await mount(element, readParameters(element));
        element.dataset.accState = "ready";
      } catch (error) {
        element.dataset.accState = "failed";
        element.replaceChildren(failureNote(error));
      }
    })();
  }
}
