/** Counts what is under way; `onChange` hears when the first of it begins and when the last of it has ended. */
export class Busy {
  private jobs = 0;

  constructor(private readonly onChange: (isBusy: boolean) => void) {}

  get isBusy(): boolean {
    return this.jobs > 0;
  }

  /** Counts a job until it settles; settles as it does. */
  async during<T>(job: Promise<T>): Promise<T> {
    if (this.jobs++ === 0) this.onChange(true);
    try {
      return await job;
    } finally {
      if (--this.jobs === 0) this.onChange(false);
    }
  }
}
