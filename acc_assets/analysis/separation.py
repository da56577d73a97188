"""How good a latent manifold is: the grounding experiments' measures, and placing new latents on it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from acc_assets.analysis.neighbors import KnnGraph, checked_points, knn_graph, nearest_points
from acc_assets.analysis.quality import trustworthiness

Array = np.ndarray


@dataclass(frozen=True)
class KnnReport:
    """k-nearest-neighbour classification of latents: accuracy in [0, 1] and scikit-learn's report by class."""

    accuracy: float
    k: int
    train_size: int
    test_size: int
    report: dict[str, Any]
    predictions: Array  # (N_test,)


def knn_classification(
    train_latents: Array,
    train_labels: Array,
    test_latents: Array,
    test_labels: Array,
    k: int = 5,
    metric: str = "euclidean",
) -> KnnReport:
    """Classify test latents by the majority of their k nearest training latents; ties go to the lower class.

    latents: (N, D); labels: (N,) integers. k is cut to the number of training latents. metric: `euclidean`,
    `manhattan` or `cosine` distance, as scikit-learn names them.
    """
    from sklearn.metrics import classification_report
    from sklearn.neighbors import KNeighborsClassifier

    train = checked_points(train_latents, "knn_classification, train", minimum=1)
    test = checked_points(test_latents, "knn_classification, test", minimum=1)
    if len(train) != len(train_labels) or len(test) != len(test_labels):
        raise ValueError(
            f"knn_classification: {len(train)} training and {len(test)} test latents, but "
            f"{len(train_labels)} and {len(test_labels)} labels; each latent needs one"
        )
    if k < 1:
        raise ValueError(f"knn_classification: k is {k}; allowed: 1 or more")
    k = min(k, len(train))
    predictions = (
        KNeighborsClassifier(k, algorithm="brute", metric=metric).fit(train, train_labels).predict(test)
    )
    return KnnReport(
        accuracy=float((predictions == test_labels).mean()),
        k=k,
        train_size=len(train),
        test_size=len(test),
        report=classification_report(test_labels, predictions, output_dict=True, zero_division=0.0),
        predictions=predictions,
    )


@dataclass(frozen=True)
class DrawSpread:
    """Accuracy of k-NN classifiers, each fitted on another draw of labelled latents: mean and standard deviation."""

    mean: float
    sd: float
    draws: int
    size: int  # labelled latents in a draw


def knn_over_draws(
    train_latents: Array,
    train_labels: Array,
    test_latents: Array,
    test_labels: Array,
    size: int,
    draws: int = 20,
    k: int = 5,
    metric: str = "euclidean",
) -> DrawSpread:
    """Tell how much k-NN accuracy owes to which `size` labelled latents were drawn (stratified, draws 0, 1, ...).

    latents: (N, D); labels: (N,) integers. The draws depend on the labels alone, so that branches share them.
    """
    from acc_assets.datasets.data import stratified_draw

    accuracies = []
    for number in range(draws):
        chosen = stratified_draw(train_labels, size, np.random.default_rng(number))
        accuracies.append(
            knn_classification(
                train_latents[chosen], train_labels[chosen], test_latents, test_labels, k, metric
            ).accuracy
        )
    return DrawSpread(float(np.mean(accuracies)), float(np.std(accuracies, ddof=1)), draws, size)


@dataclass(frozen=True)
class ManifoldMetrics:
    """Measures of one set of latents, and their combination.

    knn_accuracy, trustworthiness (of the latents with respect to the pixels), neighbor_agreement: [0, 1];
    silhouette: [-1, 1]; davies_bouldin: 0 or more, lower is better; calinski_harabasz, fisher_ratio: 0 or
    more; score: 0 to 100. The three without an upper end may be infinite: see `fisher_ratio`,
    `calinski_harabasz` and `davies_bouldin`. None is ever NaN.
    """

    knn_accuracy: float
    trustworthiness: float
    neighbor_agreement: float
    silhouette: float
    davies_bouldin: float
    calinski_harabasz: float
    fisher_ratio: float
    score: float

    def to_json(self) -> dict[str, float | str]:
        """The measures by name; JSON has no infinity, so it is the text "Infinity", which `float()` reads."""
        return {name: "Infinity" if value == math.inf else value for name, value in asdict(self).items()}


def manifold_score(
    knn_accuracy: float,
    trustworthiness: float,
    neighbor_agreement: float,
    silhouette: float,
    davies_bouldin: float,
    fisher_ratio: float,
) -> float:
    """Combine six measures to a score from 0 to 100: 100 times their mean, each brought to [0, 1].

    Silhouette enters as (s + 1) / 2, Davies-Bouldin as 1 / (1 + d), the Fisher ratio as f / (1 + f). An infinite
    Fisher ratio (every class is a single place) counts 1 and an infinite Davies-Bouldin index counts 0: the limits.
    """
    parts = (
        knn_accuracy,
        trustworthiness,
        neighbor_agreement,
        (silhouette + 1.0) / 2.0,
        1.0 / (1.0 + davies_bouldin),
        1.0 if math.isinf(fisher_ratio) else fisher_ratio / (1.0 + fisher_ratio),
    )
    return 100.0 * sum(parts) / len(parts)


