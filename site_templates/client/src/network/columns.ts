import type { NetworkLayer } from "./contract";

/** Layers that are drawn as one column: one that has weights, and those after it that change its values one by one. */
export interface Column {
  layers: readonly [NetworkLayer, ...NetworkLayer[]];
  /** The last of the layers, whose maps the column shows. */
  face: NetworkLayer;
  /** Columns that reach this one with no other between, by place; -1 is the picture. */
  from: readonly number[];
}

/** The picture among what a layer reads. */
export const IMAGE = -1;

/** Layers that change the shape alone. */
export const RESHAPES = /^(Un)?[Ff]latten$/;
const WEIGHS = /Linear|Conv/;

/** Folds layers into columns, in their order: a layer joins the only one that it reads, where it keeps its shape. */
export function columnsOf(layers: readonly NetworkLayer[]): Column[] {
  const byId = new Map(layers.map((layer) => [layer.id, layer]));
  const readers = (id: number) => layers.filter(({ inputs }) => inputs.includes(id)).length;
  const chains: Array<[NetworkLayer, ...NetworkLayer[]]> = [];
  const placeOf = new Map<number, number>();
  for (const layer of layers) {
    const before = layer.inputs.length === 1 ? byId.get(layer.inputs[0]!) : undefined;
    const place = before === undefined ? undefined : placeOf.get(before.id);
    const chain = place === undefined ? undefined : chains[place]!;
    if (before && chain && chain.at(-1) === before && readers(before.id) === 1 && joins(layer, before)) {
      chain.push(layer);
      placeOf.set(layer.id, place!);
    } else {
      placeOf.set(layer.id, chains.length);
      chains.push([layer]);
    }
  }
  return chains.map((chain, place) => {
    const inputs = chain.flatMap((layer) => layer.inputs.map((id) => placeOf.get(id) ?? IMAGE));
    return { layers: chain, face: chain.at(-1)!, from: [...new Set(inputs)].filter((from) => from !== place) };
  });
}

function joins(layer: NetworkLayer, before: NetworkLayer): boolean {
  if (layer.convolution || WEIGHS.test(layer.kind)) return false;
  return RESHAPES.test(layer.kind) || layer.shape.join() === before.shape.join();
}

/** "Conv2d → ReLU" */
export function kindsOf({ layers }: Column): string {
  return layers.map(({ kind }) => kind).join(" → ");
}

/** "16 × 7 × 7" */
export function shapeText(shape: readonly number[]): string {
  return shape.join(" × ");
}
