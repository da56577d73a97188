/** Colours of marks: classes, continuous values, and the page's own colours for canvases. */

export type Theme = "light" | "dark";
export type Rgb = readonly [red: number, green: number, blue: number]; // 0..255

/**
 * Ten classes, one set for each background. Found by search from common hues: any two differ by at least 0.11 in OKLab
 * for normal sight and under simulated protanopia, deuteranopia and tritanopia (a test holds this).
 */
const CLASSES: Readonly<Record<Theme, readonly string[]>> = {
  light: ["#4870ff", "#deb586", "#9c0e13", "#959ba4", "#5c4dba", "#8a5b7a", "#cb4907", "#d78b03", "#4a3961", "#11caff"],
  dark: ["#5f9af6", "#eeaa80", "#bc411e", "#a5c3ee", "#7259e0", "#9c8f9b", "#e3730d", "#e8e549", "#8d5a7c", "#8dffff"],
};

/** Thirteen even steps of matplotlib's maps, which are uniform to the eye and safe for colour-blind readers. */
const RAMPS = {
  viridis: "440154 481f70 443983 3b528b 31688e 287c8e 21918c 20a486 35b779 5ec962 90d743 c8e020 fde725",
  cividis: "00224e 003170 2a3f6d 434e6c 575d6d 6a6c71 7d7c78 918b78 a59c74 bcae6c d2c060 e9d34e fee838",
} as const;

export type RampName = keyof typeof RAMPS;

/** The end of a ramp that is hard to see on the background is left out. */
const RAMP_SPAN: Readonly<Record<Theme, readonly [number, number]>> = { light: [0, 0.9], dark: [0.18, 1] };

export function parseHex(hex: string): Rgb {
  const value = Number.parseInt(hex.replace("#", ""), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** The bytes of "rgb(r, g, b)", the form in which the browser computes a colour. */
export function parseRgb(text: string): Rgb {
  const [r = 0, g = 0, b = 0] = text.match(/\d+/g)?.map(Number) ?? [];
  return [r, g, b];
}

const css = ([r, g, b]: Rgb) => `rgb(${Math.round(r)} ${Math.round(g)} ${Math.round(b)})`;

/** Colour of class `index`; classes past the tenth go through the ten again. */
export function classColor(index: number, theme: Theme): string {
  const colors = CLASSES[theme];
  return colors[((index % colors.length) + colors.length) % colors.length]!;
}

/** Two classes of an outcome: wrong stands out, right recedes. */
export function outcomeColor(right: boolean, theme: Theme): string {
  if (right) return theme === "dark" ? "#5b6570" : "#b4bac2";
  return theme === "dark" ? "#ff9a4d" : "#c2410c";
}

/** Colour of `t` in 0..1 (clamped) on a ramp. */
export function rampColor(name: RampName, t: number, theme: Theme): Rgb {
  const stops = RAMPS[name].split(" ");
  const [low, high] = RAMP_SPAN[theme];
  const position = (low + (high - low) * Math.min(1, Math.max(0, t))) * (stops.length - 1);
  const index = Math.min(stops.length - 2, Math.floor(position));
  const from = parseHex(stops[index]!);
  const to = parseHex(stops[index + 1]!);
  const mix = (k: 0 | 1 | 2) => from[k] + (to[k] - from[k]) * (position - index);
  return [mix(0), mix(1), mix(2)];
}

/** The ramp as a CSS gradient from low to high. */
export function rampGradient(name: RampName, theme: Theme): string {
  const stops = Array.from({ length: 13 }, (_, i) => css(rampColor(name, i / 12, theme)));
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

/** 256 colours of a ramp as bytes (256 * 3), for colouring many points. */
export function rampTable(name: RampName, theme: Theme): Uint8Array {
  const table = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) table.set(rampColor(name, i / 255, theme).map(Math.round), i * 3);
  return table;
}
