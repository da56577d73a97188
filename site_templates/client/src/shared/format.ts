/** A number with three significant digits, as people write it: 0.00123, 1.23, 12.3, 1,234. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  if (size > 0 && size < 0.0005) return value.toExponential(1).replace("-", "−");
  const digits = size === 0 ? 0 : size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toFixed(digits).replace("-", "−");
}

/** A number with `digits` decimals; what rounds to zero has no sign. */
export function fixed(value: number, digits: number): string {
  return (Number(value.toFixed(digits)) + 0).toFixed(digits).replace("-", "−");
}

/** A count with separators: 10,000. */
export function count(value: number): string {
  return value.toLocaleString("en");
}

/** "1 point", "2 points". */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** A share of 0..1 as whole percent: "83 %". */
export function percent(share: number): string {
  return Number.isFinite(share) ? `${Math.round(share * 100)} %` : "–";
}
