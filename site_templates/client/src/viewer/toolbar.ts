import { h, iconButton } from "../shared/dom";
import type { Tool } from "./gestures";

export interface ToolbarActions {
  tool: (tool: Tool) => void;
  zoom: (factor: number) => void;
  home: () => void;
  help: () => void;
}

/** The buttons on the stage: what a drag does, zoom, and help. */
export class Toolbar {
  readonly element: HTMLElement;
  private readonly tools: ReadonlyMap<Tool, HTMLButtonElement>;

  constructor(actions: ToolbarActions) {
    this.tools = new Map<Tool, HTMLButtonElement>([
      ["move", iconButton("move", "Move and turn (V)", () => actions.tool("move"))],
      ["lasso", iconButton("lasso", "Select with a lasso (L)", () => actions.tool("lasso"))],
      ["box", iconButton("box", "Select with a box (B)", () => actions.tool("box"))],
    ]);
    this.element = h(
      "div",
      { class: "acc-toolbar", role: "toolbar", "aria-label": "Tools", "aria-orientation": "vertical" },
      ...this.tools.values(),
      h("span", { class: "acc-toolbar-gap" }),
      iconButton("plus", "Zoom in (+)", () => actions.zoom(1.4)),
      iconButton("minus", "Zoom out (−)", () => actions.zoom(1 / 1.4)),
      iconButton("home", "Show the whole cloud (0)", actions.home),
      h("span", { class: "acc-toolbar-gap" }),
      iconButton("help", "Gestures and keys (?)", actions.help),
    );
  }

  update(tool: Tool): void {
    for (const [name, button] of this.tools) button.setAttribute("aria-pressed", String(name === tool));
  }
}
