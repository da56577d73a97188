"""The inner loop of UMAP, compiled by numba: cached on disk and run without Python's lock.

A file of its own, because importing it imports numba.
"""

from __future__ import annotations

import numba
import numpy as np

FRACTION_BITS = 16  # of a float32's 31 magnitude bits, those that a table interpolates over
CELLS = 2 ** (31 - FRACTION_BITS)  # 128 cells an octave


def force_tables(a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    """Tabulate attraction and repulsion over the squared distance, two (CELLS + 1,) float32 arrays.

    They are the factors of (x - y) in the gradients of UMAP's two terms, phi = 1 / (1 + a s^b) with s = |x -
    y|^2: -2ab s^(b-1) / (1 + a s^b) and 2b / ((0.001 + s)(1 + a s^b)). The cells are the leading bits of the
    float s; with linear interpolation the relative error is below 2e-5, and a look-up costs half a power.
    """
    bits = np.minimum(np.arange(CELLS + 1, dtype=np.int64) << FRACTION_BITS, 0x7F7FFFFF)
    squared = bits.astype(np.int32).view(np.float32).astype(np.float64)
    # Below the smallest normal float the value depends on whether the process flushes subnormal numbers.
    squared = np.maximum(squared, np.finfo(np.float32).tiny)
    curve = 1.0 + a * squared**b
    pull = -2.0 * a * b * squared ** (b - 1.0) / curve
    push = 2.0 * b / ((0.001 + squared) * curve)
    return pull.astype(np.float32), push.astype(np.float32)


@numba.njit(cache=True, nogil=True, fastmath=True)
def look_up(table: np.ndarray, squared: np.float32) -> np.float32:
    """Read a force from its table by linear interpolation."""
    bits = np.float32(squared).view(np.int32)
    cell = bits >> FRACTION_BITS
    fraction = np.float32(bits & (2**FRACTION_BITS - 1)) * np.float32(2.0**-FRACTION_BITS)
    return table[cell] + fraction * (table[cell + 1] - table[cell])


@numba.njit(cache=True, nogil=True, fastmath=True)
def clip(value: np.float32) -> np.float32:
    """Limit a step to +-4, as UMAP does."""
    return min(max(value, np.float32(-4.0)), np.float32(4.0))


@numba.njit(cache=True, nogil=True, fastmath=True)
def run_epoch(
    coords: np.ndarray,  # (N, d) float32, changed in place
    heads: np.ndarray,  # (E,) int32
    tails: np.ndarray,  # (E,) int32
    period: np.ndarray,  # (E,) float32: epochs between two samples of an edge
    due: np.ndarray,  # (E,) float32: epoch at which an edge is sampled next, changed
    negative_due: np.ndarray,  # (E,) float32, changed
    random_state: np.ndarray,  # (N,) uint64, not zero, changed
    epoch: int,
    rate: np.float32,
    pull: np.ndarray,  # tables of force_tables
    push: np.ndarray,
    negatives: np.float32,
) -> None:
    """Do one epoch of attraction along due edges and repulsion from random points.

    McInnes, Healy and Melville (2018), "UMAP", algorithm 5. Sequential, so that one seed gives one result.
    """
    n, dim = coords.shape
    tiny = np.float32(1e-12)
    for edge in range(heads.shape[0]):
        if due[edge] > epoch:
            continue
        i, j = heads[edge], tails[edge]
        squared = tiny
        for d in range(dim):
            squared += (coords[i, d] - coords[j, d]) ** 2
        force = look_up(pull, squared)
        for d in range(dim):
            step = rate * clip(force * (coords[i, d] - coords[j, d]))
            coords[i, d] += step
            coords[j, d] -= step
        due[edge] += period[edge]

        repulsions = int((epoch - negative_due[edge]) * negatives / period[edge])
        state = random_state[i]
        for _ in range(repulsions):
            state ^= state << np.uint64(13)  # Marsaglia (2003), xorshift64
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            other = np.int64(((state >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))
            squared = tiny
            for d in range(dim):
                squared += (coords[i, d] - coords[other, d]) ** 2
            force = look_up(push, squared)
            for d in range(dim):
                coords[i, d] += rate * clip(force * (coords[i, d] - coords[other, d]))
        random_state[i] = state
        negative_due[edge] += repulsions * period[edge] / negatives
