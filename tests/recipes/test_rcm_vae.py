"""The recipe of mixture VAEs with few labels, and the guide that it belongs to."""

from __future__ import annotations

import math
import re
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from test_mixture_recipes import built

from acc_assets.assets.analyses.samples import run as sampled
from acc_assets.assets.work import NodeWork
from acc_assets.datasets import Batch, Mnist
from acc_assets.families import Samples, latents, samples
from acc_assets.families.metrics import FAMILY
from acc_assets.models import Conditioning, MixturePrior, MixtureVAE, observe
from acc_assets.recipes import find_recipes
from acc_assets.recipes.rcm_vae import RCMVAE
from acc_assets.storage import Store
from acc_assets.tasks import PosteriorKLTask, StepView
from acc_assets.tasks.component_terms import FIXED_DRAWS
from acc_assets.training import encode_split
from acc_assets.tree import RecipeError, trace

GUIDE = Path(__file__).parents[2] / "docs" / "mixture_vae.md"


def test_the_branches_see_the_same_labels_and_differ_in_what_they_say() -> None:
    tree = trace(RCMVAE())
    common = tree["mixture_trained"]
    labels = {ref.config for ref in common.datasets.values()}
    assert all(one.labels == 100 and isinstance(one.of, Mnist) for one in labels)
    for node in tree.shown():
        found = {ref.config for ref in node.datasets.values()}
        if node.branch == "open_set":
            found = {replace(one, of=one.of.of) for one in found}  # the same, without two classes
        assert found == labels
    assert tree["vamp_trained"].model.prior.pseudo_inputs == 100
    assert tree["decentralized_trained"].model.layout == "decentralized"
    assert [task.kind for task in tree["head_trained"].tasks][-1] == "head_classifier"
    assert common.primary_dataset is not None
    assert common.primary_dataset.name == "mnist"
    assert trace(RCMVAE(), labels=1000).datasets["labelled"].config.labels == 1000
    with pytest.raises((RecipeError, ValueError), match="'mnist' or 'digits'"):
        trace(RCMVAE(), data="cifar")
    fewer = trace(RCMVAE(), data="digits", train_images=200, labels=20)
    sizes = {name: len(ref.config.load(0).train) for name, ref in fewer.datasets.items()}
    assert sizes == {"digits": 200, "labelled": 20, "seen": 8 * 16, "seen_labelled": 20}


def test_the_phases_are_nodes_that_go_on_from_each_other() -> None:
    tree = trace(RCMVAE(), steps=40)
    tags = ["warmed_up", "annealed", "refined"]
    assert [node.tag for node in tree.lineage("refined") if node.kind == "trained"] == tags
    weights = [{task.name: task.weight for task in tree[tag].tasks} for tag in tags]
    assert [one["posterior_kl"] for one in weights[::2]] == [0.0, 1.0]
    assert ["tau" in one for one in weights] == [False, False, True]
    assert ["curriculum" in one for one in weights] == [False, True, True]


def test_the_branch_for_accuracy_trains_on_digits_and_is_measured_on_the_test_split(tmp_path: Path) -> None:
    run = built(RCMVAE(), ("consistent",), tmp_path, steps=1, components=5)["consistent"]
    summary = run.read_json("summary.json")
    assert {"coverage", "free", "certainty"} <= set(summary["tasks"]["tau"]["diagnostics"])
    assert run.read_json("config.json")["datasets"]["digits"]["labelled"] == 100
    validated = next(event for event in run.events() if event["event"] == "train.validated")
    assert {"accuracy", "ece", "tau_coverage"} <= set(validated["metrics"]["tau"])


def test_accuracy_by_class_has_no_row_for_each_class() -> None:
    metrics = {"accuracy": 0.75, "accuracy_0": 1.0, "accuracy_1": 0.5}
    run: Any = SimpleNamespace(
        metrics={},
        named_groups=(),
        groups=(),
        config={},
        images=lambda split: {},
        task_metrics=lambda: {
            "tau": {"kind": "tau", "metrics": metrics},
            "recon": {"metrics": {"loss": 1.0}},
        },
    )
    assert [(number.task, number.metric) for number in FAMILY.numbers(run)] == [
        ("tau", "accuracy"),
        ("recon", "loss"),
    ]


def test_the_guide_is_a_recipe_with_a_prior_of_its_own(tmp_path: Path, monkeypatch: Any) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.S | re.M):
        named = re.match(r"# recipes/(\w+\.py)\n", block)
        assert named is not None
        (tmp_path / named[1]).write_text(block, encoding="utf-8")
    found = find_recipes({}, [tmp_path])
    assert not found.broken, found.broken[0]
    assert found.trees["mixture"]["labelled_trained"].model.conditioning.by == "film"
    monkeypatch.syspath_prepend(str(tmp_path))
    from _own_prior import LaplacePrior  # type: ignore[import-not-found]

    net = MixtureVAE(image_size=16, prior=LaplacePrior(scale=0.7)).build().eval()
    images = torch.rand(3, 1, 16, 16)
    seen = Batch(images=images, inputs=images, targets=torch.zeros(3))
    view = StepView(net(images), seen, None, net, None)
    with torch.no_grad():
        found_kl = PosteriorKLTask("z", found.trees["mixture"].datasets["digits"]).nats_per_image(view)
        mu, logvar = view.outputs["mu"], view.outputs["logvar"]
        noise = torch.randn((4, 3, 1, 10), generator=torch.Generator().manual_seed(FIXED_DRAWS))[:, :, 0]
        z = mu + (0.5 * logvar).exp() * noise
        q = torch.distributions.Normal(mu, (0.5 * logvar).exp()).log_prob(z).sum(2)
        p = -(z.abs() / 0.7).sum(2) - 10 * math.log(1.4)
    torch.testing.assert_close(found_kl, (q - p).mean(0))
    sys.modules.pop("_own_prior")


def test_a_conditioned_decoder_is_shown_the_component_that_a_sample_is_drawn_from(tmp_path: Path) -> None:
    torch.manual_seed(0)
    prior = MixturePrior(learn_components=True)
    net = (
        MixtureVAE(image_size=16, z_dim=2, components=3, conditioning=Conditioning(), prior=prior)
        .build()
        .eval()
    )
    images = np.random.default_rng(0).integers(0, 256, (4, 1, 16, 16), np.uint8)
    run = Store(tmp_path).run("small", "node", 0)
    able = observe(net, (1, 16, 16))
    latents.write(run, {**able.to_json(), "dataset": "digits"}, {0: encode_split(net, {}, [], images)})
    work: Any = SimpleNamespace(
        run=run,
        folder=run,
        seed=0,
        abilities=able,
        request=Samples(draws=2),
        model=lambda step: SimpleNamespace(model=net),
        runtime=SimpleNamespace(resolve=lambda: "cpu"),
        examples=lambda count: np.arange(2),
    )
    work.code, work.decoder = partial(NodeWork.code, work), partial(NodeWork.decoder, work)
    sampled(work)
    drawn = samples.series(samples.PRIOR, 2).read(run, 0)
    for component in range(3):
        code = {
            "latent": torch.from_numpy(drawn["latents"][component]),
            "component": torch.eye(3)[[component] * 2],
        }
        own = net.decode({name: part.float() for name, part in code.items()})
        own = own["component_reconstruction_logits"][:, component].sigmoid().detach().numpy()
        np.testing.assert_allclose(drawn["images"][component] / 255, own, atol=1 / 250)
