"""A mixture VAE in training: a curriculum, tau and pseudo-inputs are kept, resumed bit for bit, and told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_trees import build, stop_after

from acc_assets.datasets import Digits, LabelBudget
from acc_assets.models import Conditioning, ConvLayers, MixtureVAE, VampPrior
from acc_assets.storage import RunDirectory, Store
from acc_assets.tasks import (
    ChannelCurriculumTask,
    ComponentKLTask,
    ExpectedReconstructionTask,
    GumbelSelection,
    LinearRamp,
    PosteriorKLTask,
    TauTask,
)
from acc_assets.training import TrainingCancelled, load_checkpoint, load_model
from acc_assets.tree import EarlyStopping, Epochs, Recipe, RecipeContext, RecipeError, Tree, trace

STEPS, K = 14, 4
LAYERS = ConvLayers(channels=(2, 4))
WHOLE = Digits(image_size=8)


class Mixed(Recipe):
    """root -> mixed_done: all digits without labels, and 20 labelled ones in batches of their own."""

    name = "small"

    def __init__(self, **phase: Any) -> None:
        self.phase = phase

    def run(self, ctx: RecipeContext) -> None:
        images = ctx.load_dataset("digits", LabelBudget(of=WHOLE, labels=20))
        few = ctx.load_dataset("few", LabelBudget(of=WHOLE, labels=20, labelled_only=True))
        ctx.create_model(
            MixtureVAE(
                image_size=8,
                z_dim=2,
                components=K,
                encoder=LAYERS,
                decoder=LAYERS,
                conditioning=Conditioning(),
                prior=VampPrior(pseudo_inputs=3, start="data"),
            )
        )
        root = ctx.save_checkpoint("root")
        ctx.fork(root, "mixed")
        selection = GumbelSelection(temperature=LinearRamp(2.0, 0.5, Epochs(0.1)), straight_through=True)
        ctx.attach_task(ExpectedReconstructionTask("recon", images, selection=selection))
        ctx.attach_task(PosteriorKLTask("kl", images))
        ctx.attach_task(ComponentKLTask("use", images))
        ctx.attach_task(TauTask("tau", few, weight=10.0))
        # no validation is good enough, so that each third one unlocks a component
        ctx.attach_task(
            ChannelCurriculumTask(
                "grow", images, watch="recon", patience=1, min_delta=1e6, cooldown=1, kick_steps=3
            )
        )
        options = {"steps": STEPS, "batch_size": 16, "validate_every": 2, "log_every": 2, "snapshot_every": 5}
        ctx.train(**{**options, **self.phase})
        ctx.save_checkpoint("mixed_done")
        ctx.evaluate()


def run_of(root: Path) -> RunDirectory:
    return Store(root).run("small", "mixed_done", 0)


@pytest.fixture(scope="module")
def tree() -> Tree:
    return trace(Mixed())


@pytest.fixture(scope="module")
def whole(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole")
    build(tree, "mixed_done", root)
    return root


@pytest.mark.parametrize("stop", [4, 9])
def test_a_stopped_run_ends_in_the_same_bits(tree: Tree, whole: Path, tmp_path: Path, stop: int) -> None:
    with pytest.raises(TrainingCancelled):
        build(tree, "mixed_done", tmp_path, should_stop=stop_after(stop))
    build(tree, "mixed_done", tmp_path)
    for family in run_of(whole).families():
        assert run_of(tmp_path).manifest(family).digest == run_of(whole).manifest(family).digest


def test_the_curriculum_tells_what_it_does(whole: Path) -> None:
    """Validations at 2, 4, ...: the first is the best so far, the second unlocks, the third is not looked at."""
    history = run_of(whole).read_npz("history/history.npz")
    assert history["grow/k_active"].tolist() == [1, 1, 2, 2, 2, 3, 3]
    assert history["grow/unlocked"].tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert history["grow/kick_active"].tolist() == [0, 0, 1, 0.5, 0, 1, 0.5]
    assert history["val/grow/k_active"].tolist() == [1, 1, 2, 2, 2, 3, 3]
    counts = np.stack([history[f"use/qc_argmax_counts[{at}]"] for at in range(K)])
    for at in range(K):
        assert (counts[at][history["grow/k_active"] <= at] == 0).all()
    state = load_checkpoint(run_of(whole))
    assert state.model["routing.active"].tolist() == [True, True, True, False]
    assert float(state.heads["grow"]["kick_left"]) == 0.0
    step_5 = load_checkpoint(run_of(whole), 5)
    assert step_5.model["routing.active"].tolist() == [True, True, False, False]
    assert float(step_5.model["routing.temperature"]) == 5.0


def test_tau_and_pseudo_inputs_are_in_the_checkpoint(tree: Tree, whole: Path) -> None:
    state = load_checkpoint(run_of(whole))
    total = sum(16 * 0.999 ** (16 * age) for age in range(STEPS))
    assert float(state.heads["tau"]["counts"].sum()) == pytest.approx(total, rel=1e-5)
    loaded = load_model(run_of(whole), tree["mixed_done"])
    assert torch.equal(loaded.model.state_dict()["prior.logits"], state.model["prior.logits"])
    assert loaded.model.state_dict()["prior.started"]
    assert torch.equal(loaded.heads["tau"].counts, state.heads["tau"]["counts"])  # type: ignore[arg-type]


def test_early_stopping_and_averages_leave_tau_with_the_weights_it_belongs_to(tmp_path: Path) -> None:
    rule = EarlyStopping(task="recon", metric="loss", mode="min", patience=2, min_delta=1e6)
    build(trace(Mixed(early_stopping=rule, ema_decay=0.9)), "mixed_done", tmp_path)
    facts = run_of(tmp_path).read_json("summary.json")["phases"][0]
    assert (facts["steps"], facts["best_step"]) == (6, 2)
    state = load_checkpoint(run_of(tmp_path))
    assert float(state.heads["tau"]["counts"].sum()) == pytest.approx(16 * (1 + 0.999**16), rel=1e-5)
    assert state.model["routing.active"].tolist() == [True, False, False, False]


def test_a_curriculum_needs_something_to_watch() -> None:
    with pytest.raises(RecipeError, match=r"'grow' watches the task 'recon'.*validate_every=None"):
        trace(Mixed(validate_every=None))


AS_YAML = """
name: small
datasets:
  digits: {type: label_budget, labels: 20, of: {type: digits, image_size: 8}}
  few: {type: label_budget, labels: 20, labelled_only: true, of: {type: digits, image_size: 8}}
