import type { Mount } from "../shared/component";
import { mountRuns } from "./runs";
import { mountTraining } from "./training";

/** Components of this folder by their `data-acc` name. */
export const live: Readonly<Record<string, Mount>> = { runs: mountRuns, training: mountTraining };
