import type { Mount } from "../shared/component";
import * as ort from "onnxruntime-web/wasm";
export const mountPlayground: Mount = (element) => { element.textContent = String(ort.env.wasm.numThreads); };
