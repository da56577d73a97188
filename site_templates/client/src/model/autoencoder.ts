import { arrayOf, loadData } from "../data";
import type { OnnxMeta } from "../shared/contract";
import { type Code, LATENT } from "./code";
import { probesOf, type Reading } from "./probes";
import { type GraphSession, type Input, loadRuntime, type Named, openSession } from "./session";

/** Encoder and decoder of one run. Pictures are (C*H*W) in 0..1; several, one after the other, make a batch. */
export interface Autoencoder {
  meta: OnnxMeta;
  samples: readonly Float32Array[];
  /** Names of what the decoder takes; none where the model has no decoder. */
  parts: readonly string[];
  /** Whether the decoder needs nothing but the latent. */
  isLatentAlone: boolean;
  encode: (pictures: Float32Array) => Promise<Code>;
  decode: (code: Code) => Promise<Float32Array>;
  /** All that both graphs give for a picture, by name: code, reconstruction, `layer/<name>`, and `reads/<name>` of convolutions. */
  follow: (picture: Float32Array) => Promise<Named>;
  readings: (latent: Float32Array) => Reading[];
  /** Milliseconds of the last run of each. */
  times: () => { encode: number; decode: number };
}

const INPUT = "input";
export const RECONSTRUCTION = "reconstruction";

/** Loads the models of a run; `say` hears what is being waited for. */
export async function loadAutoencoder(run: string, say: (text: string) => void): Promise<Autoencoder> {
  const key = `${run}/onnx`;
  say("Loading the ONNX runtime…");
  await loadRuntime();
  say("Loading encoder and decoder…");
  const data = await loadData<OnnxMeta>(key);
  const { meta } = data;
  const parts: readonly Input[] = meta.decoder_inputs ?? [{ name: LATENT, dims: [meta.latent_dim] }];
  const names = [...new Set([LATENT, ...parts.map(({ name }) => name)])];
  const open = (half: "encoder" | "decoder", inputs: readonly Input[]) =>
    openSession(`the ${half} of ${key}`, arrayOf(data, key, half).data as Uint8Array, inputs);
  // One after the other: they share one thread and one runtime.
  const encoder = await open("encoder", [{ name: INPUT, dims: [meta.channels, meta.image_size, meta.image_size] }]);
  const decoder = "decoder" in data.arrays ? await open("decoder", parts) : null;
  checkOutputs(encoder, names, `the encoder of ${key}`);
  const decoderOf = (code: Code, wanted: readonly string[]) => {
    if (!decoder) throw new Error(`${key} has no decoder`);
    return decoder.run(code, wanted);
  };
  return {
    meta,
    samples: splitSamples(arrayOf(data, key, "samples").data, meta),
    parts: decoder ? parts.map(({ name }) => name) : [],
    isLatentAlone: names.length === 1,
    encode: (pictures) => encoder.run(new Map([[INPUT, pictures]]), names),
    decode: async (code) => (await decoderOf(code, [RECONSTRUCTION])).get(RECONSTRUCTION)!,
    follow: async (picture) => {
      const encoded = await encoder.run(new Map([[INPUT, picture]]), encoder.outputs);
      return decoder ? new Map([...encoded, ...(await decoder.run(encoded, decoder.outputs))]) : encoded;
    },
    readings: probesOf(data, key),
    times: () => ({ encode: encoder.time, decode: decoder?.time ?? 0 }),
  };
}

/** The decoder's inputs come from the encoder, by their names. */
function checkOutputs({ outputs }: GraphSession, needed: readonly string[], name: string): void {
  const missing = needed.filter((part) => !outputs.includes(part));
  if (missing.length === 0) return;
  throw new Error(`${name} does not give ${missing.join(", ")}, which the decoder takes (it gives: ${outputs.join(", ")}); build the branch again, then: acc site`);
}

function splitSamples(bytes: ArrayLike<number>, { channels, image_size }: OnnxMeta): Float32Array[] {
  const length = channels * image_size * image_size;
  return Array.from({ length: bytes.length / length }, (_, s) =>
    Float32Array.from({ length }, (_, i) => bytes[s * length + i]! / 255),
  );
}