def manifold_metrics(
    latents: Array,
    labels: Array,
    pixels: Array,
    knn_accuracy: float,
    k: int = 5,
    *,
    graph: KnnGraph | None = None,
) -> ManifoldMetrics:
    """Measure labelled latents (N, D) against the images (N, ...) that they encode.

    knn_accuracy: from `knn_classification`; k: neighbours for agreement, and max(5, k) for trustworthiness;
    graph: neighbour graph of the latents, if it exists already. Raises ValueError for fewer than two classes.
    """
    from sklearn.metrics import silhouette_score

    points = checked_points(latents, "manifold_metrics", minimum=3)
    classes = np.unique(labels)
    if len(labels) != len(points) or not 2 <= len(classes) < len(points):
        raise ValueError(
            f"manifold_metrics: {len(points)} latents, {len(labels)} labels of {len(classes)} classes; "
            "needed: one label each, two or more classes, fewer classes than latents"
        )
    reach = max(5, k)
    if graph is None or graph.k < reach:
        graph = knn_graph(points, reach)
    images = np.asarray(pixels, dtype=np.float32).reshape(len(pixels), -1)
    parts = {
        "knn_accuracy": float(knn_accuracy),
        "trustworthiness": trustworthiness(images, points, reach, graph=graph),
        "neighbor_agreement": neighbor_agreement(labels, graph.nearest(min(k, graph.k))),
        "silhouette": float(silhouette_score(points, labels)),
        "davies_bouldin": davies_bouldin(points, labels),
        "fisher_ratio": fisher_ratio(points, labels),
    }
    return ManifoldMetrics(
        calinski_harabasz=calinski_harabasz(points, labels),
        score=manifold_score(**parts),
        **parts,
    )


def neighbor_agreement(labels: Array, graph: KnnGraph) -> float:
    """Share, in [0, 1], of neighbours that carry the point's own label (the point itself not counted)."""
    labels = np.asarray(labels)
    return float((labels[graph.indices] == labels[:, None]).mean())


def fisher_ratio(points: Array, labels: Array) -> float:
    """Between-class over within-class scatter, tr(S_B) / tr(S_W), of points (N, D) with labels (N,).

    Fisher (1936), with S_B = sum_c n_c |m_c - m|^2 and S_W = sum_i |x_i - m_c(i)|^2. Infinite when every
    class is a single place and the places differ, 0 when all points coincide.
    """
    array = np.asarray(points, dtype=np.float64)
    centre = array.mean(axis=0)
    between = within = 0.0
    for label in np.unique(labels):
        own = array[labels == label]
        mean = own.mean(axis=0)
        between += len(own) * float(np.square(mean - centre).sum())
        within += float(np.square(own - mean).sum())
    if within == 0.0:
        return float("inf") if between > 0.0 else 0.0
    return between / within


def calinski_harabasz(points: Array, labels: Array) -> float:
    """The Fisher ratio over its degrees of freedom, (n - c) / (c - 1) times it, for n points of c classes.

    Calinski and Harabasz (1974). Infinite where the Fisher ratio is, 0 when all points coincide (scikit-learn says 1
    in both cases).
    """
    classes = len(np.unique(labels))
    return fisher_ratio(points, labels) * (len(points) - classes) / (classes - 1)


def davies_bouldin(points: Array, labels: Array) -> float:
    """Mean over classes of the worst (s_i + s_j) / |m_i - m_j|, s the mean distance to the class mean m.

    Davies and Bouldin (1979), for points (N, D) with labels (N,). Infinite when two classes have one mean: nothing
    keeps them apart (scikit-learn leaves such pairs out, and calls latents that all coincide best).
    """
    array = np.asarray(points, dtype=np.float64)
    own = [array[labels == label] for label in np.unique(labels)]
    means = np.stack([part.mean(axis=0) for part in own])
    spreads = np.array(
        [np.linalg.norm(part - mean, axis=1).mean() for part, mean in zip(own, means, strict=True)]
    )
    apart = np.linalg.norm(means[:, None] - means[None], axis=2)
    worst = np.divide(
        spreads[:, None] + spreads[None], apart, out=np.full_like(apart, math.inf), where=apart > 0
    )
    np.fill_diagonal(worst, -math.inf)
    return float(worst.max(axis=1).mean())


@dataclass(frozen=True)
class Placement:
    """New latents on a fixed map: coords (M, d) float32, indices and weights (M, k) of what they lie between."""

    coords: Array
    indices: Array
    weights: Array


def barycentric_projection(new: Array, reference: Array, coords: Array, k: int = 12) -> Placement:
    """Place new latents (M, D) on the map coords (N, d) of reference latents (N, D).

    Position: weighted mean of the coordinates of the k nearest reference latents, weights proportional to 1 /
    distance (Shepard 1968) and summing to 1; a latent that coincides with references lies at their mean. The
    browser computes the same.
    """
    fresh = checked_points(new, "barycentric_projection, new", minimum=1)
    known = checked_points(reference, "barycentric_projection, reference", minimum=1)
    if fresh.shape[1] != known.shape[1] or len(known) != len(coords):
        raise ValueError(
            f"barycentric_projection: new {fresh.shape}, reference {known.shape} and coords {np.shape(coords)} "
            "do not fit; expected (M, D), (N, D) and (N, d)"
        )
    indices, distances = nearest_points(fresh, known, k)
    exact = distances == 0.0
    closeness = np.where(exact.any(axis=1, keepdims=True), exact, 1.0 / np.where(exact, 1.0, distances))
    weights = closeness / closeness.sum(axis=1, keepdims=True)
    placed = np.einsum("mk,mkd->md", weights, np.asarray(coords, dtype=np.float64)[indices])
    return Placement(placed.astype(np.float32), indices, weights.astype(np.float32))
