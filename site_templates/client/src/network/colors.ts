import { number } from "../shared/format";
import { parseHex, type Rgb, type Theme } from "../shared/palette";

/**
 * How values become colours: a picture in grey from 0 to 1, or signed values around zero from -limit to limit. Where
 * `isPositive`, none lies below zero, and a legend begins there.
 */
export type Scale = { kind: "picture" } | { kind: "signed"; limit: number; isPositive: boolean };

export const PICTURE: Scale = { kind: "picture" };

/** Negative, zero and positive: orange and blue differ for every kind of colour vision, and zero recedes into the page. */
const SIGNED: Readonly<Record<Theme, readonly [string, string, string, string, string]>> = {
  light: ["#9a3412", "#f0a36b", "#f6f4ef", "#6fa8dc", "#0b3c78"],
  dark: ["#ffb37a", "#b4501a", "#20242a", "#2f74b8", "#9fd0ff"],
};

/** The scale of signed values that reaches as far as the largest of them. */
export function signedScale(values: Iterable<number>): Scale {
  let [low, high] = [0, 0];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return { kind: "signed", limit: Math.max(-low, high) || 1, isPositive: low === 0 };
}

export function valueColor(value: number, scale: Scale, theme: Theme): Rgb {
  if (scale.kind === "picture") {
    const gray = Math.round(255 * Math.min(1, Math.max(0, value)));
    return [gray, gray, gray];
  }
  const stops = SIGNED[theme];
  const position = (Math.min(1, Math.max(-1, value / scale.limit)) + 1) * 2;
  const index = Math.min(3, Math.floor(position));
  const [from, to] = [parseHex(stops[index]!), parseHex(stops[index + 1]!)];
  const mix = (k: 0 | 1 | 2) => Math.round(from[k] + (to[k] - from[k]) * (position - index));
  return [mix(0), mix(1), mix(2)];
}

/** Text that can be read on a colour. */
export function inkOn([red, green, blue]: Rgb): string {
  return red * 0.299 + green * 0.587 + blue * 0.114 > 140 ? "#14171b" : "#ffffff";
}

export function css([red, green, blue]: Rgb): string {
  return `rgb(${red} ${green} ${blue})`;
}

/** The scale as a CSS gradient from low to high. */
export function scaleGradient(scale: Scale, theme: Theme): string {
  const [low, high] = ends(scale);
  const stops = Array.from({ length: 9 }, (_, i) => css(valueColor(low + ((high - low) * i) / 8, scale, theme)));
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

/** What stands below the low end, the middle and the high end of a legend. */
export function scaleLabels(scale: Scale): [string, string, string] {
  const [low, high] = ends(scale);
  return [number(low), number((low + high) / 2), number(high)];
}

function ends(scale: Scale): [number, number] {
  return scale.kind === "picture" ? [0, 1] : [scale.isPositive ? 0 : -scale.limit, scale.limit];
}
