import { decodeRuns, encodeRuns } from "../branches/choice";
import { BranchRow } from "../branches/row";
import { PictureCanvas } from "../picture/canvas";
import { type PageAddress, pageAddress } from "../shared/address";
import type { RunChoice } from "../shared/contract";
import { h, icon, segmented } from "../shared/dom";
import { Store } from "../shared/store";
import { onThemeChange } from "../shared/theme";
import { listenToKeys } from "../viewer/keys";
import { Timeline } from "../viewer/timeline";
import type { NetworkMeta } from "./contract";
import { NetworkView } from "./network_view";
import { Pad } from "./pad";
import type { Snapshot } from "./snapshot";
import { decodeNetwork, encodeNetwork, type NetworkState, START } from "./state";
import { TrainedNetwork } from "./trained_network";

const MOST_BRANCHES = 4;

/** The network inspector: one example, snapshot and place, looked at in the networks of one branch or of several. */
export class Inspector {
  readonly element: HTMLElement;
  readonly store: Store<NetworkState>;
  readonly row: BranchRow<NetworkState, TrainedNetwork, NetworkView>;
  private readonly head: HTMLElement;
  readonly address: PageAddress;
  private readonly timeline = new Timeline((step) => this.showTime(step));
  private readonly colors = segmented<NetworkState["colors"]>("Colours reach to the largest value of", [["layer", "by layer"], ["channel", "by channel"]], (colors) => this.store.set({ colors }));
  private examples: readonly HTMLButtonElement[] = [];
  private steps: readonly number[] = [];
  private readonly atEnd = h("p", { class: "acc-hint" }, "A drawing goes through the network as it is at the end of training.");
  private pad: Pad | null = null;

  /** `has` says whether the page has a data key. */
  constructor(
    private readonly runs: readonly RunChoice[],
    has: (key: string) => boolean,
  ) {
    this.address = pageAddress(() => this.shown());
    this.store = new Store<NetworkState>({ ...START, ...decodeNetwork(this.address.asked) });
    this.row = new BranchRow(runs, {
      load: (run, say) => {
        say("Loading the network…");
        return TrainedNetwork.load(run, has);
      },
      open: (network) => new NetworkView(network, () => this.store.get(), (patch) => this.store.set(patch)),
      first: (network) => this.createHead(network),
      changed: () => this.address.save(),
      showBusy: (isBusy) => this.element.setAttribute("aria-busy", String(isBusy)),
      most: MOST_BRANCHES,
      keeps: "one",
      addLabel: [icon("plus"), "Compare with a branch"],
      closeLabel: "Remove this branch",
    });
    this.head = h("div", { class: "acc-network-head" }, this.row.waiting);
    this.element = h("div", { class: "acc-playground acc-network" }, this.head, this.row.element);
    this.store.subscribe((state) => this.follow(state));
    const view = () => this.row.branches[0]?.view;
    listenToKeys(this.element, {
      ",": () => this.timeline.jump(-1),
      ".": () => this.timeline.jump(1),
      " ": () => this.timeline.toggle(),
      "[": () => view()?.stepLayer(-1),
      "]": () => view()?.stepLayer(1),
      j: () => view()?.stepChannel(1),
      k: () => view()?.stepChannel(-1),
      e: () => this.store.set({ example: (this.store.get().example + 1) % Math.max(1, this.examples.length), picture: null }),
      d: () => this.pad?.drawing.publish(),
    });
    onThemeChange(() =>
      requestAnimationFrame(() => {
        for (const { view } of this.row.branches) view?.applyColors();
        this.refresh();
      }),
    );
  }

  /** Settles when a branch can be used, or says that none can. */
  start(): Promise<void> {
    return this.row.start(decodeRuns(this.address.asked, this.runs, [this.runs[0]!.key]));
  }

  private follow(state: NetworkState): void {
    this.showHead(state);
    this.refresh();
    this.address.save();
  }

  private refresh(): void {
    this.row.askSoon(() => this.store.get());
  }

