/** Keeps the fragment of the page's address in step with the state, without filling the history; `onSave` hears of it. */
export function syncAddress(fragment: () => string, onEdit: (fragment: string) => void, onSave: (fragment: string) => void = () => {}): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  window.addEventListener("hashchange", () => {
    const text = window.location.hash.slice(1);
    const isAnchor = text !== "" && !text.includes("="); // a link to a part of the page, such as "skip to content"
    if (!isAnchor && text !== fragment()) onEdit(text);
  });
  return () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const text = fragment();
      const page = window.location.href.split("#")[0]!;
      window.history.replaceState(window.history.state, "", text ? `${page}#${text}` : page);
      onSave(text);
    }, 150);
  };
}
