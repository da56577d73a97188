"""How well a score tells images that a model was never to see from new ones of its own data."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

ACCEPTED = 0.95  # of the images of the model's own data, at the threshold of FPR95


def auroc(inside: Array, outside: Array) -> float:
    """Chance that an outlier's score (M,) is above that of an image of the model's data (N,), ties counting half."""
    from sklearn.metrics import roc_auc_score

    is_outside = np.repeat([0, 1], [len(inside), len(outside)])
    return float(roc_auc_score(is_outside, np.concatenate([inside, outside])))


def fpr95(inside: Array, outside: Array) -> float:
    """Share of outliers (M,) taken for the model's data at the threshold that takes 95 % of that (N,).

    Liang, Li and Srikant (2018), "Enhancing the reliability of out-of-distribution image detection", section 4.
    """
    return float((outside <= np.quantile(inside, ACCEPTED, method="higher")).mean())
