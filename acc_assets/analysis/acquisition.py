"""Which unlabelled images to ask a person about: scores of each, the higher the sooner, and the order of asking.

Settles, "Active Learning Literature Survey" (2009), section 3.1; Sener and Savarese, "Active Learning for Convolutional
Neural Networks: A Core-Set Approach" (2018); Sun et al., "Out-of-Distribution Detection with Deep Nearest Neighbors"
(2022). N images of the pool, M labelled ones, K classes, D latent dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acc_assets.analysis.neighbors import knn_graph

Array = np.ndarray


@dataclass(frozen=True)
class Known:
    """What rules look at.

    latents (N, D) and class probabilities (N, K) of the images that may be asked about; latents (M, D) of labelled
    images with their classes (M,); counts (K,) of all labels by class; neighbors: the last of those that an outlier is
    far from.
    """

    latents: Array
    probabilities: Array
    labelled: Array
    labels: Array
    counts: Array
    neighbors: int


def rank(rule: str, known: Known, count: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """The images (count,) that a rule asks about, most wanted first, their scores (count,), and those of all (N,).

    rule: see `acc_assets.tree.asking`. The scores of all are those before anything is asked; `diversity` chooses by
    what is asked before. Raises ValueError where it needs labels of more classes than there are.
    """
    if rule == "diversity":
        return *k_centre(known.latents, known.labelled, count), centre_distance(known.latents, known.labelled)
    if rule == "boundary" and len(np.unique(known.labels)) < 2:
        raise ValueError("fewer than two classes have a label")
    if rule == "entropy":
        scores = entropy(known.probabilities)
    elif rule == "margin":
        scores = margin(known.probabilities)
    elif rule == "least_confidence":
        scores = least_confidence(known.probabilities)
    elif rule == "outlier":
        scores = neighbour_distance(known.latents, known.neighbors)
    elif rule == "boundary":
        scores = boundary(known.latents, known.labelled, known.labels)
    elif rule == "class_balance":
        scores = class_balance(known.probabilities, known.counts)
    elif rule == "random":
        scores = rng.random(len(known.latents))
    else:
        raise ValueError(f"there is no rule {rule!r}")
    order = first(scores, count)
    return order, scores[order], scores


def entropy(probabilities: Array) -> Array:
    """Entropy (N,) of class probabilities (N, K), nats."""
    found: Array = -(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(1)
    return found


def least_confidence(probabilities: Array) -> Array:
    """1 - the largest probability, (N,)."""
    found: Array = 1 - probabilities.max(1)
    return found


def margin(probabilities: Array) -> Array:
    """1 - the distance between the two largest probabilities, (N,)."""
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    found: Array = 1 - (two[:, 1] - two[:, 0])
    return found


def class_balance(probabilities: Array, counts: Array) -> Array:
    """Expected need (N,) for the class of an image: the mean of 1 / (1 + labels of the class), counts (K,)."""
    found: Array = probabilities @ (1 / (1 + counts))
    return found


def neighbour_distance(latents: Array, k: int, reference: Array | None = None) -> Array:
    """Euclidean distance (N,) of each latent (N, D) to its k-th nearest neighbour: large far from all others.

    Among `reference` (R, D), or among the other latents. Sun et al. scale latents to length 1 first; here the length
    says something. Raises ValueError for a latent alone.
    """
    if reference is None:
        if len(latents) < 2:
            raise ValueError("one image alone has no neighbour")
        return knn_graph(latents, min(k, len(latents) - 1)).distances[:, -1]
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=min(k, len(reference))).fit(reference)
    found: Array = index.kneighbors(latents)[0][:, -1]
    return found


def boundary(latents: Array, labelled: Array, labels: Array) -> Array:
    """How close a latent (N, D) lies to the middle between two classes: the nearest class mean over the second nearest.

    labelled: latents (M, D) with labels (M,) of two classes or more. 1 is in the middle, 0 at a mean.
    """
    means = np.stack([labelled[labels == label].mean(0) for label in np.unique(labels)])
    distances = np.linalg.norm(latents[:, None] - means[None], axis=2)  # (N, at most K)
    two = np.partition(distances, 1, axis=1)[:, :2]
    found: Array = two[:, 0] / np.maximum(two[:, 1], 1e-12)
    return found


def centre_distance(latents: Array, centres: Array) -> Array:
    """Euclidean distance (N,) of each latent (N, D) to the nearest centre (M, D); without any, to the mean."""
    from sklearn.metrics import pairwise_distances_argmin_min

    known = centres if len(centres) else latents.mean(0, keepdims=True)
    found: Array = pairwise_distances_argmin_min(latents, known)[1]
    return found


def k_centre(latents: Array, centres: Array, count: int) -> tuple[Array, Array]:
    """Greedy k-centre: again and again the latent (N, D) farthest from all centres (M, D) and those chosen before.

    Returns the chosen (count,) in their order, and the distance (count,) of each when it was chosen. Memory is O(N).
    """
    count = min(count, len(latents))
    nearest = centre_distance(latents, centres)
    chosen, distances = np.empty(count, int), np.empty(count)
    for at in range(count):
        chosen[at] = nearest.argmax()
        distances[at] = nearest[chosen[at]]
        nearest = np.minimum(nearest, np.linalg.norm(latents - latents[chosen[at]], axis=1))
        nearest[chosen[: at + 1]] = -1  # of equal images each is asked about once
    return chosen, distances


def neighbour_probabilities(
    latents: Array, labelled: Array, labels: Array, classes: int, k: int = 10
) -> Array:
    """Class probabilities (N, K) by the k nearest of the labelled latents (M, D), weighted by 1 / distance."""
    from sklearn.neighbors import KNeighborsClassifier

    voters = KNeighborsClassifier(n_neighbors=min(k, len(labelled)), weights="distance").fit(labelled, labels)
    found = np.zeros((len(latents), classes))
    found[:, voters.classes_] = voters.predict_proba(latents)
    return found


def places(latents: Array, known: Array, on_map: Array, k: int) -> Array:
    """Places (N, d) of latents (N, D) on a map of known ones: the mean of the places of the k nearest of them.

    known: latents (M, D) with their places on_map (M, d), weighted by 1 / distance, so that a known latent has its own.
    """
    from sklearn.neighbors import KNeighborsRegressor

    placing = KNeighborsRegressor(n_neighbors=min(k, len(known)), weights="distance").fit(known, on_map)
    found: Array = placing.predict(latents)
    return found


def first(scores: Array, count: int) -> Array:
    """Places (count,) of the highest scores (N,), highest first; of equal ones the lower place."""
    return np.argsort(-scores, kind="stable")[:count]
