import { h, iconButton, provenanceLine } from "../shared/dom";
import { count, number } from "../shared/format";
import { readPageColors } from "../shared/theme";
import { shapeText } from "./columns";
import type { NetworkLayer } from "./contract";
import { Flow } from "./flow";
import { KernelView } from "./kernel_view";
import type { Look } from "./look";
import { MovedLatent } from "./moved_latent";
import { PlaceView } from "./place_view";
import { isMap, type Snapshot } from "./snapshot";
import type { NetworkState } from "./state";
import { type ConvolutionStep, convolutionStep } from "./step";
import { SumView } from "./sum_view";
import { TopImages } from "./top_images";
import { TrainingStrip } from "./training_strip";
import type { TrainedNetwork } from "./trained_network";

/** The network of one branch: drawn, and looked into at the chosen layer, channel and place. */
export class NetworkView {
  readonly element: HTMLElement;
  readonly flow: Flow;
  /** What is shown; null where the network lacks the layer. */
  look: Look | null = null;
  step: ConvolutionStep | null = null;
  private page = readPageColors();
  private readonly drawn = new Map<string, readonly unknown[]>();
  private readonly layerSelect: HTMLSelectElement;
  private readonly channelSelect = h("select", { "aria-label": "Channel", onchange: () => this.onChoose({ channel: Number(this.channelSelect.value) }) });
  private readonly columnInput = placeInput("Column", () => this.choosePlace());
  private readonly rowInput = placeInput("Row", () => this.choosePlace());
  private readonly placeFields: HTMLElement;
  private readonly detail = h("p", { class: "acc-hint acc-look-detail" });
  private readonly place: PlaceView;
  private readonly sum: SumView;
  private readonly kernels = new KernelView();
  private readonly top: TopImages;
  private readonly kernelPart: HTMLElement;
  private readonly topPart: HTMLElement;
  private readonly moved: MovedLatent;
  private readonly training: TrainingStrip;
  private readonly time = h("p", { class: "acc-hint" });
  private readonly missing = h("p", { class: "acc-hint", role: "status" });
  private readonly body: HTMLElement;
  private readonly provenance = h("div", {});

  /** `asked` is what the reader chose last, which may not be shown yet; `onChoose` hears what is chosen. */
  constructor(
    private readonly network: TrainedNetwork,
    private readonly asked: () => NetworkState,
    private readonly onChoose: (patch: Partial<NetworkState>) => void,
  ) {
    const { meta, columns, last } = network;
    this.flow = new Flow(meta, columns, last.has("recon"), (layer, channel) => this.choose(layer, channel));
    this.layerSelect = h(
      "select",
      { "aria-label": "Layer", onchange: () => onChoose({ layer: this.layerSelect.value, channel: null, at: null }) },
      ...meta.layers.map(({ name, kind }) => h("option", { value: name }, `${name} · ${kind}`)),
    );
    this.place = new PlaceView(meta, (at) => onChoose({ at }), (columns, rows) => this.movePlace(columns, rows));
    this.sum = new SumView((at) => onChoose({ at }));
    this.top = new TopImages(meta, network.images, (rank) => onChoose({ rank }));
    this.moved = new MovedLatent(meta, (moved) => onChoose({ moved }));
    this.training = new TrainingStrip(network.run, meta.steps, (step) => onChoose({ step: step === last.step ? null : step }), (training) => onChoose({ training }));
    this.placeFields = h("span", { class: "acc-look-place" }, h("label", {}, "column ", this.columnInput), h("label", {}, "row ", this.rowInput));
    const section = (title: string, ...children: Node[]) => h("section", { class: "acc-look-part", "aria-label": title }, h("h3", {}, title), ...children);
    this.kernelPart = section("Kernel", this.kernels.element);
    this.topPart = section("Pictures that it answers most", this.top.element);
    this.body = h(
      "div",
      { class: "acc-look" },
      h("div", { class: "acc-look-where" }, section("What it sees", this.place.element)),
      h("div", { class: "acc-look-how" }, section("How the value comes about", this.sum.element)),
      h("div", { class: "acc-look-more" }, this.kernelPart, this.topPart),
    );
    this.element = h(
      "div",
      { class: "acc-network-view" },
      this.time,
      this.flow.element,
      h(
        "div",
        { class: "acc-look-head" },
        h("label", {}, "layer ", this.layerSelect),
        h("span", { class: "acc-stepper" }, iconButton("minus", "Previous channel", () => this.stepChannel(-1)), h("label", {}, "channel ", this.channelSelect), iconButton("plus", "Next channel", () => this.stepChannel(1))),
        this.placeFields,
        this.detail,
      ),
      this.missing,
      this.body,
      this.training.element,
      section("Move the latent", this.moved.element),
      leftOut(network),
      this.provenance,
    );
  }

