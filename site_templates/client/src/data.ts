/**
 * Data of the site: each key is a small classic script that calls `accData(key, payload)`.
 *
 * A `<script>` is the one thing that a page opened from disk may load, so there is no fetch here.
 * Arrays travel as base64 of gzip of little-endian bytes and arrive as typed arrays; rounded ones as 16-bit levels
 * between their extremes, of which 0 is NaN.
 */

export type TypedArray =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>;

export interface DataArray {
  data: TypedArray;
  shape: number[];
}

export interface Data<Meta = Record<string, unknown>> {
  meta: Meta;
  arrays: Record<string, DataArray>;
}

interface EncodedArray {
  dtype: string;
  shape: number[];
  data: string;
  low?: number;
  high?: number;
}

export interface Payload {
  meta: Record<string, unknown>;
  arrays: Record<string, EncodedArray>;
}

declare global {
  interface Window {
    accData: (key: string, payload: Payload) => void;
  }
}

const CONSTRUCTORS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
} as const;

const registered = new Map<string, Payload>();
const loading = new Map<string, Promise<Data>>();

/** Lets data scripts register themselves; called once, before any of them runs. */
export function installDataRegistry(): void {
  window.accData = (key, payload) => registered.set(key, payload);
}

/** Loads `data/<key>.js` below the site root once, and decodes its arrays. Rejects with a message for people. */
export function loadData<Meta = Record<string, unknown>>(key: string): Promise<Data<Meta>> {
  let result = loading.get(key);
  if (!result) {
    result = insertScript(key).then(() => decode(key, take(key)));
    result.catch(() => loading.delete(key)); // a later call may try again
    loading.set(key, result);
  }
  return result as Promise<Data<Meta>>;
}

/** Forgets the decoded arrays of `key`, so that large ones can be freed after they moved elsewhere. */
export function releaseData(key: string): void {
  loading.delete(key);
}

/** The array `name` of a data set, checked to be there; the error names the key. */
export function arrayOf(data: Data<unknown>, key: string, name: string): DataArray {
  const array = data.arrays[name];
  if (!array) {
    const present = Object.keys(data.arrays).join(", ") || "none";
    throw new Error(`data "${key}" has no array "${name}" (it has: ${present}); rebuild the site with: acc site`);
  }
  return array;
}

/** The same as `arrayOf`, as 32-bit floats. */
export function floatsOf(data: Data<unknown>, key: string, name: string): Float32Array<ArrayBuffer> {
  const { data: values } = arrayOf(data, key, name);
  return values instanceof Float32Array ? values : Float32Array.from(values);
}

/** Where the site starts, relative to this page: `<html data-root="../../">`. */
function siteRoot(): string {
  return document.documentElement.dataset.root ?? "";
}

function insertScript(key: string): Promise<void> {
  if (registered.has(key)) return Promise.resolve();
  const path = `data/${key.split("/").map(encodeURIComponent).join("/")}.js`;
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = siteRoot() + path;
    script.async = true;
    script.onload = () => {
      script.remove();
      if (registered.has(key)) resolve();
      else reject(new Error(`data/${key}.js does not hold the data "${key}"; rebuild the site with: acc site`));
    };
    script.onerror = () => {
      script.remove();
      reject(new Error(`data/${key}.js is missing. It may not have been built yet; rebuild the site with: acc site`));
    };
    document.head.append(script);
  });
}

function take(key: string): Payload {
  const payload = registered.get(key);
  if (!payload) throw new Error(`data "${key}" was not registered`);
  registered.delete(key); // the text is several times as large as the arrays
  return payload;
}

/** Decodes the arrays of a payload; an error names `key`. */
export async function decode(key: string, payload: Payload): Promise<Data> {
  const arrays: Record<string, DataArray> = Object.create(null); // names come from recipes: none is there before
  for (const [name, encoded] of Object.entries(payload.arrays)) {
    arrays[name] = await decodeArray(key, name, encoded);
  }
  return { meta: payload.meta, arrays };
}

async function decodeArray(key: string, name: string, { dtype, shape, data, low, high }: EncodedArray): Promise<DataArray> {
  const constructor = CONSTRUCTORS[dtype as keyof typeof CONSTRUCTORS];
  if (!constructor) {
    throw new Error(`array "${name}" of "${key}" has dtype ${dtype}; allowed: ${Object.keys(CONSTRUCTORS).join(", ")}`);
  }
  const buffer = await gunzip(fromBase64(data));
  const length = shape.reduce((product, size) => product * size, 1);
  if (buffer.byteLength !== length * constructor.BYTES_PER_ELEMENT) {
    throw new Error(`array "${name}" of "${key}" has ${buffer.byteLength} bytes, not those of ${dtype}[${shape}]`);
  }
  const values = new constructor(buffer);
  return { data: low === undefined || high === undefined ? values : unrounded(values, low, high), shape };
}

function unrounded(levels: TypedArray, low: number, high: number): Float32Array<ArrayBuffer> {
  const level = (high - low) / (0xffff - 1);
  const values = new Float32Array(levels.length);
  for (let i = 0; i < values.length; i++) values[i] = levels[i] === 0 ? NaN : low + (levels[i]! - 1) * level;
  return values;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const native = (Uint8Array as unknown as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64;
  if (native) return native.call(Uint8Array, text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
