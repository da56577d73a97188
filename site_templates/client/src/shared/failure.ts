import { h } from "./dom";

/** What an error says to people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A failure as it stands on a page, in place of what could not be shown; the error itself goes to the console. */
export function failureNote(error: unknown): HTMLElement {
  console.error(error);
  return h("p", { class: "acc-error", role: "alert" }, messageOf(error));
}
