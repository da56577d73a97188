"""The benchmark of a machine's device, on the CPU with a model of a few weights."""

from __future__ import annotations

import pytest

from acc_assets.models import FullyConnectedAutoencoder
from acc_assets.recipes import find_recipes
from acc_assets.training import Runtime
from benchmarks import device
from benchmarks.device import Trained, distinct_models, exact_resume, throughput
from benchmarks.workloads import workload

CPU = Runtime(device="cpu")


@pytest.fixture(scope="module")
def tiny() -> Trained:
    model = FullyConnectedAutoencoder(image_size=8, latent_dim=2, hidden=(8,))
    tree = workload(model, ("recon",), steps=1000, batch_size=16)
    return Trained(tree, tree["trained"])


def test_it_tells_the_speed_in_each_precision_compiled_or_not(tiny, monkeypatch):
    monkeypatch.setattr(device, "MOST_CALLS", 2)
    # Traced as for code that is generated, but carried out as it is: that needs no compiler.
    found = throughput(tiny, CPU, 1, backend="eager")
    assert (found.name, found.unit, found.goal) == ("step on cpu, benchmark/trained", "images/s", "")
    assert found.value > 0
    for name in ("bfloat16", "compiled float32", "compiled bfloat16"):
        assert f"{name}: " in found.how
    assert "float32 compiled in" in found.how


def test_it_says_why_it_cannot_compile(tiny, monkeypatch):
    monkeypatch.setattr(device, "MOST_CALLS", 2)

    def no_compiler(*_: object) -> None:
        raise RuntimeError("there is no C++ compiler")

    how = throughput(tiny, CPU, 1, backend=no_compiler).how
    assert "float32 cannot be compiled: there is no C++ compiler; bfloat16 cannot be" in how
    assert "bfloat16: " in how
    assert "compiled float32" not in how


def test_it_tells_whether_a_stopped_training_ends_in_the_same_bytes(tiny):
    found = exact_resume([tiny], CPU)
    assert (found.value, found.goal, found.holds) == (1, ">= 1", True)


def test_every_kind_of_model_that_a_recipe_trains_is_measured():
    trees = find_recipes({}).trees
    trained = [node for tree in trees.values() for node in tree if node.kind == "trained"]
    kinds = distinct_models(trees.values(), by_kind=True)
    assert {type(one.node.model) for one in kinds} == {type(node.model) for node in trained}
    every = distinct_models(trees.values(), by_kind=False)
    assert {one.tree.name for one in every} == set(trees)
    assert len(kinds) < len(every) < len(trained)