  async answer(state: NetworkState): Promise<void> {
    const { meta } = this.network;
    const snapshot = state.picture ? await this.follow(state.picture) : await this.network.at(state.step);
    this.element.toggleAttribute("data-undrawn", snapshot === null);
    if (!snapshot) return;
    const example = Math.min(state.example, meta.examples.length - 1);
    const { page } = this;
    const choice = this.network.choice(state);
    const epoch = meta.epochs[meta.steps.indexOf(snapshot.step)] ?? null;
    const drawn = snapshot.isDrawn ? " · your drawing, computed in this page" : "";
    this.time.textContent = `after step ${count(snapshot.step)}${epoch === null ? "" : `, epoch ${number(epoch)}`}${drawn}`;
    const { layer, channel, at } = choice ?? this.network.choice({ ...state, layer: null, channel: null, at: null })!;
    const isThere = snapshot.hasLayer(layer);
    this.missing.hidden = choice !== null && isThere;
    const nothing = snapshot.isDrawn ? "is not among those that the exported graphs give" : "gave nothing at this snapshot";
    this.missing.textContent = choice ? `The layer ${layer.name} ${nothing}; choose another.` : `This network has no layer called ${state.layer}; choose one of its own.`;
    this.body.hidden = !this.missing.hidden;
    const look: Look = { snapshot, example, layer, channel, at, colors: state.colors, page };
    this.look = choice && isThere ? look : null;
    this.showHead(look, choice !== null);
    const answer = isThere ? convolutionStep(snapshot, layer, example, channel, at) : null;
    this.step = answer && "step" in answer && choice ? answer.step : null;
    this.flow.show({ ...look, strengths: this.step && new Map(this.step.terms.map((term) => [term.channel, term.sum])) });
    if (answer) {
      this.place.show(look);
      this.sum.show(look, answer);
    }
    this.kernelPart.hidden = layer.convolution === null;
    this.topPart.hidden = !isMap(layer);
    if (this.isNew("kernel", snapshot.data, layer, channel, page)) this.kernels.show(look);
    if (this.isNew("top", snapshot.data, layer, channel, state.rank)) this.top.show(look, state.rank);
    if (this.isNew("moved", snapshot, example, state.moved)) await this.moved.show(look, state.moved);
    if (this.isNew("provenance", snapshot.data)) this.provenance.replaceChildren(...[provenanceLine(snapshot.provenance)].filter((line) => line !== null));
    if (this.isNew("training", snapshot, layer, channel, example, page, state.training)) await this.training.show(look, state.training);
  }

  /** What the network makes of a drawing; null where that cannot be told, and the view then says why. */
  private async follow(picture: Float32Array): Promise<Snapshot | null> {
    const say = (text: string) => {
      this.missing.hidden = false;
      this.missing.textContent = text;
    };
    const found = await this.network.follow(picture, say);
    if (typeof found !== "string") return found;
    this.time.textContent = "";
    this.look = this.step = null;
    say(`A drawing cannot be followed through this network: ${found}. Choose an example.`);
    return null;
  }

  /** Takes the colours that the page has now. */
  applyColors(): void {
    this.page = readPageColors();
  }

  /** Whether what a part shows differs from what it was last asked to show. */
  private isNew(part: string, ...shown: unknown[]): boolean {
    const before = this.drawn.get(part);
    this.drawn.set(part, shown);
    return !before || shown.some((value, i) => value !== before[i]);
  }

  /** To the next (1) or previous (-1) captured channel, around the ends. */
  stepChannel(by: 1 | -1): void {
    const chosen = this.network.choice(this.asked());
    if (!chosen) return;
    const { channels } = chosen.layer;
    this.onChoose({ channel: channels[(channels.indexOf(chosen.channel) + by + channels.length) % channels.length]! });
  }

  /** To the next (1) or previous (-1) layer. */
  stepLayer(by: 1 | -1): void {
    const { layers } = this.network.meta;
    const chosen = this.network.choice(this.asked());
    const next = chosen && layers[layers.indexOf(chosen.layer) + by];
    if (next) this.choose(next, null);
  }

  private movePlace(columns: number, rows: number): void {
    const chosen = this.network.choice(this.asked());
    if (!chosen) return;
    const [, height = 1, width = 1] = chosen.layer.shape;
    const [x, y] = [chosen.at[0] + columns, chosen.at[1] + rows];
    if (x >= 0 && y >= 0 && x < width && y < height) this.onChoose({ at: [x, y] });
  }

  /** A place stays chosen from layer to layer where the maps have the same size. */
  private choose(layer: NetworkLayer, channel: number | null): void {
    const chosen = this.network.choice(this.asked());
    const keeps = chosen && chosen.layer.shape.slice(1).join() === layer.shape.slice(1).join();
    this.onChoose({ layer: layer.name, channel, at: keeps ? chosen.at : null });
  }

  private choosePlace(): void {
    this.onChoose({ at: [Number(this.columnInput.value), Number(this.rowInput.value)] });
  }

  private showHead({ layer, channel, at }: Look, isKnown: boolean): void {
    this.layerSelect.value = isKnown ? layer.name : "";
    if (this.channelSelect.dataset.layer !== layer.name) {
      this.channelSelect.dataset.layer = layer.name;
      this.channelSelect.replaceChildren(...layer.channels.map((one) => h("option", { value: one }, String(one))));
    }
    this.channelSelect.value = String(channel);
    this.placeFields.hidden = !isMap(layer);
    [this.columnInput, this.rowInput].forEach((input, axis) => {
      input.max = String((layer.shape[2 - axis] ?? 1) - 1);
      input.value = String(at[axis]!);
    });
    this.detail.textContent = [layer.kind, layer.detail, shapeText(layer.shape), layer.part === "model" ? "" : layer.part].filter(Boolean).join(" · ");
  }
}

function placeInput(label: string, onchange: () => void): HTMLInputElement {
  return h("input", { type: "number", min: 0, step: 1, "aria-label": label, onchange });
}

/** What of the network is not shown, and why. */
function leftOut({ meta }: TrainedNetwork): HTMLElement | null {
  if (meta.left_out.length === 0) return null;
  return h(
    "details",
    { class: "acc-more" },
    h("summary", {}, `Not captured: ${count(meta.left_out.length)}`),
    h("ul", { class: "acc-hint" }, ...meta.left_out.map(({ module, reason }) => h("li", {}, h("code", {}, module || "the model"), `: ${reason}`))),
  );
}
