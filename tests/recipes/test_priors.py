"""The recipe that sets a VampPrior beside a standard prior, and the likelihood that it is judged by."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from test_mixture_recipes import built

from acc_assets.assets.analyses.likelihood import run as estimate
from acc_assets.datasets import Binarised, Digits
from acc_assets.families import Likelihood
from acc_assets.families.likelihood import FAMILY
from acc_assets.models import ConvAutoencoder, VampPrior
from acc_assets.recipes.priors import Priors
from acc_assets.storage import LEFT_OUT, RunDirectory, Store
from acc_assets.tasks import ReconstructionTask
from acc_assets.training import TrainingCancelled, load_checkpoint, load_model
from acc_assets.tree import TreeNode, trace

SMALL: dict[str, Any] = {"epochs": 0.5, "hidden": 8, "z_dim": 3, "pseudo_inputs": 5, "samples": 20}


def test_the_branches_differ_in_the_prior_alone() -> None:
    tree = trace(Priors())
    standard, vamp = (tree[f"{name}_trained"] for name in ("standard", "vamp"))
    assert standard.tasks == vamp.tasks
    two = [tree[f"two_{name}_trained"] for name in ("standard", "vamp")]
    assert two[0].tasks == two[1].tasks
    assert [node.model.prior for node in two] == [standard.model.prior, vamp.model.prior]
    assert [phase.steps for phase in vamp.phases] == [12_500]
    assert (vamp.model.prior, vamp.model.components) == (VampPrior(pseudo_inputs=200), 1)
    assert standard.datasets["mnist"].config.sizes == {"train": 50_000, "validation": 10_000, "test": 10_000}


@pytest.fixture(scope="module", params=["vamp", "two_vamp"])
def branch(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def trained(branch: str, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return built(Priors(), (branch,), tmp_path_factory.mktemp("whole"), **SMALL)[branch]


def test_training_on_dynamic_images_is_resumed_bit_for_bit(
    branch: str, trained: RunDirectory, tmp_path: Path
) -> None:
    asked = 0

    def after_three() -> bool:
        nonlocal asked
        asked += 1
        return asked == 3

    with pytest.raises(TrainingCancelled):
        built(Priors(), (branch,), tmp_path, after_three, **SMALL)
    resumed = built(Priors(), (branch,), tmp_path, **SMALL)[branch]
    assert any(event["event"] == "run.resumed" for event in resumed.events())
    found, expected = (load_checkpoint(run).model for run in (resumed, trained))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def trained_node(branch: str) -> TreeNode:
    return trace(Priors(), data="digits", **SMALL)[f"{branch}_trained"]


def worked(run: RunDirectory, folder: RunDirectory, model: Any, data: Any, **request: Any) -> Any:
    """Work of the analysis on a model and data of one's own."""
    return SimpleNamespace(
        request=Likelihood(**request),
        plan=SimpleNamespace(family=FAMILY.name),
        folder=folder,
        run=run,
        model=lambda: SimpleNamespace(model=model),
        data=data,
        dataset_name="digits",
        node=trained_node("vamp"),
        runtime=SimpleNamespace(apply=lambda: torch.device("cpu")),
    )


def test_the_estimate_is_written_with_its_samples_and_shown(
    branch: str, trained: RunDirectory, tmp_path: Path
) -> None:
    folder = Store(tmp_path).run("priors", "vamp_trained", 0)
    net = load_model(trained, trained_node(branch), device="cpu").model
    data = Binarised(of=Digits(image_size=16)).load()
    outcome = estimate(worked(trained, folder, net, data, samples=20, images=30))
    found = folder.read_json(FAMILY.path())
    assert (found["samples"], found["images"], found["of"]) == (20, 30, len(data.test))
    arrays = folder.read_npz("likelihood/likelihood.npz")
    assert (arrays["log_likelihood"] >= arrays["elbo"] - 1e-3).all()
    assert found["log_likelihood"] == pytest.approx(arrays["log_likelihood"].mean(), abs=1e-3)
    assert found["elbo"] < found["fewer"] < found["log_likelihood"] < 0.0
    assert found["known_fewer"] < found["known_error"] < 0.0
    assert set(outcome.verdicts) == {"settled"}
    shown: Any = SimpleNamespace(document=lambda family: found)
    first, second = FAMILY.numbers(shown)
    assert (first.metric, first.label) == ("log_likelihood", "log-likelihood (20 samples) of 30 images")
    assert second.value == found["elbo"]
    (table,) = FAMILY.tables(shown)
    assert table.title.endswith(f"30 of {len(data.test)} test images")


def test_what_has_no_such_likelihood_is_left_out_with_the_reason(tmp_path: Path) -> None:
    folder = Store(tmp_path).run("priors", "vamp_trained", 0)
    grey = Digits(image_size=16).load()
    other = ConvAutoencoder(image_size=16, latent_dim=2, channels=(2, 4)).build()
    net: Any = SimpleNamespace(weigher=lambda images, draws: None)

    def reason(model: Any, error: Any = "bce") -> str:
        work = worked(folder, folder, model, grey)
        ref = work.node.datasets["digits"]
        work.node = SimpleNamespace(tasks=(ReconstructionTask("recon", ref, error=error),))
        estimate(work)
        return str(folder.read_json(f"{FAMILY.name}/{LEFT_OUT}")["reason"])

    assert "no weigher" in reason(other)
    assert "the error mse" in reason(net, "mse")
    assert "grey images have no Bernoulli likelihood" in reason(net)
    with pytest.raises(
        ValueError, match="samples is 15; allowed is a whole number from 10, a multiple of 10"
    ):
        Likelihood(samples=15)