  /** The timeline goes over all training; what is shown is the nearest snapshot. */
  private showTime(time: number): void {
    const nearest = this.steps.reduce((best, step) => (Math.abs(step - time) < Math.abs(best - time) ? step : best), this.steps[0] ?? 0);
    this.store.set({ step: nearest === this.steps.at(-1) ? null : nearest });
    this.showHead(this.store.get()); // the thumb snaps, also where the snapshot stays the same
  }

  private showHead(state: NetworkState): void {
    const isDrawn = state.picture !== null;
    this.examples.forEach((button, i) => button.setAttribute("aria-pressed", String(!isDrawn && i === state.example)));
    this.pad?.show(isDrawn);
    this.timeline.element.hidden = isDrawn;
    this.atEnd.hidden = !isDrawn;
    this.timeline.update(this.steps, state.step ?? this.steps.at(-1) ?? 0);
    this.colors.set(state.colors);
  }

  /** The first network that is loaded brings the examples, the snapshots, and what is chosen to begin with. */
  private createHead(network: TrainedNetwork): void {
    const { meta, last } = network;
    this.steps = meta.steps;
    this.examples = meta.examples.map((_, i) => exampleButton(meta, last, i, () => this.store.set({ example: i, picture: null })));
    const pad = new Pad(
      meta,
      (picture) => this.store.set({ picture }),
      () => last.picture("input", this.store.get().example),
    );
    this.pad = pad;
    this.head.replaceChildren(
      h("div", { class: "acc-network-examples" }, h("h3", {}, "Example"), h("div", { class: "acc-samples", role: "group", "aria-label": "Examples" }, ...this.examples)),
      h("div", {}, h("h3", {}, "Your own"), pad.buttons),
      pad.element,
      this.steps.length > 1 ? h("div", { class: "acc-network-time" }, h("h3", {}, "Training"), this.timeline.element, this.atEnd) : "",
      h("div", { class: "acc-network-colors" }, h("h3", { title: "Colours reach to the largest value of the layer, or of each channel" }, "Colour scale"), this.colors.element),
      this.row.addButton,
      keysLine(),
    );
    const state = this.store.get();
    const choice = network.choice(state);
    const chosen = choice && { layer: choice.layer.name, channel: choice.channel, at: choice.at };
    this.store.set({ ...chosen, example: Math.min(state.example, meta.examples.length - 1) });
    pad.open(this.address.asked);
    this.follow(this.store.get());
  }

  private shown(): URLSearchParams | null {
    if (this.examples.length === 0) return null;
    const out = new URLSearchParams();
    encodeRuns(this.row.shown, [this.runs[0]!.key], out);
    encodeNetwork(this.store.get(), out);
    if (this.store.get().picture) this.pad?.encode(out);
    return out;
  }
}

const KEYS: ReadonlyArray<readonly [keys: string, what: string]> = [
  ["← → ↑ ↓", "along layers and channels, or the place in the large map"],
  ["[ ]", "layer"],
  ["J K", "channel"],
  ["E", "example"],
  ["D", "draw"],
  [", .", "snapshot"],
  ["Space", "play training"],
];

function keysLine(): HTMLElement {
  return h("p", { class: "acc-hint acc-network-keys" }, ...KEYS.flatMap(([keys, what], i) => [i > 0 ? " · " : "", h("kbd", {}, keys), ` ${what}`]));
}

function exampleButton(meta: NetworkMeta, snapshot: Snapshot, place: number, onclick: () => void): HTMLButtonElement {
  const label = meta.labels?.[place];
  const name = label === undefined ? "" : `: ${meta.classes?.[label] ?? label}`;
  const text = `Example ${place + 1}${name}, test picture ${meta.examples[place]}`;
  const canvas = new PictureCanvas("", meta.image_shape[0], meta.image_shape[1]);
  canvas.show(snapshot.picture("input", place));
  canvas.element.setAttribute("aria-hidden", "true");
  return h("button", { type: "button", class: "acc-sample", "aria-pressed": "false", "aria-label": text, title: text, onclick }, canvas.element);
}
