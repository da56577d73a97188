/** Whether the reader asked for no animation. */
export function prefersReducedMotion(): boolean {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Settles when the browser is about to draw. */
export function nextFrame(): Promise<unknown> {
  return new Promise(requestAnimationFrame);
}

/** Starts slowly, ends slowly. */
export function ease(t: number): number {
  return t < 0.5 ? 4 * t * t * t : 1 - (-2 * t + 2) ** 3 / 2;
}

/**
 * Calls `onFrame` with progress 0..1 over `duration` ms, and returns a function that stops it.
 * Where the reader asked for no animation it calls `onFrame(1)` at once.
 */
export function animate(duration: number, onFrame: (progress: number) => void): () => void {
  if (duration <= 0 || prefersReducedMotion()) {
    onFrame(1);
    return () => {};
  }
  let request = 0;
  const start = performance.now();
  const step = (now: number) => {
    const progress = Math.min(1, Math.max(0, (now - start) / duration));
    if (progress < 1) request = requestAnimationFrame(step);
    onFrame(progress);
  };
  request = requestAnimationFrame(step);
  return () => cancelAnimationFrame(request);
}

/**
 * Plays a time from `from` to `to`, `interval` ms for each unit, and returns a function that stops it.
 * Where the reader asked for no animation it goes in whole units, as a slide show does.
 */
export function play(from: number, to: number, interval: number, onTime: (time: number) => void, onEnd: () => void): () => void {
  if (prefersReducedMotion()) {
    let next = from === 0 ? 0 : Math.floor(from) + 1;
    const timer = setInterval(() => {
      onTime(Math.min(to, next++));
      if (next > to) onEnd();
    }, interval);
    return () => clearInterval(timer);
  }
  return animate((to - from) * interval, (progress) => {
    onTime(from + (to - from) * progress);
    if (progress >= 1) onEnd();
  });
}
