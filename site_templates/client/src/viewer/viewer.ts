import { syncAddress } from "../shared/address";
import { Busy } from "../shared/busy";
import type { RunChoice } from "../shared/contract";
import { h, provenanceLine } from "../shared/dom";
import { messageOf } from "../shared/failure";
import { count, plural } from "../shared/format";
import type { Maps } from "../shared/maps";
import { Store } from "../shared/store";
import { onThemeChange, type PageColors, readPageColors } from "../shared/theme";
import { carryView, isOfData } from "./branch_links";
import { classLabels } from "./class_labels";
import { classesOf, tintsOf } from "./coloring";
import { FocusCard, HoverCard } from "./details";
import { edgesOf, extentRadii } from "./edges";
import { FOCUSED } from "./focus_set";
import { frameViewer } from "./frame";
import { listenToGestures, PICK_REACH, type Tool } from "./gestures";
import { createHelp } from "./help";
import { listenToKeys, viewerKeys } from "./keys";
import { Layout, timeOfStep } from "./layout";
import { Legend } from "./legend";
import { MixtureView } from "./mixture_view";
import { Navigation } from "./navigation";
import { Panel } from "./panel";
import { PointSets } from "./point_sets";
import { bringSnapshot, loadNeighbors, loadProjection, loadRun, nearestSnapshot, type Neighbors, type RunData, type Shown } from "./run_data";
import { Search, searchable, type Suggestion } from "./search";
import { ShownGround } from "./shown_ground";
import { Stage } from "./stage";
import { validFor } from "./start_state";
import { decodeState, encodeState, type ViewerState } from "./state";
import { Timeline } from "./timeline";
import { Toolbar } from "./toolbar";
import { Tray } from "./tray";

const AFTER_FIRST_FRAME = 50; // ms
const MOVE_TIME = 900; // ms of an animated change between layouts
const MOST_WITH_EDGES = 2 * FOCUSED; // points of a set that is shown alone, whose edges are all drawn

/** The latent viewer: the state in one store, the parts that draw it, and the wiring between them. */
export class LatentViewer {
  readonly element: HTMLElement;
  readonly stage = new Stage();
  readonly store: Store<ViewerState>;
  /** While what the state asks for is loading. */
  readonly busy = new Busy((isBusy) => this.element.setAttribute("aria-busy", String(isBusy)));
  private readonly layout: Layout;
  private readonly navigation: Navigation;
  private readonly sets: PointSets;
  private readonly ground: ShownGround;
  private readonly timeline = new Timeline((step) => this.store.set({ step }));
  private readonly legend = new Legend((hidden) => this.store.set({ hidden }));
  private readonly hoverCard = new HoverCard();
  private readonly focusCard = new FocusCard((focus) => this.focus(focus));
  private readonly tray = new Tray((focus) => this.focus(focus), () => this.store.set({ selection: [], only: false }));
  private readonly search = new Search(() => searchable(this.shown.run), (suggestion) => this.choose(suggestion));
  private readonly mixture: MixtureView;
  private readonly toolbar: Toolbar;
  private readonly panel: Panel;
  private readonly status = h("p", { class: "acc-status", role: "status" });
  private readonly drawnNote = h("span");
  private readonly captionText = h("span");
  private readonly caption = h("p", { class: "acc-stage-caption" }, this.captionText, this.drawnNote);
  private readonly provenance = h("div", { class: "acc-viewer-foot" });
  private readonly help = createHelp();
  private readonly saveAddress: () => void;
  private colors: PageColors = readPageColors();
  private tool: Tool = "move";
  private request = 0;
  /** Index of the snapshot whose classes are named. */
  private snapshot = -1;

