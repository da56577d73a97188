"""What a recipe asks for with `evaluate(...)`: a request is the configuration of one analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from acc_assets.tree.config import config

if TYPE_CHECKING:
    from acc_assets.tree.nodes import TreeNode
    from acc_assets.tree.references import DatasetRef

# Abilities of a model that an analysis may need: a flat latent, an image out of an image, an image out of a latent.
LATENT, RECONSTRUCTION, DECODE = "latent", "reconstruction", "decode"
AnalysisScope = Literal["node", "node_seeds", "tree"]


@dataclass(frozen=True)
class Check:
    """A judgement on an asset. `severity` says what a failure means: a warning, or an error."""

    name: str
    description: str
    severity: Literal["WARN", "ERROR"] = "WARN"
    blocking: bool = False


@config
class Analysis:
    """A request for one analysis. Its fields are the options, and are part of what makes its asset stale.

    An analysis becomes the asset `<node>_<name>`. Its `scope` says what one result is of: a node and a seed
    ("node"), a node over all its seeds ("node_seeds"), or all evaluated nodes of a seed ("tree", asset `tree_<name>`).
    `family` is the kind of artifacts that it writes (an instance of `acc_assets.families.Family`). `after` names the
    analyses whose artifacts it reads; they are made too where a recipe does not ask for them. `needs` are abilities of
    the model without which there is nothing to analyse; they are known when the model runs, so that the asset stands in
    the graph all the same and its one artifact says why it is left out.

    An analysis of your own derives from this class, and has a method `analyse(work)` that returns an `Outcome` (see
    `acc_assets.assets.kinds`); it writes with `work.folder.family(name)`.
    """

    name: ClassVar[str]
    family: ClassVar[Any]
    description: ClassVar[str] = ""
    version: ClassVar[int] = 1  # raise it when an equal request would write something else
    scope: ClassVar[AnalysisScope] = "node"
    kinds: ClassVar[frozenset[str]] = frozenset({"python"})  # icons in the catalog
    after: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[str, ...]] = ()
    reads_data: ClassVar[bool] = False  # True where it reads the artifacts of the node's data sets
    reads_model: ClassVar[bool] = True  # False where the artifacts named in `after` are all that it reads
    reads_words: ClassVar[bool] = False  # True where it tells the recipe's title, question and the like
    checks: ClassVar[tuple[Check, ...]] = ()

    def applies(self, node: TreeNode) -> bool:
        """Whether a node has what it asks for, as far as the recipe says."""
        return True

    @property
    def datasets(self) -> tuple[DatasetRef, ...]:
        """Data sets that it reads beside those of the node."""
        return ()
