import { h } from "../shared/dom";
import type { Mount } from "../shared/component";

/** Changes between light and dark and keeps the choice, where the browser lets pages keep anything. */
export const mountThemeToggle: Mount = (element) => {
  const root = document.documentElement;
  element.addEventListener("click", () => {
    const system = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const next = (root.dataset.theme ?? system) === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    try {
      localStorage.setItem("acc-theme", next);
    } catch {
      // a page from disk may have no storage: the choice then holds for this page
    }
  });
};

/**
 * Buttons that choose which of the elements with `data-<for>` are shown; `*` shows all of them.
 * Several switches for the same thing on one page move together; a link may choose at first: `#seed=1`.
 */
export const mountSwitch: Mount = (element, parameters) => {
  const name = String(parameters["for"]);
  const buttons = [...element.querySelectorAll<HTMLButtonElement>("button")];
  const choose = (value: string) => {
    for (const target of document.querySelectorAll<HTMLElement>(`[data-${CSS.escape(name)}]`)) {
      target.hidden = value !== "*" && target.dataset[name] !== value;
    }
    for (const other of document.querySelectorAll<HTMLElement>(`[data-acc="switch"][data-for="${CSS.escape(name)}"] button`)) {
      other.setAttribute("aria-pressed", String((other as HTMLButtonElement).value === value));
    }
  };
  for (const button of buttons) button.addEventListener("click", () => choose(button.value));
  const asked = new URLSearchParams(window.location.hash.slice(1)).get(name);
  const first = buttons.find((button) => button.value === asked) ?? buttons.find((button) => button.getAttribute("aria-pressed") === "true") ?? buttons[0];
  if (first) choose(first.value);
};

/** Adds a button that copies the command beside it. */
export const mountCopy: Mount = (element) => {
  const text = element.querySelector("code")?.textContent ?? "";
  const button = h("button", { type: "button", class: "copy", "aria-label": `Copy: ${text}` }, "copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      const range = document.createRange(); // no clipboard from disk: select, so that one keystroke copies
      range.selectNodeContents(element.querySelector("code") ?? element);
      window.getSelection()?.removeAllRanges();
      window.getSelection()?.addRange(range);
      button.textContent = "selected";
    }
    window.setTimeout(() => (button.textContent = "copy"), 1500);
  });
  element.append(button);
};