  /** `base` is the state of an address without a fragment, `initial` that of `shown`. */
  constructor(
    private readonly runs: readonly RunChoice[],
    private readonly maps: Maps,
    private readonly base: ViewerState,
    initial: ViewerState,
    private shown: Shown,
  ) {
    this.store = new Store(initial);
    this.mixture = new MixtureView(
      maps,
      { part: (part) => this.lookAt(part), focus: (index) => this.focus(index) },
      (error) => this.say(messageOf(error), true),
    );
    this.panel = new Panel(
      runs,
      maps,
      { search: this.search.element, legend: this.legend.element, focus: this.focusCard.element },
      { set: (patch) => this.store.set(patch), only: (set) => this.sets.showOnly(set) },
    );
    const now = () => ({ shown: this.shown, state: this.store.get(), theme: this.colors.theme });
    this.ground = new ShownGround(maps, this.stage, this.panel, now, (error) => this.say(messageOf(error), true));
    this.layout = new Layout(shown.projection, initial.step, (blend) => {
      this.stage.cloud.setBlend(blend);
      this.stage.redraw();
    });
    this.sets = new PointSets(this.store, this.stage, this.layout, () => this.shown);
    this.navigation = new Navigation(
      this.stage,
      () => this.store.get().dimensions,
      (camera) => this.store.set({ camera }),
    );
    this.toolbar = new Toolbar({
      tool: (tool) => this.setTool(tool),
      zoom: (factor) => this.navigation.zoom(factor),
      home: () => this.store.set({ camera: null }),
      help: () => this.help.open(),
    });
    this.stage.onDrawn = (drawn, total) => this.sayDrawn(drawn, total);
    this.stage.onResize = () => {
      if (!this.store.get().camera) this.navigation.refit();
    };
    this.element = frameViewer({
      stage: this.stage.element,
      above: [this.caption, this.toolbar.element, this.hoverCard.element, this.status],
      timeline: this.timeline.element,
      below: [this.panel.below, this.mixture.element],
      tray: this.tray.element,
      panel: this.panel.element,
      provenance: this.provenance,
      help: this.help.element,
    });
    this.saveAddress = syncAddress(
      () => encodeState(this.store.get(), this.base),
      (fragment) => this.store.set({ ...this.base, ...this.read(fragment) }),
      (fragment) => carryView(fragment, this.store.get().run, this.shown.run.meta.dataset),
    );
    this.store.subscribe((state, changed) => this.follow(state, changed));
    this.setTool("move");
    this.showRun();
    this.stage.cloud.setBlend(this.layout.current());
    this.listen();
    this.store.set(this.read(window.location.hash));
    void this.busy.during(this.bringEarlier());
    this.saveAddress();
  }

  /** Number of points. */
  get count(): number {
    return this.shown.run.count;
  }

  /** The state of an address, without what this page does not have. */
  private read(fragment: string): Partial<ViewerState> {
    const { run } = this.shown;
    const state = validFor(run, this.maps, decodeState(fragment));
    if (!this.runs.some(({ key }) => key === state.run)) delete state.run;
    return isOfData(fragment, run.meta.dataset) ? state : { ...state, focus: null, selection: [] };
  }

  // ---- from the state to the screen

  private follow(state: ViewerState, changed: ReadonlySet<keyof ViewerState>): void {
    const has = (...keys: Array<keyof ViewerState>) => keys.some((key) => changed.has(key));
    this.saveAddress();
    if (has("camera")) this.navigation.show(state.camera);
    if (changed.size === 1 && has("camera")) return; // many times a second while the reader moves it
    if (has("run", "method", "dimensions")) void this.busy.during(this.load(state, has("run"), has("dimensions") && !state.camera));
    else if (has("step")) this.showStep(state.step);
    if (has("step")) this.timeline.update(this.shown.projection.steps, state.step);
    if (has("color") && !has("filterBy") && state.color !== state.filterBy && classesOf(this.shown.run, state.color)) {
      this.store.set({ filterBy: state.color, hidden: [] }); // the legend filters the classes that it shows
      state = this.store.get(); // what else changed with the colour still has to be drawn
    }
    if (has("marks", "size", "dimensions", "only") || (state.only && has("selection"))) this.applyLook();
    if (has("color", "hidden", "filterBy", "focus", "selection", "only")) this.applyTints();
    if (has("color", "hidden", "marks", "only")) this.applyClassLabels();
    if (has("color", "hidden", "filterBy")) this.legend.update(this.shown.run, state, this.colors.theme);
    if (has("selection")) this.tray.update(this.shown.run, state.selection, this.colors.theme);
    if (has("focus")) this.applyFocus();
    else if (has("edges", "extent", "only", "selection")) this.applyEdges();
    if (has("focus", "step", "only")) void this.busy.during(this.bringNeighbors());
    if (has("step") && !this.shown.run.knows(state.step)) void this.busy.during(this.bringFacts());
    if (has("run", "method", "dimensions", "ground")) void this.busy.during(this.ground.bring());
    else if (has("opacity", "step")) this.ground.draw();
    if (has("color", "focus", "part", "step")) this.updateMixture();
    this.panel.update(this.shown.run, state);
  }