model:
  type: mixture_vae
  image_size: 8
  z_dim: 2
  components: 4
  encoder: {type: conv, channels: [2, 4]}
  decoder: {type: conv, channels: [2, 4]}
  conditioning: {by: film}
  prior: {type: vamp, pseudo_inputs: 3, start: data}
root: root
nodes:
  - tag: mixed
    fork: root
    tasks:
      - type: expected_reconstruction
        name: recon
        dataset: digits
        selection:
          temperature: {type: linear_ramp, start: 2.0, end: 0.5, steps: {epochs: 0.1}}
          straight_through: true
      - {type: posterior_kl, name: kl, dataset: digits}
      - {type: component_kl, name: use, dataset: digits}
      - {type: tau, name: tau, dataset: few, weight: 10.0}
      - type: curriculum
        name: grow
        dataset: digits
        watch: recon
        patience: 1
        min_delta: 1000000
        cooldown: 1
        kick_steps: 3
  - tag: mixed_done
    train: mixed
    phases: [{steps: 14, batch_size: 16, validate_every: 2, log_every: 2, snapshot_every: 5}]
"""


def test_all_of_it_can_be_said_in_yaml(tree: Tree, tmp_path: Path) -> None:
    import jsonschema
    import yaml

    from acc_assets.recipes import vocabulary
    from acc_assets.tree import discover_file, recipe_schema

    path = tmp_path / "small.yaml"
    path.write_text(AS_YAML, encoding="utf-8")
    found = discover_file(path, vocabulary())
    assert found.broken == ()
    assert [node.spec for node in found.trees["small"]] == [node.spec for node in tree]
    validator = jsonschema.Draft202012Validator(recipe_schema(vocabulary()))
    assert list(validator.iter_errors(yaml.safe_load(AS_YAML))) == []
    for wrong, words in (("type: vamp", "unknown prior type"), ("by: film", "by is 'film2'; allowed")):
        text = AS_YAML.replace(wrong, f"{wrong}2")
        path.write_text(text, encoding="utf-8")
        (broken,) = discover_file(path, vocabulary()).broken
        assert words in broken.error
        assert list(validator.iter_errors(yaml.safe_load(text))) != []
