import type { Store } from "../shared/store";
import type { Tool } from "./gestures";
import type { Navigation } from "./navigation";
import { EDGES, MARKS, type ViewerState } from "./state";

/** What keys do, by `KeyboardEvent.key` in lower case. */
export type KeyActions = Readonly<Record<string, () => void>>;

/** What the keys of the viewer need of it. */
export interface KeyTargets {
  store: Store<ViewerState>;
  navigation: Navigation;
  setTool: (tool: Tool) => void;
  jump: (by: 1 | -1) => void;
  play: () => void;
  nextMethod: () => void;
  nextColoring: () => void;
  nextGround: () => void;
  only: () => void;
  nearest: () => void;
  search: () => void;
  help: () => void;
  escape: () => void;
}

/** Keys that move the camera; each arrow is a drag of 30 pixels. */
export function cameraKeys(navigation: Navigation): KeyActions {
  return {
    ArrowLeft: () => navigation.drag(30, 0),
    ArrowRight: () => navigation.drag(-30, 0),
    ArrowUp: () => navigation.drag(0, 30),
    ArrowDown: () => navigation.drag(0, -30),
    "+": () => navigation.zoom(1.25),
    "=": () => navigation.zoom(1.25),
    "-": () => navigation.zoom(0.8),
  };
}

/** The keys that the help lists. */
export function viewerKeys({ store, navigation, setTool, ...on }: KeyTargets): KeyActions {
  const set = (patch: Partial<ViewerState>) => () => store.set(patch);
  const marks = () => store.get().marks;
  return {
    ...cameraKeys(navigation),
    "0": set({ camera: null }),
    "2": set({ dimensions: 2, camera: null }),
    "3": set({ dimensions: 3, camera: null }),
    p: on.nextMethod,
    m: () => store.set({ marks: MARKS[(MARKS.indexOf(marks()) + 1) % MARKS.length]! }),
    c: on.nextColoring,
    g: on.nextGround,
    e: () => store.set({ edges: EDGES[(EDGES.indexOf(store.get().edges) + 1) % EDGES.length]! }),
    f: on.only,
    ",": () => on.jump(-1),
    ".": () => on.jump(1),
    " ": on.play,
    v: () => setTool("move"),
    l: () => setTool("lasso"),
    b: () => setTool("box"),
    n: on.nearest,
    "/": on.search,
    "?": on.help,
    Escape: on.escape,
  };
}

/** Listens to keys on the whole page, except while the reader types or uses another control. */
export function listenToKeys(root: HTMLElement, actions: KeyActions): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target instanceof HTMLElement ? event.target : document.body;
    const isOurs = target === document.body || root.contains(target);
    if (!isOurs || root.querySelector("dialog[open]")) return;
    const moves = event.key === " " || event.key.startsWith("Arrow");
    const isText = target.matches("input:not([type=range]), textarea, select, [contenteditable]");
    const usesKey = moves && target.matches("button, a, summary, input[type=range]");
    const scrolls = moves && target === document.body;
    if (isText || usesKey || scrolls) return;
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