  /** Brings the run and projection that the state asks for; of several requests the last one counts. */
  private async load(state: ViewerState, isNewRun: boolean, refit: boolean): Promise<void> {
    const request = ++this.request;
    if (this.isShown(state)) return; // back from a choice that could not be loaded
    this.say("");
    const slow = setTimeout(() => this.say("Loading…"), 150);
    try {
      const [run, projection] = await Promise.all([isNewRun ? loadRun(state.run) : this.shown.run, loadProjection(state.run, state)]);
      await bringSnapshot(run, projection, state.step);
      if (request !== this.request) return;
      this.timeline.pause();
      this.shown = { run: run.at(state.step), projection, neighbors: isNewRun ? null : this.shown.neighbors };
      const { camera } = this.stage;
      const turn = refit ? this.navigation.follow(camera.home(state.dimensions)) : () => {};
      this.layout.moveTo(projection, this.store.get().step, isNewRun && !this.sameData(run) ? 0 : MOVE_TIME, turn);
      if (isNewRun) this.showRun();
      this.applyLook();
      this.applyClassLabels();
      this.applyEdges();
      void this.busy.during(this.ground.bring());
      if (isNewRun) void this.busy.during(this.bringNeighbors());
      void this.busy.during(this.bringEarlier());
      this.refreshCaption();
      this.say("");
    } catch (error) {
      if (request !== this.request) return;
      this.say(messageOf(error), true);
      this.store.set({ run: this.shown.run.key, ...this.shown.projection.kind });
    } finally {
      clearTimeout(slow);
    }
  }

  /** Moves the points to `step`, and shows the facts of the snapshot next to it. */
  private showStep(step: number): void {
    this.layout.showStep(step);
    this.applyLook();
    this.showFacts(step);
  }

  /** Shows the facts of the snapshot next to `step`, or next to that of those that are there. */
  private showFacts(step: number): void {
    const { run, projection } = this.shown;
    const snapshot = nearestSnapshot(step, projection.steps);
    if (snapshot === this.snapshot && run.at(step) === run) return; // many times a second while the slider moves
    this.shown = { ...this.shown, run: run.at(step) };
    this.applyFacts();
    this.applyClassLabels();
    this.applyEdges();
  }

  /** The neighbours at the snapshot that is shown, where they are; those of another one stay until they are there. */
  private async bringNeighbors(): Promise<void> {
    const { focus, step, only } = this.store.get();
    const { run } = this.shown;
    if (focus === null && !only) return;
    const isNew = (found: Neighbors | null) =>
      run.key === this.shown.run.key && step === this.store.get().step && found?.step !== this.shown.neighbors?.step;
    await this.bring(loadNeighbors(run, step), isNew, (neighbors) => {
      this.shown = { ...this.shown, neighbors };
      this.applyTints();
      this.applyFocus();
    });
  }

  private isShown({ run, method, dimensions }: ViewerState): boolean {
    const { kind } = this.shown.projection;
    return run === this.shown.run.key && method === kind.method && dimensions === kind.dimensions;
  }

  /** Whether the points of `run` are those that the graphics card has now. */
  private sameData(run: RunData): boolean {
    return run.pictures === this.pictures;
  }
  private pictures: RunData["pictures"] | null = null;

  /** Draws everything that depends on the run. */
  private showRun(): void {
    const { run } = this.shown;
    if (!this.sameData(run)) void this.busy.during(this.bringPictures(run));
    this.pictures = run.pictures;
    const { focus = null, color = "label", selection = [], filterBy = "label", only = false, ground = "" } = validFor(run, this.maps, this.store.get());
    this.store.set({ focus, color, selection, filterBy, only, ground });
    void this.busy.during(this.ground.bring());
    this.provenance.replaceChildren(provenanceLine(run.meta.provenance) ?? "");
    this.applyColors();
  }

  /** Brings what the first frame does without: facts, and where the points were before. */
  private async bringEarlier(): Promise<void> {
    const { projection } = this.shown;
    await new Promise((resolve) => setTimeout(resolve, AFTER_FIRST_FRAME));
    await this.bringFacts();
    await this.bring(projection.bringEarlier(), () => projection === this.shown.projection, () => {
      const { step } = this.store.get();
      if (step === projection.steps.at(-1)) return;
      this.snapshot = -1;
      this.showStep(step);
    });
  }

  /** Until they are there, the facts of another snapshot are told, as its own. */
  private async bringFacts(): Promise<void> {
    const { run } = this.shown;
    const isWanted = () => run.key === this.shown.run.key;
    await this.bring(run.bringFacts(this.store.get().step), isWanted, () => this.showFacts(this.store.get().step));
  }

  /** Points are dots until their pictures are there: those of many take longer than all else. */
  private async bringPictures({ pictures, count }: RunData): Promise<void> {
    this.stage.cloud.setPoints(count);
    if (pictures.isTooLarge) return; // the caption says so
    await this.bring(pictures.decoded, () => pictures === this.pictures, () => {
      this.stage.cloud.setPictures(pictures, this.stage.maxTexture());
      this.applyLook();
    });
  }

