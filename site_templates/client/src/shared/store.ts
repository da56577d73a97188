/** State in one place; whoever draws it listens. */
export class Store<S extends object> {
  private readonly listeners: Array<(state: S, changed: ReadonlySet<keyof S>) => void> = [];

  constructor(private state: S) {}

  get(): S {
    return this.state;
  }

  /** Sets some values; listeners hear of those that differ, all in one call. */
  set(patch: Partial<S>): void {
    const changed = new Set<keyof S>();
    for (const key of Object.keys(patch) as Array<keyof S>) {
      if (!Object.is(this.state[key], patch[key])) changed.add(key);
    }
    if (changed.size === 0) return;
    this.state = { ...this.state, ...patch };
    for (const listener of this.listeners) listener(this.state, changed);
  }

  subscribe(listener: (state: S, changed: ReadonlySet<keyof S>) => void): void {
    this.listeners.push(listener);
  }
}
