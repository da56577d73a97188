"""Where in the latent a task looks: slices, factors, probes, and gradients that stay inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from task_parts import DIGITS, SHAPES, SLANT, batch, split, view
from torch import Tensor, nn

from acc_assets.datasets import Shapes
from acc_assets.models import ConvAutoencoder, FactorGroup, FactorSlotAutoencoder, ModelOutput
from acc_assets.tasks import ClassificationTask, KLDivergenceTask, RegressionTask
from acc_assets.tree import DatasetRef

GROUPS = (FactorGroup("digit", 0, 3), FactorGroup("slant", 3, 5), FactorGroup("free", 5, 8))
CONFIG = FactorSlotAutoencoder(
    image_size=16, factor_groups=GROUPS, backbone_channels=(8, 16), embed_dim=16, heads=2
)
LABELS = torch.tensor([3, 1, 4, 1])


def latent_gradient(task: Any, targets: Tensor) -> Tensor:
    model = CONFIG.build()
    head = task.build_head(model, None)
    mu = torch.randn(4, 8, requires_grad=True)
    logvar = torch.randn(4, 8, requires_grad=True)
    outputs = {ModelOutput.LATENT: mu, ModelOutput.MU: mu, ModelOutput.LOGVAR: logvar}
    task.loss(view(outputs, batch(targets=targets), head)).backward()
    gradient = mu.grad if logvar.grad is None else mu.grad.abs() + logvar.grad.abs()
    assert gradient is not None
    return gradient


@pytest.mark.parametrize("where", [{"latent_slice": (3, 5)}, {"factor_name": "slant"}])
@pytest.mark.parametrize(
    ("kind", "dataset", "targets"),
    [
        (ClassificationTask, DIGITS, LABELS),
        (RegressionTask, SLANT, torch.rand(4, 1)),
        (KLDivergenceTask, DIGITS, LABELS),
    ],
)
def test_gradients_stay_inside_the_slice(
    kind: Any, dataset: Any, targets: Tensor, where: dict[str, Any]
) -> None:
    reached = latent_gradient(kind("task", dataset, **where), targets).abs().sum(0) > 0
    assert reached.tolist() == [False] * 3 + [True] * 2 + [False] * 3


def test_without_a_slice_the_whole_latent_is_reached() -> None:
    assert (latent_gradient(ClassificationTask("task", DIGITS), LABELS).abs().sum(0) > 0).all()


def test_a_digit_task_leaves_the_other_heads_of_the_model_alone() -> None:
    model = CONFIG.build()
    task = ClassificationTask("digit", DIGITS, factor_name="digit")
    outputs = model.encode(torch.rand(4, 1, 16, 16))
    task.loss(view(outputs, batch(targets=LABELS), task.build_head(model, None))).backward()
    reached = [bool(head.weight.grad.abs().sum() > 0) for head in model.heads.posteriors]
    assert reached == [True, False, False]


@pytest.mark.parametrize(
    ("task", "width", "outputs"),
    [
        (ClassificationTask("t", DIGITS), 8, 10),
        (ClassificationTask("t", DIGITS, latent_slice=(2, 6)), 4, 10),
        (ClassificationTask("t", DIGITS, factor_name="free"), 3, 10),
        (RegressionTask("t", SLANT, factor_name="slant"), 2, 1),
        (RegressionTask("t", SLANT, output_dim=1), 8, 1),
    ],
)
def test_heads_have_the_width_of_slice_and_data_set(task: Any, width: int, outputs: int) -> None:
    head = task.build_head(CONFIG.build(), None)
    assert (head.linear.in_features, head.linear.out_features) == (width, outputs)
    prediction = task.predict({ModelOutput.LATENT: torch.rand(5, 8)}, head)
    assert prediction.shape == ((5,) if task.kind == "classification" else (5, outputs))


def test_kl_of_factors_adds_up_to_the_kl_of_the_whole() -> None:
    model = CONFIG.build()
    with torch.no_grad():
        outputs = model.encode(torch.rand(4, 1, 16, 16))
    whole = KLDivergenceTask("kl", DIGITS)
    parts = [KLDivergenceTask(f"kl_{group.name}", DIGITS, factor_name=group.name) for group in GROUPS]
    total = sum(float(part.loss(view(outputs, batch(), part.build_head(model, None)))) for part in parts)
    assert total == pytest.approx(
        float(whole.loss(view(outputs, batch(), whole.build_head(model, None)))), rel=1e-5
    )


def test_named_targets_pick_columns() -> None:
    task = RegressionTask("t", SHAPES, target_names=("scale", "x"))
    task.check(CONFIG, SHAPES.config)
    targets = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])  # x, y, scale
    assert torch.equal(task.select(batch(targets=targets)), targets[:, [2, 0]])
    assert task.build_head(CONFIG.build(), None).linear.out_features == 2


def test_a_regression_reads_named_factors_beside_classes() -> None:
    shapes = DatasetRef("shapes", Shapes(n=64, image_size=16))
    task = RegressionTask("place", shapes, target_names=("y", "x"))
    task.check(CONFIG, shapes.config)
    assert task.columns == ("y", "x")
    data = shapes.config.load()
    expected = np.stack([data.train.factors["y"], data.train.factors["x"]], axis=1)
    np.testing.assert_array_equal(task.select(data.train), expected)
    assert task.build_head(CONFIG.build(), None).linear.out_features == 2
    assert -0.5 < task.baseline(data)["r2"] <= 0
    with pytest.raises(
        ValueError, match=r"asks for the target\(s\) size, but data set 'shapes' has x, y, scale"
    ):
        RegressionTask("t", shapes, target_names=("size",)).check(CONFIG, shapes.config)
    with pytest.raises(ValueError, match="name some of its factors x, y, scale in target_names"):
        RegressionTask("t", shapes).check(CONFIG, shapes.config)
    with pytest.raises(ValueError, match=r"asks for the target\(s\) shape"):  # a class is no number
        RegressionTask("t", shapes, target_names=("shape",)).check(CONFIG, shapes.config)


class Pooled(nn.Module):
    """A model as a user writes it: a bare forward that names its outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(256, 6))

    def forward(self, images: Tensor) -> dict[ModelOutput, Tensor]:
        return {ModelOutput.LATENT: self.layers(images)}


