/**
 * Runs one job at a time and keeps only the newest of those that wait.
 *
 * A slider makes requests faster than a model answers. Jobs that were overtaken while they waited never run
 * (`run` resolves to undefined), so answers arrive in order and an old one never overwrites a newer one.
 */
export class LatestOnly {
  private running = false;
  private waiting: { start: () => Promise<void>; drop: () => void } | null = null;

  run<T>(job: () => Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const start = () => job().then(resolve, reject);
      this.waiting?.drop();
      this.waiting = { start, drop: () => resolve(undefined) };
      if (!this.running) void this.drain();
    });
  }

  private async drain(): Promise<void> {
    this.running = true;
    while (this.waiting) {
      const { start } = this.waiting;
      this.waiting = null;
      await start();
    }
    this.running = false;
  }
}