  /** Draws what is coming once it is there, if it is still wanted. */
  private async bring<T>(coming: Promise<T>, isWanted: (found: T) => boolean, draw: (found: T) => void): Promise<void> {
    try {
      const found = await coming;
      if (isWanted(found)) draw(found);
    } catch (error) {
      this.say(messageOf(error), true);
    }
  }

  /** Draws everything that depends on the page's colours. */
  private applyColors(): void {
    const state = this.store.get();
    this.colors = readPageColors();
    this.stage.setColors(this.colors);
    this.applyLook();
    this.applyFacts();
    this.applyClassLabels();
    this.panel.update(this.shown.run, state);
    this.ground.draw();
    this.refreshCaption();
  }

  /** Draws everything that depends on predictions, errors and activations. */
  private applyFacts(): void {
    const state = this.store.get();
    this.applyTints();
    this.applyFocus();
    this.legend.update(this.shown.run, state, this.colors.theme);
    this.tray.update(this.shown.run, state.selection, this.colors.theme);
    this.updateMixture();
  }

  private applyLook(): void {
    const { marks, size, dimensions, step, only, selection } = this.store.get();
    const { layer, steps } = this.shown.projection;
    const time = timeOfStep(step, steps);
    const [before, after] = [layer(Math.floor(time)).spacing, layer(Math.ceil(time)).spacing];
    const spacing = before + (after - before) * (time - Math.floor(time));
    this.stage.cloud.setLook({ marks, size, dimensions, surface: this.colors.surface, spacing, shown: only ? selection.length : this.count });
    this.stage.redraw();
  }

  private applyTints(): void {
    const state = this.store.get();
    const edges = edgesOf(this.shown.neighbors, state.focus);
    const strong = new Set(state.focus === null ? [] : [state.focus, ...edges.map(({ to }) => to)]);
    this.stage.setTints(tintsOf(this.shown.run, state, this.colors.theme, strong), state.focus);
  }

  private applyFocus(): void {
    const { focus } = this.store.get();
    this.focusCard.update(this.shown.run, focus, this.shown.neighbors, this.colors.theme);
    this.stage.overlay.focus = focus;
    this.applyEdges();
  }

  /** Edges and extents of the focused point, and of all points of a set that is shown alone. */
  private applyEdges(): void {
    const { focus, only, selection, edges, extent, step } = this.store.get();
    const { neighbors, projection } = this.shown;
    const set = only && selection.length <= MOST_WITH_EDGES ? selection.filter((index) => index !== focus) : [];
    const points = edges === "none" || !neighbors ? [] : focus === null ? set : [...set, focus];
    const isGated = edges === "extent" && neighbors !== null;
    const radii = isGated ? extentRadii(neighbors, projection.layer(nearestSnapshot(step, projection.steps)).points) : null;
    const reach = (index: number) => (radii ? radii[index]! * extent : Number.POSITIVE_INFINITY);
    this.stage.overlay.edges = points.flatMap((index) => edgesOf(neighbors, index, reach(index)));
    this.stage.overlay.extent = radii && reach;
    this.stage.redraw();
  }

  private updateMixture(): void {
    void this.busy.during(this.mixture.update(this.shown.run, this.store.get(), this.colors.theme));
  }

  /** Names the classes where their points are dense; pictures need no names. */
  private applyClassLabels(): void {
    const { run, projection } = this.shown;
    const { color, hidden, marks, step, only } = this.store.get();
    this.snapshot = nearestSnapshot(step, projection.steps);
    const classes = color === "outcome" || marks === "pictures" || only ? null : classesOf(run, color);
    this.stage.overlay.labels = classes ? classLabels(classes, projection.layer(this.snapshot).points, hidden) : [];
    this.stage.refresh();
  }

  private refreshCaption(): void {
    const { run, projection } = this.shown;
    const { method, dimensions } = projection.kind;
    this.timeline.update(projection.steps, this.store.get().step);
    this.captionText.textContent = `${plural(run.count, "test picture")}${run.pictures.isTooLarge ? ", too many to show" : ""} · ${this.maps.wordsOf(method).title} ${dimensions}-D · ${run.meta.node}, seed ${run.meta.seed}`;
  }

  /** Says when a frame has no time for all points; nothing else counts fewer of them. */
  private sayDrawn(drawn: number, total: number): void {
    const text = drawn < total ? ` · ${count(drawn)} of ${count(total)} drawn` : "";
    if (this.drawnNote.textContent !== text) this.drawnNote.textContent = text;
  }

