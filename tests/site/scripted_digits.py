"""Twenty digits as a hand would draw them, stroke by stroke: two of each, of different shape, size and place."""

from __future__ import annotations

from math import cos, pi, sin

Point = tuple[float, float]  # in parts of the drawing area, y downwards
Stroke = list[Point]
_STEPS = 14  # points of an arc


def _arc(x: float, y: float, rx: float, ry: float, start: float, stop: float) -> Stroke:
    """Part of an ellipse from `start` to `stop`, in turns clockwise from three o'clock."""
    turns = [start + (stop - start) * i / _STEPS for i in range(_STEPS + 1)]
    return [(x + rx * cos(2 * pi * t), y + ry * sin(2 * pi * t)) for t in turns]


# Drawn in a box of 1 x 1; the second of each is another way to write it.
_SHAPES: dict[int, tuple[list[Stroke], list[Stroke]]] = {
    0: ([_arc(0.5, 0.5, 0.3, 0.5, -0.25, 0.75)], [_arc(0.5, 0.5, 0.36, 0.48, -0.15, 0.87)]),
    1: ([[(0.5, 0.0), (0.5, 1.0)]], [[(0.3, 0.25), (0.55, 0.0), (0.5, 1.0)]]),
    2: (
        [[*_arc(0.48, 0.27, 0.3, 0.27, -0.48, 0.12), (0.2, 1.0), (0.85, 1.0)]],
        [[*_arc(0.45, 0.3, 0.33, 0.3, -0.4, 0.14), (0.3, 0.85), (0.15, 1.0), (0.5, 0.93), (0.9, 1.0)]],
    ),
    3: (
        [[*_arc(0.45, 0.25, 0.3, 0.25, -0.45, 0.22), *_arc(0.45, 0.74, 0.34, 0.26, -0.22, 0.42)]],
        [[(0.15, 0.02), (0.78, 0.02), (0.42, 0.4), *_arc(0.42, 0.7, 0.36, 0.3, -0.22, 0.4)]],
    ),
    4: (
        [[(0.3, 0.0), (0.15, 0.55), (0.85, 0.55)], [(0.68, 0.2), (0.62, 1.0)]],
        [[(0.6, 0.0), (0.1, 0.65), (0.9, 0.65)], [(0.62, 0.0), (0.62, 1.0)]],
    ),
    5: (
        [[(0.8, 0.0), (0.25, 0.0), (0.2, 0.42), *_arc(0.45, 0.68, 0.34, 0.3, -0.36, 0.4)]],
        [
            [(0.28, 0.02), (0.22, 0.45), *_arc(0.42, 0.7, 0.38, 0.29, -0.33, 0.36)],
            [(0.28, 0.02), (0.85, 0.0)],
        ],
    ),
    6: (
        [[(0.68, 0.0), (0.4, 0.25), (0.22, 0.6), *_arc(0.48, 0.74, 0.28, 0.25, 0.45, 1.47)]],
        [[(0.55, 0.0), (0.3, 0.35), (0.2, 0.7), *_arc(0.5, 0.72, 0.3, 0.27, 0.5, 1.5)]],
    ),
    7: (
        [[(0.15, 0.0), (0.85, 0.0), (0.4, 1.0)]],
        [[(0.15, 0.05), (0.85, 0.0), (0.5, 0.5), (0.42, 1.0)], [(0.3, 0.5), (0.75, 0.48)]],
    ),
    8: (
        [
            [
                *_arc(0.5, 0.25, 0.25, 0.25, 0.25, -0.75),
                *_arc(0.5, 0.75, 0.3, 0.25, -0.25, 0.75),
            ]
        ],
        [
            [
                *_arc(0.52, 0.22, 0.24, 0.22, -0.1, -0.75),
                *_arc(0.48, 0.72, 0.3, 0.28, -0.25, 0.75),
                (0.72, 0.12),
            ]
        ],
    ),
    9: (
        [[*_arc(0.48, 0.27, 0.28, 0.27, 0.0, -1.0), (0.72, 0.6), (0.6, 1.0)]],
        [[*_arc(0.5, 0.28, 0.3, 0.26, -0.1, -1.0), (0.8, 1.0)]],
    ),
}

# Where the box lies in the drawing area: left, top, width, height.
_PLACES = ((0.28, 0.2, 0.42, 0.6), (0.36, 0.12, 0.46, 0.7), (0.2, 0.28, 0.4, 0.55), (0.3, 0.15, 0.5, 0.72))


def scripted_digits() -> list[tuple[int, list[Stroke]]]:
    """The digits with their strokes in the drawing area (0..1)."""
    drawn = []
    for digit, variants in _SHAPES.items():
        for kind, strokes in enumerate(variants):
            left, top, width, height = _PLACES[(digit + 2 * kind) % len(_PLACES)]
            drawn.append(
                (digit, [[(left + x * width, top + y * height) for x, y in stroke] for stroke in strokes])
            )
    return drawn
