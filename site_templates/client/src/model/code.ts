import type { Named } from "./session";

/** The part of a code that sliders, maps and probes work on. */
export const LATENT = "latent";

/**
 * What an encoder makes of a picture, or of several in a batch: the parts that its decoder needs, by their names. The part
 * `latent` is always there.
 */
export type Code = Named;

/** The latent (D) of a code; of a batch, one after the other. */
export function latentOf(code: Code): Float32Array {
  const latent = code.get(LATENT);
  if (!latent) throw new Error(`a code has no "${LATENT}" (it has: ${[...code.keys()].join(", ") || "nothing"})`);
  return latent;
}

/** The same code with another latent. */
export function withLatent(code: Code, latent: Float32Array): Code {
  return new Map(code).set(LATENT, latent);
}

/** (1 - t) a + t b in every part; t = 0 and t = 1 give the ends bit for bit. */
export function mixed(a: Code, b: Code, t: number): Code {
  return new Map([...a].map(([name, from]) => [name, from.map((value, i) => (1 - t) * value + t * b.get(name)![i]!)]));
}

/** Codes one after the other, as one batch. */
export function batched(codes: readonly Code[]): Code {
  const names = [...(codes[0]?.keys() ?? [])];
  return new Map(names.map((name) => [name, Float32Array.from(codes.flatMap((code) => [...code.get(name)!]))]));
}
