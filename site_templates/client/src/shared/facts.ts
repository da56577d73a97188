import { h } from "./dom";

/** A name and its value in a list of facts; `title` explains both to who points at them. */
export function fact(name: string, value: string, title = ""): HTMLElement[] {
  return [h("dt", { title }, name), h("dd", { title }, value)];
}

/** How long encoder and decoder took. */
export function timeFact(name: string, { encode, decode }: { encode: number; decode: number }): HTMLElement[] {
  return fact(name, `${(encode + decode).toFixed(1)} ms`, `encoder ${encode.toFixed(1)} ms, decoder ${decode.toFixed(1)} ms`);
}
