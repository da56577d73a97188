import { type AugmentationSettings, UNCHANGED } from "./augmentation";

export type Mode = "probe" | "interpolate";
export type End = "a" | "b";

export interface GroundingState {
  mode: Mode;
  settings: AugmentationSettings;
  /** Of noise and mask. */
  seed: number;
  /** The ends of the interpolation, pictures of the data set; null until a branch is loaded. */
  a: number | null;
  b: number | null;
  /** The end that the next click sets. */
  next: End;
  /** 0 at A, 1 at B. */
  t: number;
}

export const START: GroundingState = { mode: "probe", settings: UNCHANGED, seed: 1, a: null, b: null, next: "a", t: 0 };

const SHORT: Readonly<Record<keyof AugmentationSettings, string>> = {
  shiftX: "x",
  shiftY: "y",
  rotation: "rot",
  scale: "scale",
  intensity: "int",
  noise: "noise",
  masking: "mask",
};
const NAMES = Object.keys(SHORT) as Array<keyof AugmentationSettings>;

/** The part of the state that differs from the start, added to a URL fragment. */
export function encodeGrounding(state: GroundingState, out: URLSearchParams): void {
  for (const name of NAMES) if (state.settings[name] !== UNCHANGED[name]) out.set(SHORT[name], String(state.settings[name]));
  if (state.seed !== START.seed) out.set("noiseseed", String(state.seed));
  if (state.mode === "probe") return;
  out.set("mode", state.mode);
  if (state.a !== null && state.b !== null) out.set("ends", `${state.a}-${state.b}`);
  out.set("t", String(Number(state.t.toFixed(3))));
}

/** Reads a URL fragment; what is missing or makes no sense is left out. */
export function decodeGrounding(input: URLSearchParams): Partial<GroundingState> {
  const state: Partial<GroundingState> = {};
  const number = (name: string) => {
    const text = input.get(name);
    const value = text === null || text === "" ? Number.NaN : Number(text);
    return Number.isFinite(value) ? value : null;
  };
  const settings = { ...UNCHANGED };
  for (const name of NAMES) settings[name] = number(SHORT[name]) ?? UNCHANGED[name];
  if (settings.scale <= 0) settings.scale = UNCHANGED.scale;
  state.settings = settings;
  const seed = number("noiseseed");
  if (seed !== null) state.seed = Math.trunc(seed);
  if (input.get("mode") === "interpolate") state.mode = "interpolate";
  const ends = /^(\d+)-(\d+)$/.exec(input.get("ends") ?? "");
  if (ends) [state.a, state.b] = [Number(ends[1]), Number(ends[2])];
  const t = number("t");
  if (t !== null) state.t = Math.min(1, Math.max(0, t));
  return state;
}
