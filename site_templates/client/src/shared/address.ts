/** Keeps the fragment of the page's address in step with the state, without filling the history; `onSave` hears of it. */
export function syncAddress(fragment: () => string, onEdit: (fragment: string) => void, onSave: (fragment: string) => void = () => {}): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let known = window.location.hash; // as the page read or wrote it last
  window.addEventListener("hashchange", () => {
    known = window.location.hash;
    const text = known.slice(1);
    const isAnchor = text !== "" && !text.includes("="); // a link to a part of the page, such as "skip to content"
    if (isAnchor || text === fragment()) return;
    clearTimeout(timer);
    onEdit(text);
  });
  return () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (window.location.hash !== known) return; // just edited: the page is about to hear of it
      const text = fragment();
      const page = window.location.href.split("#")[0]!;
      window.history.replaceState(window.history.state, "", text ? `${page}#${text}` : page);
      known = window.location.hash;
      onSave(text);
    }, 150);
  };
}

/** The address of a page that opens anew when its fragment is edited. */
export interface PageAddress {
  /** What it asked for. */
  asked: URLSearchParams;
  /** Writes what is shown into the address, a moment later. */
  save: () => void;
  /** The fragment of what is shown, whether it has been written or not. */
  shown: () => string;
}

/** `write` gives what is shown as parts of a fragment; null while nothing is, and the fragment then stays as it is. */
export function pageAddress(write: () => URLSearchParams | null): PageAddress {
  const now = () => window.location.hash.slice(1);
  let isLeaving = false; // what was edited stays until the page is opened anew
  const shown = () => (isLeaving ? null : write())?.toString() ?? now();
  const save = syncAddress(shown, () => {
    isLeaving = true;
    window.location.reload();
  });
  return { asked: new URLSearchParams(now()), save, shown };
}
