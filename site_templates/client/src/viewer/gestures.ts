/** Turns pointer, wheel and touch events into gestures; tells a drag from a click. All positions in CSS pixels of the element. */

export type Tool = "move" | "lasso" | "box";

export interface GestureHandlers {
  tool: () => Tool;
  pan: (dx: number, dy: number) => void;
  /** The main drag of the view: a pan in two dimensions, an orbit in three. */
  drag: (dx: number, dy: number) => void;
  zoom: (factor: number, x: number, y: number) => void;
  hover: (x: number, y: number) => void;
  leave: () => void;
  click: (x: number, y: number, touch: boolean) => void;
  doubleClick: (x: number, y: number) => void;
  /** The path of a lasso or box so far; empty when it was given up. */
  path: (path: readonly number[]) => void;
  /** A finished path; `add` when it adds to the selection. */
  select: (path: readonly number[], add: boolean) => void;
}

/** How far from the cursor a point is still picked, in CSS pixels. */
export const PICK_REACH = { mouse: 10, touch: 22 } as const;

const DRAG_STARTS_AT = { mouse: 4, pen: 6, touch: 9 } as const; // CSS pixels

interface Pointer {
  x: number;
  y: number;
}

export function listenToGestures(element: HTMLElement, on: GestureHandlers): void {
  const pointers = new Map<number, Pointer>();
  let start: Pointer = { x: 0, y: 0 };
  let mode: "idle" | "pressed" | "drag" | "pan" | "path" | "pinch" = "idle";
  let path: number[] = [];
  let tool: Tool = "move";

  const place = (event: MouseEvent): Pointer => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const threshold = (event: PointerEvent) =>
    DRAG_STARTS_AT[event.pointerType as keyof typeof DRAG_STARTS_AT] ?? DRAG_STARTS_AT.mouse;
  const rectangle = (a: Pointer, b: Pointer) => [a.x, a.y, b.x, a.y, b.x, b.y, a.x, b.y];

  const giveUpPath = () => {
    path = [];
    on.path(path);
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button > 2) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    if (pointers.size === 2) {
      if (mode === "path") giveUpPath();
      mode = "pinch";
      return;
    }
    start = place(event);
    mode = "pressed";
    tool = event.shiftKey && on.tool() === "move" ? "lasso" : on.tool();
    path = [start.x, start.y];
  });

  element.addEventListener("pointermove", (event) => {
    const now = place(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") on.hover(now.x, now.y);
      return;
    }
    if (mode === "pinch") {
      pinch(event.pointerId, now);
      return;
    }
    if (mode === "pressed" && Math.hypot(now.x - start.x, now.y - start.y) >= threshold(event)) {
      mode = (event.buttons & 1) === 0 ? "pan" : tool === "move" ? "drag" : "path";
      on.leave();
    }
    if (mode === "drag") on.drag(now.x - before.x, now.y - before.y);
    if (mode === "pan") on.pan(now.x - before.x, now.y - before.y);
    if (mode === "path") {
      if (tool === "box") path = rectangle(start, now);
      else path.push(now.x, now.y);
      on.path(path);
    }
    if (mode !== "pressed") pointers.set(event.pointerId, now);
  });

  /** Two fingers: their middle pans, their distance zooms. */
  function pinch(id: number, now: Pointer): void {
    const before = [...pointers.values()];
    pointers.set(id, now);
    const after = [...pointers.values()];
    const middle = (pair: Pointer[]) => ({ x: (pair[0]!.x + pair[1]!.x) / 2, y: (pair[0]!.y + pair[1]!.y) / 2 });
    const spread = (pair: Pointer[]) => Math.max(10, Math.hypot(pair[0]!.x - pair[1]!.x, pair[0]!.y - pair[1]!.y));
    const [from, to] = [middle(before), middle(after)];
    on.pan(to.x - from.x, to.y - from.y);
    on.zoom(spread(after) / spread(before), to.x, to.y);
  }

  const end = (event: PointerEvent) => {
    if (!pointers.delete(event.pointerId)) return;
    if (pointers.size > 0) {
      mode = "idle"; // the finger that stays does nothing until it is lifted
      return;
    }
    const done = mode;
    mode = "idle";
    if (event.type === "pointercancel") {
      if (done === "path") giveUpPath();
      return;
    }
    const now = place(event);
    if (done === "pressed") on.click(now.x, now.y, event.pointerType === "touch");
    if (done === "path") {
      const finished = path;
      giveUpPath();
      on.select(finished, event.shiftKey && on.tool() !== "move");
    }
  };
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
  element.addEventListener("pointerleave", () => on.leave());
  element.addEventListener("contextmenu", (event) => event.preventDefault());
  element.addEventListener("dblclick", (event) => {
    const { x, y } = place(event);
    on.doubleClick(x, y);
  });
  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      const speed = event.ctrlKey ? 0.01 : 0.0016; // a pinch on a touchpad arrives as ctrl + wheel
      const { x, y } = place(event);
      on.zoom(Math.exp(-event.deltaY * lines * speed), x, y);
    },
    { passive: false },
  );
}
