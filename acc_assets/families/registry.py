"""Which analyses a node gets, in the order in which they are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from acc_assets.families.acquisition import Acquisition
from acc_assets.families.attention import Attention
from acc_assets.families.base import Family
from acc_assets.families.checkpoints import CHECKPOINTS
from acc_assets.families.density import Density
from acc_assets.families.distortion import Distortion
from acc_assets.families.interactive import Interactive
from acc_assets.families.latents import Latents
from acc_assets.families.likelihood import Likelihood
from acc_assets.families.manifold import Manifold
from acc_assets.families.metrics import Metrics
from acc_assets.families.mixture import Mixture
from acc_assets.families.neighbors import Neighbors
from acc_assets.families.network import Network
from acc_assets.families.onnx import Onnx
from acc_assets.families.oracle import Oracle
from acc_assets.families.outliers import Outliers
from acc_assets.families.projections import Projection
from acc_assets.families.reconstructions import Reconstructions
from acc_assets.families.report import Report
from acc_assets.families.samples import Samples
from acc_assets.families.sorted_images import SortedImages
from acc_assets.families.traversals import Traversals
from acc_assets.tree import RESERVED_TAGS, Analysis, RecipeError, Tree, TreeNode

# In the order in which pages show them.
STANDARD: tuple[Analysis, ...] = (
    Latents(),
    Metrics(),
    Reconstructions(),
    Projection(),
    Mixture(),
    Attention(),
    Traversals(),
    SortedImages(),
    Neighbors(),
    Network(),
    Onnx(),
    Report(),
)
ANALYSES: Mapping[str, type[Analysis]] = {
    **{request.name: type(request) for request in STANDARD},
    Manifold.name: Manifold,
    Interactive.name: Interactive,
    Density.name: Density,
    Distortion.name: Distortion,
    Samples.name: Samples,
    Acquisition.name: Acquisition,
    Likelihood.name: Likelihood,
    Oracle.name: Oracle,
    Outliers.name: Outliers,
}


def analyses_of(node: TreeNode) -> tuple[Analysis, ...]:
    """The analyses of a node: those that the recipe asks for, and those whose artifacts these read.

    Raises `ValueError` for one that reads the artifacts of an analysis that nobody knows.
    """
    if not node.evaluated:
        return ()
    asked = STANDARD if node.requests is None else node.requests
    return tuple(one for one in _with_needed(asked) if one.applies(node))


def families_of(node: TreeNode) -> tuple[Family, ...]:
    """The kinds of artifacts that a node and seed can have."""
    return (CHECKPOINTS, *(request.family for request in analyses_of(node)))


def check_tree(tree: Tree) -> None:
    """Raise `RecipeError` where two assets would have one name, or an analysis reads what nobody makes."""
    names = [*RESERVED_TAGS, *(f"data_{name}" for name in tree.datasets), *tree.nodes]
    try:
        for node in tree:
            names += [f"{node.tag}_{request.name}" for request in analyses_of(node)]
        names += [f"tree_{request.name}" for request in tree.requests]
        made = {request.name for node in tree for request in analyses_of(node)}
        for request in tree.requests:
            _need(request, made)
    except ValueError as error:
        raise RecipeError(str(error), remedy="", recipe=tree.name, operation="evaluate()") from None
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise RecipeError(
            f"{twice} would hide an asset of another node.", remedy="Rename these tags.", recipe=tree.name
        )


def _with_needed(asked: Sequence[Analysis]) -> list[Analysis]:
    """Requests and, before each, those that it reads the artifacts of."""
    known = {**{one.name: one for one in STANDARD}, **{one.name: one for one in asked}}
    found: dict[str, Analysis] = {}

    def add(request: Analysis) -> None:
        if request.name in found:
            return
        _need(request, set(known))
        for name in request.after:
            add(known[name])
        found[request.name] = request

    for request in asked:
        add(request)
    return list(found.values())


def _need(request: Analysis, made: set[str]) -> None:
    missing = sorted(set(request.after) - made)
    if missing:
        raise ValueError(
            f"the analysis '{request.name}' reads {missing}, which is not made. Made are: {sorted(made)}."
        )
