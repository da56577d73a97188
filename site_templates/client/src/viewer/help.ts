import { h, iconButton } from "../shared/dom";

const KEYS: ReadonlyArray<readonly [keys: string, what: string]> = [
  ["Drag", "move the plane, or turn the cloud"],
  ["Right drag, two fingers", "move"],
  ["Wheel, pinch, + −", "zoom"],
  ["Click, tap", "focus a point and show its neighbours"],
  ["Shift + drag", "select with a lasso"],
  ["← → ↑ ↓", "move, or turn"],
  ["0", "show the whole cloud"],
  ["2 3", "two or three dimensions"],
  ["P", "next projection"],
  ["M", "dots, pictures or both"],
  ["C", "next colouring"],
  ["G", "density or distortion below the points"],
  ["E", "edges: nearest, within extent, none"],
  ["F", "a focused set alone, or all points"],
  [", .", "previous, next snapshot"],
  ["Space", "play training"],
  ["V L B", "tools: move, lasso, box"],
  ["N", "go to the nearest neighbour of the focused point"],
  ["/", "search"],
  ["Esc", "leave the point, then the selection"],
  ["?", "this help"],
];

/** The dialog that lists gestures and keys. */
export function createHelp(): { element: HTMLDialogElement; open: () => void } {
  const rows = KEYS.map(([keys, what]) =>
    h("tr", {}, h("th", { scope: "row" }, ...keys.split(" ").flatMap(key)), h("td", {}, what)),
  );
  const element = h(
    "dialog",
    { class: "acc-help", "aria-label": "Gestures and keys" },
    h("div", { class: "acc-focus-head" }, h("h3", {}, "Gestures and keys"), iconButton("close", "Close", () => element.close())),
    h("table", {}, h("tbody", {}, ...rows)),
  );
  element.addEventListener("click", (event) => {
    if (event.target === element) element.close(); // the backdrop
  });
  return { element, open: () => element.showModal() };
}

/** Single characters look like keys, words are gestures. */
function key(text: string): Array<Node | string> {
  return [text.length === 1 && text !== "+" ? h("kbd", {}, text) : text, " "];
}
