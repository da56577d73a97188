import * as ort from "onnxruntime-web/wasm";
import { arrayOf, loadData, releaseData } from "../data";
import { oneByOne } from "../shared/one_by_one";

/** Arrays by the names of a graph's inputs or outputs; rows of a batch lie one after the other. */
export type Named = ReadonlyMap<string, Float32Array>;

/** An input of a graph: its name, and the shape of one row, without the batch. */
export interface Input {
  name: string;
  dims: readonly number[];
}

/** One ONNX graph, ready to run. */
export interface GraphSession {
  outputs: readonly string[];
  /** Runs a batch; gives the outputs that are asked for. */
  run: (values: Named, wanted: readonly string[]) => Promise<Named>;
  /** Milliseconds of the last run. */
  readonly time: number;
}

let runtime: Promise<void> | null = null;

// A call keeps what it points to on the one stack of the WebAssembly and waits in between: of two at once, of whatever
// sessions, the one that ends first frees what the other still reads, which then fails or has other numbers.
const alone = oneByOne();

/** Hands the WebAssembly of the ONNX runtime over as bytes, once: a page opened from disk cannot fetch it. */
export function loadRuntime(): Promise<void> {
  runtime ??= loadData("runtime/ort-wasm").then((data) => {
    ort.env.wasm.wasmBinary = arrayOf(data, "runtime/ort-wasm", "wasm").data.buffer;
    ort.env.wasm.numThreads = 1; // more need cross-origin isolation, which static pages do not have
    ort.env.wasm.proxy = false;
    ort.env.logLevel = "error";
    releaseData("runtime/ort-wasm");
  });
  runtime.catch(() => (runtime = null));
  return runtime;
}

/** Opens a graph (ONNX bytes) whose inputs are `inputs`; errors call it `name`. */
export async function openSession(name: string, bytes: Uint8Array, inputs: readonly Input[]): Promise<GraphSession> {
  const session = await alone(() => ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] }));
  const declared = inputs.map((input) => input.name);
  if (declared.toSorted().join() !== session.inputNames.toSorted().join()) {
    throw new Error(`${name} takes ${session.inputNames.join(", ")}, not ${declared.join(", ")}; build the branch again, then: acc site`);
  }
  let time = 0;
  return {
    outputs: session.outputNames,
    get time() {
      return time;
    },
    run: async (values, wanted) => {
      const feeds = Object.fromEntries(inputs.map((input) => [input.name, tensorOf(name, input, values.get(input.name))]));
      const outputs = await alone(async () => {
        const start = performance.now();
        const found = await session.run(feeds, [...wanted]);
        time = performance.now() - start;
        return found;
      });
      return new Map(wanted.map((output) => [output, floatsOf(name, output, outputs[output])]));
    },
  };
}

function tensorOf(graph: string, { name, dims }: Input, values: Float32Array | undefined): ort.Tensor {
  const rows = (values?.length ?? 0) / dims.reduce((product, length) => product * length, 1);
  if (!values || !Number.isInteger(rows)) {
    throw new Error(`${graph} takes ${dims.join(" x ")} numbers as "${name}", not ${values?.length ?? "none"}`);
  }
  return new ort.Tensor("float32", values, [rows, ...dims]);
}

function floatsOf(graph: string, name: string, output: ort.Tensor | undefined): Float32Array {
  if (output?.data instanceof Float32Array) return output.data;
  throw new Error(`${graph} gives "${name}" as ${output?.type ?? "nothing"}, not as float32; build the branch again, then: acc site`);
}
