import type { PageColors } from "../shared/theme";
import type { NetworkLayer } from "./contract";
import type { Snapshot } from "./snapshot";
import type { Place } from "./state";

/** One channel of one layer at one place, of one example at one snapshot: what the parts of a branch show. */
export interface Look {
  snapshot: Snapshot;
  example: number;
  layer: NetworkLayer;
  channel: number;
  at: Place;
  colors: "layer" | "channel";
  page: PageColors;
}
