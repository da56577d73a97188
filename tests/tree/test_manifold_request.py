"""Asking for the manifold analyses: what is recorded, checked and hashed."""

from __future__ import annotations

import pytest

from acc_assets.assets.plans import plans
from acc_assets.datasets import Digits
from acc_assets.families import STANDARD, Interactive, Manifold
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import DatasetRef, Recipe, RecipeContext, RecipeError, Tree, trace


class Asking(Recipe):
    name = "asking"

    def run(self, ctx: RecipeContext, k: int = 5, ask: bool = True, foreign: bool = False) -> None:
        digits = ctx.load_dataset("digits", Digits)
        ctx.create_model(ConvAutoencoder, image_size=16)
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.save_checkpoint("root")
        labels = DatasetRef("elsewhere", Digits()) if foreign else digits
        ctx.evaluate(*STANDARD, *((Manifold(label_sets=(labels,), k=k), Interactive()) if ask else ()))


def versions(tree: Tree) -> dict[str, str]:
    return {plan.name: plan.code_version for plan in plans(tree)}


def test_an_analysis_that_is_asked_for_becomes_assets() -> None:
    assert {"root_manifold", "root_interactive"} <= set(versions(trace(Asking())))
    assert not {"root_manifold", "root_interactive"} & set(versions(trace(Asking(), ask=False)))


def test_another_request_makes_only_these_assets_stale() -> None:
    before, after = versions(trace(Asking())), versions(trace(Asking(), k=7))
    assert {name for name in before if before[name] != after[name]} == {"root_manifold"}  # the map knows no k


def test_label_sets_must_be_loaded_by_the_recipe() -> None:
    with pytest.raises(RecipeError, match=r"elsewhere.*not loaded here"):
        trace(Asking(), foreign=True)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"label_sets": ()}, r"label_sets is \(\)"),
        ({"split": "validation"}, "split is 'validation'; allowed is 'test' or 'train'"),
        ({"metric": "hamming"}, "metric is 'hamming'; allowed is 'euclidean' or 'manhattan' or 'cosine'"),
        ({"k": 0}, "k is 0"),
    ],
)
def test_values_that_are_not_allowed_are_named(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Manifold(**{"label_sets": (DatasetRef("digits", Digits()),), **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "words"), [({"points": 2}, "points is 2"), ({"min_dist": -1.0}, "min_dist is -1.0")]
)
def test_a_map_needs_points_and_distances(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Interactive(**fields)  # type: ignore[arg-type]


def test_a_label_set_is_named_once() -> None:
    ref = DatasetRef("digits", Digits())
    with pytest.raises(ValueError, match="twice"):
        Manifold(label_sets=(ref, ref))
