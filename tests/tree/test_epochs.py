"""Epochs become the steps in which the sampler has gone over the images, wherever steps are counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acc_assets.datasets import Digits
from acc_assets.models import ConvAutoencoder
from acc_assets.recipes import vocabulary
from acc_assets.report.specs import epochs_of
from acc_assets.tasks import CosineRamp, KLDivergenceTask, LinearRamp, ReconstructionTask
from acc_assets.tree import Epochs, Recipe, RecipeContext, RecipeError, Tree, discover_file, trace

IMAGES = Digits(image_size=16).train_size
AS_YAML = """
datasets: {digits: {type: digits, image_size: 16}}
model: {type: conv_autoencoder, image_size: 16, variational: true}
root: root
nodes:
  - tag: branch
    fork: root
    tasks:
      - {type: reconstruction, name: recon, dataset: digits}
      - {type: kl, name: kl, dataset: digits, weight: {type: cosine_ramp, start: 0, end: 1, steps: {epochs: 0.5}}}
  - tag: trained
    train: branch
    phases: [{steps: {epochs: 3}, batch_size: 50, snapshot_every: {epochs: 1}}]
"""


class Counted(Recipe):
    name = "counted"

    def __init__(self, steps: Any, ramp: Any, **options: Any) -> None:
        self.steps, self.ramp, self.options = steps, ramp, options

    def run(self, ctx: RecipeContext) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        ctx.create_model(ConvAutoencoder, image_size=16, variational=True)
        root = ctx.save_checkpoint("root")
        ctx.fork(root, "branch")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.attach_task(KLDivergenceTask("kl", digits, weight=CosineRamp(0.0, 1.0, steps=self.ramp)))
        ctx.train(steps=self.steps, **{"batch_size": 50, **self.options})
        ctx.save_checkpoint("trained")


def phase_of(tree: Tree) -> Any:
    return tree["trained"].phases[0]


def test_epochs_are_said_and_steps_are_kept(tmp_path: Path) -> None:
    phase = phase_of(trace(Counted(Epochs(3), Epochs(0.5), snapshot_every=Epochs(1))))
    steps = [-(-IMAGES * passes // 100) for passes in (6, 2, 1)]  # in halves of an epoch and batches of 50
    assert [phase.steps, phase.snapshot_every, phase.tasks[1].weight.steps] == steps
    assert (phase.steps - 1) * 50 < 3 * IMAGES <= phase.steps * 50
    assert phase_of(trace(Counted(steps[0], steps[2], snapshot_every=steps[1]))) == phase
    assert epochs_of(phase) == "3.0 of digits"
    path = tmp_path / "counted.yaml"
    path.write_text(AS_YAML, encoding="utf-8")
    found = discover_file(path, vocabulary())
    assert found.broken == ()
    assert phase_of(found.trees["counted"]) == phase


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Epochs(0), "Epochs: epochs is 0; allowed is a finite number above 0"),
        (lambda: trace(Counted(Epochs(1), 5, lr=Epochs(1))), "lr is Epochs"),
        (lambda: trace(Counted(Epochs(1), 5, batch_size=0)), "batch_size is 0"),
        (lambda: LinearRamp(0.0, 1.0, steps=Epochs(2)).at(1), "give it steps"),
    ],
)
def test_where_epochs_cannot_stand_the_error_says_so(make: Any, words: str) -> None:
    with pytest.raises((ValueError, RecipeError), match=words):
        make()


def test_a_schedule_in_epochs_is_at_its_end_in_evaluation() -> None:
    assert LinearRamp(0.0, 1.0, steps=Epochs(2)).at(None) == 1.0
