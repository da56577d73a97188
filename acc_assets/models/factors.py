"""Named groups of latent dimensions."""

from __future__ import annotations

from collections.abc import Sequence

from acc_assets.tree.config import Name, Natural, config


@config(kw_only=False)
class FactorGroup:
    """The half-open slice [start, stop) of the latent that belongs to one named factor.

    >>> FactorGroup("digit", 0, 4).size
    4
    """

    name: Name
    start: Natural
    stop: Natural

    def __post_init__(self) -> None:
        if self.start >= self.stop:
            raise ValueError(f"the slice is [{self.start}, {self.stop}); allowed is 0 <= start < stop")

    @property
    def size(self) -> int:
        """Number of latent dimensions in the group."""
        return self.stop - self.start


def check_factor_groups(groups: Sequence[FactorGroup], latent_dim: int, *, cover: bool) -> None:
    """Raise ValueError unless names are unique and slices disjoint, in order and inside the latent.

    With `cover` the groups must also leave no dimension unnamed.
    """
    for group in groups:
        if not isinstance(group, FactorGroup):
            raise ValueError(f"factor_groups holds {group!r}: write FactorGroup(name, start, stop)")
    names = [group.name for group in groups]
    if len(set(names)) != len(names):
        raise ValueError(f"factor_groups repeats a name in {names}: give each group a name of its own")
    position = 0
    for group in groups:
        if group.start < position or (cover and group.start != position):
            raise ValueError(
                f"factor group {group.name!r} starts at {group.start}, but the group before it stops at "
                f"{position}: list the groups in order, without overlap{' or gap' if cover else ''}"
            )
        position = group.stop
    if position > latent_dim:
        raise ValueError(
            f"factor group {names[-1]!r} stops at {position}, but latent_dim is {latent_dim}: "
            "shorten the group or enlarge latent_dim"
        )