class Spatial(nn.Module):
    """A user's mistake: the latent is a map."""

    def forward(self, images: Tensor) -> dict[ModelOutput, Tensor]:
        return {ModelOutput.LATENT: images}


def data() -> Any:
    train = split(np.zeros((20, 1, 16, 16), np.uint8), np.arange(20) % 5)
    return type("Data", (), {"train": train})()


def test_a_user_written_model_works_without_saying_its_latent_dim() -> None:
    model = Pooled()
    state = torch.get_rng_state()
    for task, width in (
        (ClassificationTask("t", DIGITS), 6),
        (ClassificationTask("t", DIGITS, latent_slice=(1, 3)), 2),
    ):
        task.check(object(), DIGITS.config)
        outputs = model(torch.rand(4, 1, 16, 16))
        task.check_outputs(outputs)
        torch.set_rng_state(state)
        head = task.build_head(model, data())
        assert head.linear.in_features == width
        task.loss(view(outputs, batch(targets=LABELS), head)).backward()
    assert model.training


def test_classes_of_a_user_written_data_set_are_counted() -> None:
    from acc_assets.tree import DatasetRef

    task = ClassificationTask("t", DatasetRef("mine", object()))
    assert task.build_head(Pooled(), data()).linear.out_features == 5


def test_a_spatial_latent_is_refused_with_a_remedy() -> None:
    task = ClassificationTask("t", DIGITS)
    with pytest.raises(ValueError, match=r"flat \(B, D\).*flatten or pool"):
        task.check_outputs(Spatial()(torch.rand(2, 1, 16, 16)))
    with pytest.raises(ValueError, match="flatten or pool"):
        task.build_head(Spatial(), data())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ClassificationTask("t", DIGITS, factor_name="colour"), ["'colour'", "digit, slant, free"]),
        (lambda: ClassificationTask("t", DIGITS, latent_slice=(4, 9)), ["(4, 9)", "latent_dim is 8"]),
        (lambda: RegressionTask("t", DIGITS), ["real targets", "'digits'", "ClassificationTask"]),
        (lambda: ClassificationTask("t", SLANT), ["class targets", "'slant'", "RegressionTask"]),
        (lambda: RegressionTask("t", SLANT, output_dim=2), ["output_dim=2", "output_dim=1"]),
        (lambda: RegressionTask("t", SLANT, target_names=("hue",)), ["hue", "slant"]),
    ],
)
def test_a_task_that_does_not_fit_says_why(make: Any, words: list[str]) -> None:
    task = make()
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the words are checked below)
        task.check(CONFIG, task.dataset.config)
    for word in words:
        assert word in str(caught.value)


def test_kl_of_a_plain_model_and_images_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="variational=True"):
        KLDivergenceTask("kl", DIGITS).check(ConvAutoencoder(image_size=16), DIGITS.config)
    with pytest.raises(ValueError, match=r"image_size=32.*image_size=16"):
        ClassificationTask("t", DIGITS).check(ConvAutoencoder(image_size=32), DIGITS.config)
    with pytest.raises(ValueError, match="has no factors: use latent_slice"):
        ClassificationTask("t", DIGITS, factor_name="digit").check(
            ConvAutoencoder(image_size=16), DIGITS.config
        )


def test_outputs_are_checked_against_what_the_model_really_returns() -> None:
    latent = {ModelOutput.LATENT: torch.rand(2, 4)}
    with pytest.raises(ValueError, match=r"needs the output logvar, mu.*returns latent"):
        KLDivergenceTask("kl", DIGITS).check_outputs(latent)
    with pytest.raises(ValueError, match=r"latent_slice=\(2, 6\).*latent_dim is 4"):
        ClassificationTask("t", DIGITS, latent_slice=(2, 6)).check_outputs(latent)


def test_batches_that_do_not_fit_are_refused() -> None:
    model = CONFIG.build()
    outputs = {ModelOutput.LATENT: torch.rand(4, 8)}
    classify, regress = ClassificationTask("t", DIGITS), RegressionTask("t", SLANT)
    with pytest.raises(ValueError, match="class targets"):
        classify.loss(view(outputs, batch(targets=torch.rand(4, 1)), classify.build_head(model, None)))
    with pytest.raises(ValueError, match=r"predicts \(4, 1\).*\(4, 3\)"):
        regress.loss(view(outputs, batch(targets=torch.rand(4, 3)), regress.build_head(model, None)))
    with pytest.raises(ValueError, match="has no head"):
        classify.loss(view(outputs, batch(targets=LABELS), None))
