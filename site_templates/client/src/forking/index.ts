import { isServed } from "../live/server";
import type { Mount } from "../shared/component";
import { ForkPanel } from "./panel";

/** A form that forks a checkpoint, where a server can record it; a page from disk keeps the commands that it has. */
export const mountForking: Mount = async (element, parameters) => {
  if (!isServed()) return;
  const { recipe, node, seeds } = parameters as { recipe: string; node: string; seeds: number[] };
  const panel = new ForkPanel(recipe, node, seeds);
  element.replaceChildren(panel.element);
  await panel.start();
};
