"""Plots and metrics of what a model makes of the test split, each of them one function: `@plot` and `@metric`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from acc_assets.families.base import Chart, Family, Number, Picture
from acc_assets.families.words import METRICS, MetricWords
from acc_assets.tree import Analysis, TreeNode, config

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts

Applies = Callable[["Evaluated"], "str | None"]  # why a plot cannot be made of a model; None: it can
Kind = Literal["plot", "metric"]


@dataclass(frozen=True)
class Classified:
    """What a task says of n test images: probabilities (n, Y), their true classes (n,), and the Y classes by name.

    same_images: whether these are the N images that the latents are of, in their order.
    """

    probabilities: np.ndarray
    targets: np.ndarray
    classes: Sequence[str]
    same_images: bool = True

    @property
    def correct(self) -> np.ndarray:
        """Whether the likeliest class is the true one, bool (n,)."""
        right: np.ndarray = self.probabilities.argmax(1) == self.targets
        return right


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """What a node's model makes of the N images of the test split, as plots and metrics see it.

    images: uint8 (N, C, H, W). targets: classes (N,) or numbers (N, T). classes: names, where targets are classes.
    steps: of the snapshots; none for a model without a flat latent. at: the arrays of a snapshot by name, such as `mu`
    (N, D), `component` (N, K), `error` (N,), and of the model itself `component_means` (K, D). metrics: by task, as in
    `metrics.json`. examples: the test images that every figure shows. model, heads: the modules at the end, in
    evaluation mode; model_at: the module of a snapshot. judge: makes `classifiers` and `component_error`.
    """

    node: TreeNode
    seed: int
    images: np.ndarray
    targets: np.ndarray
    classes: Sequence[str]
    steps: Sequence[int]
    at: Callable[[int], Mapping[str, np.ndarray]]
    metrics: Mapping[str, Mapping[str, float]]
    examples: np.ndarray
    model: Any
    heads: Mapping[str, Any]
    model_at: Callable[[int], Any]
    judge: Callable[[], tuple[Mapping[str, Classified], np.ndarray | None]]

    @cached_property
    def outputs(self) -> Mapping[str, np.ndarray]:
        """The arrays of the last snapshot by name; none for a model without a flat latent."""
        return self.at(self.steps[-1]) if self.steps else {}

    @cached_property
    def _judged(self) -> tuple[Mapping[str, Classified], np.ndarray | None]:
        return self.judge()

    @property
    def classifiers(self) -> Mapping[str, Classified]:
        """By task, what those that give class probabilities say of their test images."""
        return self._judged[0]

    @property
    def component_error(self) -> np.ndarray | None:
        """Squared error (N, K) of each component's own reconstruction, the mean over pixels; None without their own."""
        return self._judged[1]


class ProviderError(ValueError):
    """A function of a user's failed, or gave what is no plot or metric."""


def always(found: Evaluated) -> str | None:
    """Return None: it applies to every model."""
    return None


class ProvidedFamily(Family):
    """What a user's function gave of a run: a chart, a picture or a number."""

    kind: ClassVar[Kind]

    @property
    def measures(self) -> bool:
        """Whether it is a metric."""
        return self.kind == "metric"

    def numbers(self, run: RunArtifacts) -> Iterator[Number]:
        """Yield the value of a metric."""
        if (value := run.document(self).get("value")) is not None:
            yield Number(task=self.name, metric=self.name, value=float(value), label=self.title)

    def charts(self, run: RunArtifacts) -> Iterator[Chart]:
        """Yield a plot that the browser draws."""
        if chart := run.document(self).get("chart"):
            yield Chart(**chart)

    def pictures(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Picture]:
        """Yield a plot that matplotlib has drawn."""
        if picture := run.document(self).get("picture"):
            yield Picture(name=picture, title=self.title, general=self.title, alt=self.title)


@config
class Provided(Analysis):
    """A function of a user's as a request: see `metric` and `plot`, which make one."""

    function: ClassVar[Any]  # of `Evaluated`
    reason: ClassVar[Any]  # `Applies`
    kind: ClassVar[Kind]

    description = "Made by a function of a user's from what the model makes of the test split."
    after = ("latents", "metrics")
    reads_data = True


def metric(
    name: str,
    *,
    label: str = "",
    unit: str = "",
    better: Literal["higher", "lower"] | None = None,
    digits: int = 3,
    applies: Applies = always,
) -> Callable[[Callable[[Evaluated], float]], Provided]:
    """Make a function of `Evaluated` to a number a metric that recipes ask for: `ctx.evaluate(*STANDARD, sharpness)`.

    It stands in tables, comparisons and dot plots as `label`, in `unit`. applies: why a model has none, else None; that
    is what its page then says. The function's file and what that imports are part of what makes it stale.
    """
    words = MetricWords(label or name.replace("_", " "), unit, better, digits=digits)
    return lambda function: _provided(name, words.label, "metric", function, applies, words)


def plot(
    name: str, *, title: str = "", applies: Applies = always
) -> Callable[[Callable[[Evaluated], Any]], Provided]:
    """Make a function of `Evaluated` a plot that recipes ask for; it returns a `Chart` or a figure of matplotlib.

    The rest is as for `metric`.
    """
    shown = title or name.replace("_", " ")
    return lambda function: _provided(name, shown, "plot", function, applies, None)


def _provided(
    name: str,
    title: str,
    kind: Kind,
    function: Callable[[Evaluated], Any],
    applies: Applies,
    words: MetricWords | None,
) -> Provided:
    """The request, of a class in the function's module, by whose file it is hashed."""
    place = f"the {kind} '{name}' ({function.__qualname__})"
    if "<" in function.__qualname__:
        raise ValueError(f"{place} is a function within another; put it at the top level of its file")
    if words is not None and METRICS.get(name, words) != words:
        raise ValueError(f"{place} has the name of a metric that is there already; give it another")
    if not name.isidentifier():
        raise ValueError(f"{place} needs a name of letters, digits and '_', starting with a letter")
    common = {"__module__": function.__module__, "name": name, "kind": kind}
    shown = {"title": title, "document": f"{name}.json", "metrics": {name: words} if words else {}}
    own = {
        "family": type(f"{function.__name__}_family", (ProvidedFamily,), {**common, **shown})(),
        "description": (function.__doc__ or Provided.description).strip(),
        "function": staticmethod(function),
        "reason": staticmethod(applies),
    }
    made: Provided = type(function.__name__, (Provided,), {**common, **own})()
    return made
