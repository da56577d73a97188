import type { Mount } from "../shared/component";
import { Points } from "three";
export const mountLatentViewer: Mount = (element) => { element.textContent = String(Points.name); };
