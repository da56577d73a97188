"""Models that a fork can make larger while they compute what they did, as in Net2Net.

Chen, Goodfellow and Shlens (2016), "Net2Net: Accelerating Learning via Knowledge Transfer": a wider layer has copies of
its units, and what reads a unit divides its weight among the copies; a further layer begins as the identity.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

T = TypeVar("T", bound="Growable")


class Growable:
    """A configuration whose field `grows` holds the widths of the hidden layers, from the image to the latent.

    Its module has one path from the image to the latent, `reads`, and one back, of which the widths are the mirror.
    """

    grows: ClassVar[str]
    reads: ClassVar[Sequence[str]]  # names of the modules on the path to the latent
    deepens: ClassVar[
        bool
    ]  # whether a further layer can begin as the identity: ReLU(x) = x of what a ReLU gave

    def grown(self: T, **fields: Any) -> T:
        """The configuration with larger widths.

        Raises ValueError for other fields, and for widths to which nothing grows from the present ones.
        """
        kind, name = type(self).__name__, self.grows
        if set(fields) != {name}:
            given = ", ".join(sorted(fields)) or "nothing"
            raise ValueError(f"what grows of a {kind} is {name}, and given is {given}")
        larger: T = replace(self, **fields)  # type: ignore[type-var]
        before, after = getattr(self, name), getattr(larger, name)
        told = f"{kind}: {name} is {list(after)} and was {list(before)}"
        if before == after:
            raise ValueError(f"{told}; give larger widths")
        if len(after) != len(before) and not self.deepens:
            raise ValueError(
                f"{told}; each of them halves the image, so that a further one cannot begin as the identity: give as "
                "many, or deepen a FullyConnectedAutoencoder"
            )
        if any(places_of(*path) is None for path in _paths(before, after)):
            raise ValueError(
                f"{told}; no width may shrink, and a further layer is at least as wide as the one that it follows, to "
                "the latent and on the way back"
            )
        return larger

    def grow(
        self,
        larger: Growable,
        modules: tuple[nn.Module, nn.Module],
        weights: dict[str, Tensor],
        noise: float,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """The weights of a module of `larger` that computes what one of this configuration with `weights` does.

        modules: one of each, of which the layers alone are looked at. noise: see `Growth`; 0 keeps the function.
        """
        from acc_assets.models.net2net import grown_weights

        paths = _paths(getattr(self, self.grows), getattr(larger, self.grows))
        return grown_weights(modules, self.reads, list(paths), weights, noise, generator)


def places_of(before: Sequence[int], after: Sequence[int]) -> tuple[int, ...] | None:
    """Where the layers of a path stand among those of a larger one, such that least is widened; None for nowhere.

    The first stays the first; a further layer is at least as wide as the former one that it follows was.

    >>> places_of((256, 128), (256, 256, 128))
    (0, 2)
    """
    ways: dict[int, tuple[int, tuple[int, ...]]] = {}  # by the last former layer: added units, and places
    if after[0] >= before[0]:
        ways[0] = (after[0] - before[0], (0,))
    for place, width in enumerate(after[1:], 1):
        further: dict[int, tuple[int, tuple[int, ...]]] = {}
        for former, (added, places) in ways.items():
            for behind, at in ((former, places), (former + 1, (*places, place))):
                if behind < len(before) and width >= before[behind]:
                    way = (added + width - before[behind], at)
                    further[behind] = min(further.get(behind, way), way)
        ways = further
    found = ways.get(len(before) - 1)
    return found[1] if found is not None else None


def _paths(before: Sequence[int], after: Sequence[int]) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
    """The widths to the latent and back, before and after."""
    yield before, after
    yield before[::-1], after[::-1]
