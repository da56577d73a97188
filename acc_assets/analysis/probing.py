"""Which factor slices of a latent linearly predict the class and measured properties of the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from acc_assets.analysis.neighbors import checked_points
from acc_assets.models import FactorGroup
from acc_assets.tasks.scores import r2_score

Array = np.ndarray

WHOLE = "latent"  # the row for all dimensions together
CLASS = "class"  # what `probe_classes` calls its property
RIDGE = 1.0  # penalty on standardised features, small against some thousand examples


@dataclass(frozen=True)
class Probe:
    """How well one slice predicts one property on held-out examples.

    r2: 1 - residual / total sum of squares, at most 1, below 0 when worse than the mean; spearman: rank
    correlation of prediction and truth, -1 to 1; r2_within: r2 of the property's deviation from its class
    mean, so that knowing the class does not count (None without labels); n: examples.
    """

    slice: str
    property: str
    r2: float
    spearman: float
    r2_within: float | None
    n: int

    def to_json(self) -> dict[str, str | float | int | None]:
        """The record as plain values."""
        return asdict(self)

    def told(self) -> tuple[str, float]:
        """The number that stands for the probe, under its name."""
        return f"R² of {self.property} from {self.slice}", self.r2


@dataclass(frozen=True)
class ClassProbe:
    """How well one slice tells the class of held-out examples.

    property: `CLASS`; accuracy: share of examples whose class a linear classifier finds, in [0, 1]; chance: that of
    always naming the most frequent class; n: examples.
    """

    slice: str
    property: str
    accuracy: float
    chance: float
    n: int

    def to_json(self) -> dict[str, str | float | int | None]:
        """The record as plain values."""
        return asdict(self)

    def told(self) -> tuple[str, float]:
        """The number that stands for the probe, under its name."""
        return f"accuracy of the {self.property} from {self.slice}", self.accuracy


def probe_classes(
    mu: Array, groups: Sequence[FactorGroup], labels: Array, *, folds: int = 5, seed: int = 0
) -> list[ClassProbe]:
    """Cross-validate a multinomial logistic regression from each factor slice, and from the whole latent, to the class.

    mu: (N, D), standardised with the mean and deviation of the training folds; labels: (N,) integers. Folds are drawn
    from `seed`; there are at most as many as examples. Raises ValueError for lengths that differ or fewer than two
    examples.
    """
    latents = checked_points(mu, "probe_classes", minimum=2).astype(np.float64)
    if len(labels) != len(latents):
        raise ValueError(f"probe_classes: {len(labels)} labels for {len(latents)} latents; each needs one")
    fold = np.random.default_rng(seed).permutation(len(latents)) % min(folds, len(latents))
    chance = float(np.unique(labels, return_counts=True)[1].max() / len(labels))
    probes = []
    for name, features in _slices(latents, groups).items():
        right = _held_out_classes(features, labels, fold) == labels
        probes.append(ClassProbe(name, CLASS, float(right.mean()), chance, len(latents)))
    return probes


def probe_properties(
    mu: Array,
    groups: Sequence[FactorGroup],
    properties: Mapping[str, Array],
    labels: Array | None = None,
    *,
    folds: int = 5,
    seed: int = 0,
) -> list[Probe]:
    """Cross-validate a ridge regression from each factor slice, and from the whole latent, to each property.

    mu: (N, D); properties: name -> (N,), rows with NaN are left out; labels: (N,) classes. Folds are drawn
    from `seed`. A constant property gives r2 and spearman 0. Raises ValueError for lengths that differ or
    fewer than two examples a fold.
    """
    from scipy.stats import spearmanr

    latents = checked_points(mu, "probe_properties").astype(np.float64)
    slices = _slices(latents, groups)
    probes = []
    for name, values in properties.items():
        if len(values) != len(latents):
            raise ValueError(f"probe_properties: {name} has {len(values)} values for {len(latents)} latents")
        known = np.isfinite(values)
        target = np.asarray(values, dtype=np.float64)[known]
        if len(target) < 2 * folds:
            raise ValueError(
                f"probe_properties: {name} has {len(target)} known values; needed: {2 * folds} or more"
            )
        within = None if labels is None else _within_class(target, np.asarray(labels)[known])
        fold = np.random.default_rng(seed).permutation(len(target)) % folds
        for slice_name, features in slices.items():
            predicted = _held_out(features[known], target, fold)
            varies = np.ptp(target) > 0.0 and np.ptp(predicted) > 0.0
            probes.append(
                Probe(
                    slice=slice_name,
                    property=name,
                    r2=r2_score(target, predicted),
                    spearman=float(spearmanr(target, predicted).statistic) if varies else 0.0,
                    r2_within=None
                    if within is None
                    else r2_score(within, _held_out(features[known], within, fold)),
                    n=len(target),
                )
            )
    return probes


def _slices(latents: Array, groups: Sequence[FactorGroup]) -> dict[str, Array]:
    """All dimensions together, then those of each group."""
    return {WHOLE: latents, **{group.name: latents[:, group.start : group.stop] for group in groups}}


def _within_class(values: Array, labels: Array) -> Array:
    """Deviation of each value from the mean of its class."""
    _, position = np.unique(labels, return_inverse=True)
    means = np.bincount(position, weights=values) / np.bincount(position)
    return values - means[position]


def _held_out(features: Array, target: Array, fold: Array) -> Array:
    """Prediction (N,) for every example by a ridge regression fitted on the other folds."""
    predicted = np.empty_like(target)
    for held in range(int(fold.max()) + 1):
        train, test = fold != held, fold == held
        (x, held_x), level = _standardised(features, train, test), target[train].mean()
        gram = x.T @ x + RIDGE * np.eye(x.shape[1])
        weights = np.linalg.solve(gram, x.T @ (target[train] - level))
        predicted[test] = held_x @ weights + level
    return predicted


def _held_out_classes(features: Array, labels: Array, fold: Array) -> Array:
    """Class (N,) for every example by a logistic regression fitted on the other folds."""
    from sklearn.linear_model import LogisticRegression

    predicted = np.empty_like(labels)
    for held in range(int(fold.max()) + 1):
        train, test = fold != held, fold == held
        known = np.unique(labels[train])
        if len(known) == 1:  # nothing to tell apart, and no classifier to fit
            predicted[test] = known[0]
            continue
        x, held_x = _standardised(features, train, test)
        predicted[test] = LogisticRegression(max_iter=1000).fit(x, labels[train]).predict(held_x)
    return predicted


def _standardised(features: Array, train: Array, test: Array) -> tuple[Array, Array]:
    """Training and held-out features, both by the training part's mean and deviation."""
    mean, spread = features[train].mean(axis=0), features[train].std(axis=0)
    spread = np.where(spread > 0.0, spread, 1.0)
    return (features[train] - mean) / spread, (features[test] - mean) / spread