  private say(text: string, isError = false): void {
    this.status.textContent = text;
    this.status.classList.toggle("acc-status-error", isError);
  }

  // ---- from the reader to the state

  private focus(index: number | null): void {
    this.store.set({ focus: index });
    if (index === null) return;
    const { x, y } = this.stage.placed(index);
    const isInside = x > 0 && y > 0 && x < this.stage.width && y < this.stage.height;
    if (!isInside) this.flyTo(index);
  }

  /** Looks at a component of the mixture: its samples, and the points by its responsibility. */
  private lookAt(part: number | null): void {
    const { colorings } = this.shown.run;
    const color = part === null ? "mixture:component" : `mixture:q${part}`;
    this.store.set({ part, ...(colorings.some(({ id }) => id === color) ? { color } : {}) });
  }

  private flyTo(index: number): void {
    const positions = this.layout.positions();
    this.navigation.flyTo([positions[index * 3]!, positions[index * 3 + 1]!, positions[index * 3 + 2]!]);
  }

  private choose({ indices }: Suggestion): void {
    const [first] = indices;
    if (indices.length !== 1 || first === undefined) this.store.set({ selection: indices, focus: null });
    else {
      this.store.set({ focus: first, hidden: [] });
      this.flyTo(first);
    }
  }

  private hover(x: number, y: number): void {
    const index = this.stage.isPartial ? null : this.stage.pick(x, y, PICK_REACH.mouse); // of many, once the view rests
    this.stage.element.classList.toggle("acc-over-point", index !== null);
    if (index === null) this.hoverCard.hide();
    else this.hoverCard.show(this.shown.run, index, this.store.get().color, x, y, this.stage);
    if (this.stage.overlay.hover === index) return;
    this.stage.overlay.hover = index;
    this.stage.refresh();
  }

  private leave(): void {
    this.hoverCard.hide();
    this.stage.overlay.hover = null;
    this.stage.refresh();
  }

  private escape(): void {
    const { focus, selection, only } = this.store.get();
    if (focus !== null) this.store.set({ focus: null });
    else if (only) this.sets.showOnly(null);
    else if (selection.length > 0) this.store.set({ selection: [] });
    else this.setTool("move");
  }

  private setTool(tool: Tool): void {
    this.tool = tool;
    this.stage.element.dataset.tool = tool;
    this.toolbar.update(tool);
  }

  private nextMethod(): void {
    const { method, dimensions } = this.store.get();
    const methods = this.maps.ofRun(this.shown.run.key).filter((kind) => kind.dimensions === dimensions).map((kind) => kind.method);
    this.store.set({ method: methods[(methods.indexOf(method) + 1) % methods.length] ?? method });
  }

  private nextColoring(): void {
    const { colorings } = this.shown.run;
    const index = colorings.findIndex(({ id }) => id === this.store.get().color);
    this.store.set({ color: colorings[(index + 1) % colorings.length]!.id });
  }

  private nearest(): void {
    const [next] = edgesOf(this.shown.neighbors, this.store.get().focus);
    if (next) this.focus(next.to);
  }

  // ---- wiring

  private listen(): void {
    const { navigation } = this;
    listenToGestures(this.stage.element, {
      tool: () => this.tool,
      pan: (dx, dy) => navigation.pan(dx, dy),
      drag: (dx, dy) => navigation.drag(dx, dy),
      zoom: (factor, x, y) => navigation.zoom(factor, x, y),
      hover: (x, y) => this.hover(x, y),
      leave: () => this.leave(),
      click: (x, y, touch) => this.store.set({ focus: this.stage.pick(x, y, touch ? PICK_REACH.touch : PICK_REACH.mouse) }),
      doubleClick: (x, y) => navigation.zoom(1.8, x, y),
      path: (path) => {
        this.stage.overlay.path = path;
        this.stage.refresh();
      },
      select: (path, add) => this.sets.select(path, add),
    });
    const keys = viewerKeys({
      store: this.store,
      navigation,
      setTool: (tool) => this.setTool(tool),
      jump: (by) => this.timeline.jump(by),
      play: () => this.timeline.toggle(),
      nextMethod: () => this.nextMethod(),
      nextColoring: () => this.nextColoring(),
      nextGround: () => this.store.set({ ground: this.ground.after(this.store.get().ground) }),
      only: () => this.sets.toggleOnly(),
      nearest: () => this.nearest(),
      search: () => this.search.input.focus(),
      help: () => this.help.open(),
      escape: () => this.escape(),
    });
    listenToKeys(this.element, keys);
    onThemeChange(() => requestAnimationFrame(() => this.applyColors()));
  }
}
