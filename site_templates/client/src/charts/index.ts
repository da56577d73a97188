import type { Mount } from "../shared/component";

/** Components of this folder by their `data-acc` name. */
export const charts: Readonly<Record<string, Mount>> = {};
