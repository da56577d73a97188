/** How a point is drawn; the fourth byte of its colour. */
export const EMPHASIS = { normal: 0, hidden: 85, faded: 170, strong: 255 } as const;
