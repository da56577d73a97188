/** Carries out what it is given one after the other, in order; a job that fails does not hold up the next. */
export function oneByOne(): <T>(job: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (job) => {
    const own = last.then(job);
    last = own.catch(() => {});
    return own;
  };
}
