import { charts } from "./charts/index";
import { installDataRegistry } from "./data";
import { mountForking } from "./forking/index";
import { mountGrounding } from "./grounding/index";
import { mountLabelling } from "./labelling/index";
import { live } from "./live/index";
import { mountNetwork } from "./network/index";
import { mountPlayground } from "./playground/index";
import { mountAll, type Mount } from "./shared/component";
import { mountLatentViewer } from "./viewer/index";

const components: Readonly<Record<string, Mount>> = {
  ...charts,
  ...live,
  fork: mountForking,
  grounding: mountGrounding,
  labelling: mountLabelling,
  "latent-viewer": mountLatentViewer,
  network: mountNetwork,
  playground: mountPlayground,
};

installDataRegistry();
if (document.readyState === "loading") {
  document.addEventListener("DOMContentLoaded", () => mountAll(document, components));
} else {
  mountAll(document, components);
}
