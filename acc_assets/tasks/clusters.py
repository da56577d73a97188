"""How well clusters found without labels agree with classes, on arrays."""

from __future__ import annotations

import numpy as np


def cluster_scores(labels: np.ndarray, clusters: np.ndarray) -> dict[str, float]:
    """cluster_accuracy, nmi and ari of class labels and cluster numbers, both int (N,).

    cluster_accuracy: the share of examples whose class is that of their cluster, where clusters and classes are matched
    one to one so that it is largest (Xie et al., "Unsupervised Deep Embedding", 2016, equation 10); clusters beyond the
    number of classes count as wrong. nmi: mutual information over the arithmetic mean of both entropies. ari: adjusted
    Rand index. Neither depends on how clusters are numbered.
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
    from sklearn.metrics.cluster import contingency_matrix

    together = contingency_matrix(labels, clusters)  # (classes, clusters)
    matched = together[linear_sum_assignment(together, maximize=True)].sum()
    return {
        "cluster_accuracy": float(matched / len(labels)),
        "nmi": float(normalized_mutual_info_score(labels, clusters)),
        "ari": float(adjusted_rand_score(labels, clusters)),
    }


def class_labels(targets: np.ndarray, labelled: np.ndarray | None) -> np.ndarray | None:
    """The class labels (n,) of a split or batch that are given; None where the targets are no classes, or none is."""
    if targets.ndim != 1 or targets.dtype.kind not in "iu":
        return None
    given = targets if labelled is None else targets[labelled]
    return given if len(given) else None
