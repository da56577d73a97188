import { parseHex, type Rgb, type Theme } from "./palette";

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
  const surface = resolve("--surface", "#ffffff");
  const brightness = (surface[0] * 299 + surface[1] * 587 + surface[2] * 114) / 1000;
  const style = getComputedStyle(document.documentElement);
  return {
    theme: brightness < 128 ? "dark" : "light",
    surface,
    ink: style.getPropertyValue("--ink").trim() || "#111111",
    accent: style.getPropertyValue("--accent").trim() || "#2b5fd9",
    font: style.getPropertyValue("--font-sans").trim() || "sans-serif",
  };
}

/** Calls `onChange` when the system's or the page's own theme changes. */
export function onThemeChange(onChange: () => void): void {
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
  new MutationObserver(onChange).observe(document.documentElement, { attributeFilter: ["class", "data-theme", "style"] });
}

/** A colour variable in any CSS notation as bytes: the browser paints one pixel with it. */
function resolve(variable: string, missing: string): Rgb {
  const value = getComputedStyle(document.documentElement).getPropertyValue(variable).trim() || missing;
  if (/^#[0-9a-f]{6}$/i.test(value)) return parseHex(value);
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  if (!context) return parseHex(missing);
  context.fillStyle = missing;
  context.fillStyle = value;
  context.fillRect(0, 0, 1, 1);
  const [r = 255, g = 255, b = 255] = context.getImageData(0, 0, 1, 1).data;
  return [r, g, b];
}
