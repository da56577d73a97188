/** A point on the screen: `depth` grows away from the viewer, `radius` is half its drawn size; both in the caller's units. */
export interface ScreenPoints {
  x: Float32Array;
  y: Float32Array;
  depth: Float32Array;
  radius: Float32Array;
  /** Zero for points that are not drawn. */
  visible: Uint8Array;
}

/** Finds drawn points by position: points sorted into square cells, so that a search looks at a few cells only. */
export class ScreenGrid {
  private readonly columns: number;
  private readonly rows: number;
  private readonly starts: Int32Array; // (cells + 1,) first entry of each cell in `order`
  private readonly order: Int32Array;
  private maxRadius = 0;

  constructor(
    private readonly points: ScreenPoints,
    width: number,
    height: number,
    private readonly cell = 16,
  ) {
    const { x, y, visible, radius } = points;
    this.columns = Math.max(1, Math.ceil(width / cell));
    this.rows = Math.max(1, Math.ceil(height / cell));
    const cells = new Int32Array(x.length).fill(-1);
    this.starts = new Int32Array(this.columns * this.rows + 1);
    for (let i = 0; i < x.length; i++) {
      const column = Math.floor(x[i]! / cell);
      const row = Math.floor(y[i]! / cell);
      if (!visible[i] || column < 0 || row < 0 || column >= this.columns || row >= this.rows) continue;
      cells[i] = row * this.columns + column;
      this.starts[cells[i]! + 1]!++;
      this.maxRadius = Math.max(this.maxRadius, radius[i]!);
    }
    for (let c = 0; c < this.columns * this.rows; c++) this.starts[c + 1]! += this.starts[c]!;
    this.order = new Int32Array(this.starts[this.columns * this.rows]!);
    const next = this.starts.slice(0, -1);
    for (let i = 0; i < x.length; i++) if (cells[i]! >= 0) this.order[next[cells[i]!]!++] = i;
  }

  /**
   * The point under (x, y): of those whose drawing covers it the one in front, else the nearest within `reach`.
   * Returns -1 where there is none.
   */
  pick(x: number, y: number, reach: number): number {
    const { points } = this;
    const span = Math.max(reach, this.maxRadius);
    let covering = -1;
    let nearest = -1;
    let best = reach * reach;
    this.visit(x - span, y - span, x + span, y + span, (i) => {
      const distance = (points.x[i]! - x) ** 2 + (points.y[i]! - y) ** 2;
      if (distance <= points.radius[i]! ** 2 && this.inFront(i, covering, x, y)) covering = i;
      if (distance <= best) {
        best = distance;
        nearest = i;
      }
    });
    return covering >= 0 ? covering : nearest;
  }

  /** The drawn points inside a closed polygon given as [x0, y0, x1, y1, ...], in ascending order. */
  inside(polygon: readonly number[]): number[] {
    if (polygon.length < 6) return [];
    const xs = polygon.filter((_, i) => i % 2 === 0);
    const ys = polygon.filter((_, i) => i % 2 === 1);
    const found: number[] = [];
    this.visit(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), (i) => {
      if (contains(xs, ys, this.points.x[i]!, this.points.y[i]!)) found.push(i);
    });
    return found.sort((a, b) => a - b);
  }

  private inFront(i: number, other: number, x: number, y: number): boolean {
    if (other < 0) return true;
    const { points } = this;
    const step = points.depth[i]! - points.depth[other]!;
    if (Math.abs(step) > 1e-4) return step < 0;
    return (points.x[i]! - x) ** 2 + (points.y[i]! - y) ** 2 < (points.x[other]! - x) ** 2 + (points.y[other]! - y) ** 2;
  }

  private visit(x0: number, y0: number, x1: number, y1: number, each: (i: number) => void): void {
    const clamp = (value: number, size: number) => Math.min(size - 1, Math.max(0, Math.floor(value / this.cell)));
    const first = clamp(x0, this.columns);
    const last = clamp(x1, this.columns);
    for (let row = clamp(y0, this.rows); row <= clamp(y1, this.rows); row++) {
      const end = this.starts[row * this.columns + last + 1]!;
      for (let k = this.starts[row * this.columns + first]!; k < end; k++) each(this.order[k]!);
    }
  }
}

/** Even-odd rule. */
function contains(xs: readonly number[], ys: readonly number[], x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = xs.length - 1; i < xs.length; j = i++) {
    const crosses = ys[i]! > y !== ys[j]! > y;
    if (crosses && x < ((xs[j]! - xs[i]!) * (y - ys[i]!)) / (ys[j]! - ys[i]!) + xs[i]!) inside = !inside;
  }
  return inside;
}
