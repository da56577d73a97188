"""Known factors, numbers beside classes and infinite measures, from the arrays to the comparison."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import torch
from foreign_built import foreign_storage, foreign_tree, storage
from sklearn.neighbors import KNeighborsClassifier

from acc_assets.assets.plans import plans
from acc_assets.assets.results import recipe_view
from acc_assets.families import Manifold
from acc_assets.families.manifold import numbers_of
from acc_assets.report.comparison import compare
from acc_assets.storage import RunDirectory, Store
from acc_assets.training.objective import group_tasks

__all__ = ["foreign_storage", "storage"]


def run_of(storage: Path, node: str) -> RunDirectory:
    return Store(storage).run("measured", node, 0)


def test_a_class_and_numbers_of_one_data_set_share_each_batch(storage: Path) -> None:
    run = run_of(storage, "both_trained")
    tasks = run.read_json("metrics/metrics.json")["tasks"]
    assert {entry["dataset"] for entry in tasks.values()} == {"shapes"}
    assert tasks["place"]["outputs"] == ["x", "y"]
    assert tasks["shape"]["outputs"] == ["square", "ellipse", "triangle"]
    test = Store(storage).recipe("measured").read_npz("data-shapes/test.npz")
    truth = np.stack([test["factor/x"], test["factor/y"]], axis=1)
    predicted = run.read_npz("latents/latents_latest.npz")["pred/place"]
    r2 = 1 - np.square(truth - predicted).sum(0) / np.square(truth - truth.mean(0)).sum(0)
    assert abs(tasks["place"]["metrics"]["r2"] - r2.mean()) < 1e-4
    assert r2.min() > 0.4  # it learned from the factors that it was given
    node = foreign_tree("measured")["both_trained"]
    data = {name: ref.config.load() for name, ref in node.datasets.items()}
    (group,) = group_tasks(
        node.model.build(), node.tasks, data, torch.device("cpu")
    )  # one forward pass a step
    assert group.columns == ("x", "y")


def test_slots_are_asked_for_every_known_number(storage: Path) -> None:
    probes = run_of(storage, "both_trained").read_json("metrics/metrics.json")["probes"]
    assert {probe["property"] for probe in probes} == {"class", "x", "y", "scale"}
    r2 = {(probe["slice"], probe["property"]): probe["r2"] for probe in probes if "r2" in probe}
    assert r2["where", "x"] > r2["what", "x"]


def test_regression_probes_are_exported(storage: Path) -> None:
    run = run_of(storage, "both_trained")
    place = next(probe for probe in run.read_json("onnx/onnx.json")["probes"] if probe["task"] == "place")
    assert (place["classes"], place["outputs"], place["start"], place["stop"]) == (None, ["x", "y"], 4, 8)
    arrays = run.read_npz("latents/latents_latest.npz")
    weights = run.read_npz("onnx/probes.npz")["probe/place"]
    read = arrays["mu"][:, 4:8] @ weights[:, :-1].T + weights[:, -1]
    np.testing.assert_allclose(read, arrays["pred/place"], atol=1e-4)


def test_the_classifier_uses_the_distance_that_the_recipe_names(storage: Path) -> None:
    run = run_of(storage, "both_trained")
    found = run.read_json("manifold/manifold.json")
    assert (found["metric"], found["split"], found["points"]) == ("cosine", "train", 300)
    shapes = foreign_tree("measured").datasets["shapes"].config.load()
    train, test = (split.images.reshape(len(split), -1) / 255 for split in (shapes.train, shapes.test))
    knn = KNeighborsClassifier(5, algorithm="brute", metric="cosine").fit(train, shapes.train.targets)
    right = (knn.predict(test) == shapes.test.targets).mean()
    assert abs(found["pixels"]["label_sets"]["shapes"]["accuracy"] - right) < 0.02


def test_the_map_holds_the_split_that_was_asked_for(storage: Path) -> None:
    run = run_of(storage, "both_trained")
    arrays = run.read_npz("interactive/manifold.npz")
    shapes = foreign_tree("measured").datasets["shapes"].config.load()
    assert arrays["reference_labels"].tolist() == shapes.train.targets[arrays["indices"]].tolist()
    points = json.loads(run.read_bytes("interactive/latent_points.json"))
    assert {
        "experiment", "split", "checkpoint", "num_points", "latent_dim", "projection", "umap_n_neighbors",
        "umap_min_dist", "l2_normalized", "points", "labels",
    } == set(points)  # fmt: skip
    assert (points["split"], points["num_points"], np.shape(points["points"])) == ("train", 100, (100, 3))
    assert Store(storage).run("measured", "both_trained", 0).exists(points["checkpoint"].split("seed-0/")[1])
    assert points["labels"] == arrays["reference_labels"].tolist()


def test_another_distance_makes_the_map_no_staler(storage: Path) -> None:
    tree = foreign_tree("measured")
    node = tree["both_trained"]
    requests = tuple(
        dataclasses.replace(one, metric="manhattan") if isinstance(one, Manifold) else one
        for one in node.requests or ()
    )
    other = dataclasses.replace(node, requests=requests)
    changed = dataclasses.replace(tree, nodes={**tree.nodes, node.tag: other})
    before, after = ({plan.name: plan.code_version for plan in plans(one)} for one in (tree, changed))
    assert [name for name in before if before[name] != after[name]] == ["both_trained_manifold"]


def test_perfect_separation_has_a_score_in_json_and_in_the_comparison(storage: Path) -> None:
    raw = run_of(storage, "apart_trained").read_bytes("manifold/manifold.json")
    document = json.loads(raw, parse_constant=lambda word: 1 / 0)  # no NaN or Infinity outside of strings
    assert document["metrics"]["fisher_ratio"] == "Infinity"
    assert document["metrics"]["score"] == 100
    comparison = compare(recipe_view(foreign_tree("measured"), Store(storage)))
    cells = comparison.cells["apart_trained"]
    assert cells["manifold.fisher_ratio"].mean == np.inf
    assert cells["manifold.score"].mean == 100
    assert "knn_cosine.accuracy" in comparison.cells["both_trained"]  # another distance is another column
    assert "knn_cosine.accuracy" not in cells


def test_a_null_measure_of_an_older_store_takes_nothing_down(storage: Path) -> None:
    run = run_of(storage, "apart_trained")
    document = run.read_json("manifold/manifold.json")
    document["metrics"]["fisher_ratio"] = document["metrics"]["score"] = None
    document["label_sets"]["plain"]["score"] = None
    found = {(number.task, number.metric) for number in numbers_of(document)}
    assert ("manifold", "score") not in found
    assert ("knn", "accuracy") in found
