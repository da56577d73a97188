import { parseRgb, type Rgb, type Theme } from "./palette";

/** Colours of the page that a canvas needs. */
export interface PageColors {
  theme: Theme;
  surface: Rgb;
  ink: string;
  accent: string;
  font: string;
}

/** Reads the page's colours as they are now; the theme follows the surface, however the page chose it. */
export function readPageColors(): PageColors {
  const surface = parseRgb(colorOf("--surface"));
  const brightness = (surface[0] * 299 + surface[1] * 587 + surface[2] * 114) / 1000;
  return {
    theme: brightness < 128 ? "dark" : "light",
    surface,
    ink: colorOf("--ink"),
    accent: colorOf("--accent"),
    font: getComputedStyle(document.documentElement).getPropertyValue("--font-sans"),
  };
}

/** Calls `onChange` when the system's or the page's own theme changes. */
export function onThemeChange(onChange: () => void): void {
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
  new MutationObserver(onChange).observe(document.documentElement, { attributeFilter: ["class", "data-theme", "style"] });
}

/** A colour variable as "rgb(r, g, b)", as it is in the theme of now. */
function colorOf(variable: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${variable})`;
  document.documentElement.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
