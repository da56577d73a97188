/** What keys do, by `KeyboardEvent.key`; each returns nothing and stops the browser's own answer. */
export type KeyActions = Readonly<Record<string, (event: KeyboardEvent) => void>>;

/** Listens to keys on the whole page, except while the reader types or uses another control. */
export function listenToKeys(root: HTMLElement, actions: KeyActions): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target instanceof HTMLElement ? event.target : document.body;
    const isOurs = target === document.body || root.contains(target);
    if (!isOurs || root.querySelector("dialog[open]")) return;
    const isText = target.matches("input:not([type=range]), textarea, select, [contenteditable]");
    const usesKey = target.matches("button, a, summary, input[type=range]") && (event.key === " " || event.key.startsWith("Arrow"));
    const onlyScroll = target === document.body && (event.key === " " || event.key.startsWith("Arrow"));
    if (isText || usesKey || onlyScroll) return;
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action(event);
  });
}
