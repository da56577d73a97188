"""Task configurations: weights and schedules, baselines, health, validation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from task_parts import DIGITS, SLANT, split

from acc_assets.models import FactorGroup, FactorSlotAutoencoder
from acc_assets.tasks import (
    SCHEDULES,
    TASKS,
    ClassificationTask,
    Constant,
    CosineRamp,
    Health,
    KLDivergenceTask,
    LinearRamp,
    ReconstructionTask,
    RegressionTask,
)
from acc_assets.tasks.baselines import on_training_images
from acc_assets.tasks.health import generalisation
from acc_assets.tree import canonical


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (Constant(2.0), {0: 2.0, 7: 2.0}),
        (LinearRamp(0.0, 1.0, steps=4), {0: 0.0, 1: 0.25, 4: 1.0, 9: 1.0}),
        (LinearRamp(3.0, 1.0, steps=2), {0: 3.0, 1: 2.0, 2: 1.0, 3: 1.0}),
        (CosineRamp(0.0, 2.0, steps=4), {0: 0.0, 1: 1 - math.sqrt(0.5), 2: 1.0, 4: 2.0, 8: 2.0}),
    ],
)
def test_schedules(schedule: Any, values: dict[int, float]) -> None:
    task = KLDivergenceTask("kl", DIGITS, weight=schedule)
    assert {step: task.weight_at(step) for step in values} == pytest.approx(values)
    assert schedule.at(None) == values[max(values)]  # in evaluation it stands at its end


@pytest.mark.parametrize(
    ("task", "unit"),
    [
        (ReconstructionTask("r", DIGITS), "nats per image"),
        (ReconstructionTask("r", DIGITS, error="mse"), "nats per image"),
        (ReconstructionTask("r", DIGITS, error="mse", reduction="mean"), "squared error per pixel"),
        (ReconstructionTask("r", DIGITS, error="l1", reduction="mean"), "absolute error per pixel"),
        (KLDivergenceTask("kl", DIGITS), "nats per image"),
        (ClassificationTask("c", DIGITS), "nats per image"),
        (RegressionTask("r", SLANT), "nats per image"),
    ],
)
def test_each_task_says_what_its_loss_counts(task: Any, unit: str) -> None:
    assert task.unit == unit
    baseline = {"loss": 1.0, "loss_floor": 0.0}
    if task.kind != "kl":
        assert task.health([0.1], baseline).reason.startswith(f"final loss 0.1 {unit} is 10%")


def test_a_weight_is_a_number_or_a_schedule_and_enters_the_spec() -> None:
    task = KLDivergenceTask("kl", DIGITS, weight=4)
    assert task.weight_at(123) == 4.0
    specs = [canonical(KLDivergenceTask("kl", DIGITS, weight=w)) for w in (1.0, 2.0, LinearRamp(0.0, 1.0, 5))]
    assert len({str(spec) for spec in specs}) == 3
    assert specs[2]["weight"] == {"type": "LinearRamp", "start": 0.0, "end": 1.0, "steps": 5}


def test_the_seed_recipe_calls_read_as_written() -> None:
    ReconstructionTask("recon", DIGITS)
    KLDivergenceTask("kl", DIGITS, weight=1.0)
    ClassificationTask("digit_classify", DIGITS, latent_slice=(0, 4))
    RegressionTask("slant", SLANT, output_dim=1, latent_slice=(7, 10))
    assert {kind.kind for kind in TASKS.values()} == set(TASKS)  # type: ignore[attr-defined]
    assert all(callable(kind) for kind in SCHEDULES.values())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: KLDivergenceTask("two words", DIGITS), ["'two words'", "letters"]),
        (lambda: KLDivergenceTask("kl", DIGITS, weight=-1.0), ["weight is -1.0", "from 0", "LinearRamp("]),
        (lambda: KLDivergenceTask("kl", DIGITS, weight=math.nan), ["nan", "finite"]),
        (lambda: KLDivergenceTask("kl", DIGITS, latent_slice=(3, 3)), ["(3, 3)", "start < stop"]),
        (
            lambda: KLDivergenceTask("kl", DIGITS, latent_slice=(0, 3), factor_name="digit"),
            ["side by side", "one of them"],
        ),
        (lambda: ClassificationTask("c", DIGITS, head_lr=0.0), ["head_lr is 0.0", "above 0"]),
        (lambda: ReconstructionTask("r", DIGITS, error="ssim"), ["'ssim'", "'bce' or 'mse' or 'l1'"]),  # type: ignore[arg-type]
        (lambda: ReconstructionTask("r", DIGITS, sigma=0.1), ["sigma is 0.1", "leave sigma out"]),
        (lambda: ReconstructionTask("r", DIGITS, error="mse", sigma=-1.0), ["sigma is -1.0", "above 0"]),
        (lambda: RegressionTask("r", SLANT, sigma=0.0), ["sigma is 0.0", "above 0"]),
        (lambda: LinearRamp(0.0, 1.0, steps=0), ["LinearRamp: steps is 0", "from 1"]),
        (
            lambda: KLDivergenceTask("kl", DIGITS, weight=CosineRamp(-1.0, 1.0, steps=5)),
            ["weight is CosineRamp(", "from 0"],
        ),
    ],
)
def test_a_wrong_value_says_what_is_allowed(make: Any, words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the words are checked below)
        make()
    for word in words:
        assert word in str(caught.value)


def data(train: Any, test: Any) -> Any:
    return type("Data", (), {"train": train, "test": test})()


def test_the_mean_image_baseline() -> None:
    train = split(np.array([0, 255], np.uint8).reshape(2, 1, 1, 1), np.zeros(2, int))
    test = split(np.array([0, 255, 255], np.uint8).reshape(3, 1, 1, 1), np.zeros(3, int))
    bce = ReconstructionTask("r", DIGITS).baseline(data(train, test))
    assert bce == pytest.approx(
        {"loss": math.log(2), "l1": 0.5, "mse": 0.25, "psnr": -10 * math.log10(0.25), "loss_floor": 0.0}
    )
    grey = split(np.full((1, 1, 1, 1), 51, np.uint8), np.zeros(1, int))
    floor = ReconstructionTask("r", DIGITS).baseline(data(train, grey))["loss_floor"]
    assert floor == pytest.approx(-0.2 * math.log(0.2) - 0.8 * math.log(0.8))


def test_the_class_frequency_baseline() -> None:
    train, test = split(None, np.array([0] * 6 + [1] * 2)), split(None, np.array([0, 0, 1, 1]))
    baseline = ClassificationTask("c", DIGITS).baseline(data(train, test))
    assert baseline["accuracy"] == 0.5
    assert baseline["loss"] == pytest.approx(
        -(math.log(0.7) + math.log(0.3)) / 2
    )  # (6 + 1) / 10 and (2 + 1) / 10


def test_baselines_know_only_the_targets_that_are_given() -> None:
    labelled = np.array([True, True, False, False])
    train = split(None, np.array([0, 1, 1, 1]), labelled=labelled)
    test = split(None, np.array([0, 1]))
    assert ClassificationTask("c", DIGITS).baseline(data(train, test))["loss"] == pytest.approx(math.log(2))
    seen = on_training_images(data(train, test)).test
    assert seen.labelled is not None
    assert seen.labelled.sum() == 2
    assert ClassificationTask("c", DIGITS).reach(data(train, test)) == pytest.approx(math.log(2))


def test_the_mean_target_baseline() -> None:
    train = split(None, np.array([[0.0], [1.0]], np.float32))
    test = split(None, np.array([[0.0], [0.5], [1.0]], np.float32))
    baseline = RegressionTask("r", SLANT, sigma=0.5).baseline(data(train, test))
    assert baseline == pytest.approx({"loss": (0.25 * 2 / 3) / (2 * 0.25), "mae": 1 / 3, "r2": 0.0})


@pytest.mark.parametrize(
    ("final", "level"),
    [
        (1.0, Health.HEALTHY),
        (1.19, Health.WARNING),
        (1.36, Health.WARNING),
        (1.4, Health.CRITICAL),
        (math.nan, Health.CRITICAL),
    ],
)
def test_health_is_relative_to_the_baseline_above_the_floor(final: float, level: Health) -> None:
    # floor 0.75, baseline 1.4375: healthy below 1.09375, warning below 1.36875
    health = ReconstructionTask("r", DIGITS).health([9.0] * 9 + [final], {"loss": 1.4375, "loss_floor": 0.75})
    assert health.level is level
    assert health.thresholds["healthy_below"] == pytest.approx(1.09375)
    assert health.thresholds["warning_below"] == pytest.approx(1.36875)


def test_health_of_probes_is_relative_to_chance() -> None:
    task = ClassificationTask("c", DIGITS)
    assert task.health([1.0], {"loss": 2.3}).level is Health.HEALTHY
    assert task.health([2.0], {"loss": 2.3}).level is Health.WARNING
    assert task.health([2.2], {"loss": 2.3}).level is Health.CRITICAL


def test_health_reads_the_last_tenth_of_the_curve_and_refuses_an_empty_one() -> None:
    task = ClassificationTask("c", DIGITS)
    assert task.health([5.0] * 18 + [0.2, 0.4], {"loss": 2.3}).reason.startswith("final loss 0.3 ")
    assert task.health([math.inf, 0.1], {"loss": 2.3}).level is Health.CRITICAL
    with pytest.raises(ValueError, match="empty"):
        task.health([], {"loss": 2.3})


@pytest.mark.parametrize(
    ("kl", "level"),
    [(0.01, Health.CRITICAL), (1.0, Health.HEALTHY), (16.0, Health.WARNING), (50.0, Health.CRITICAL)],
)
def test_kl_health_counts_the_dimensions_of_the_slice(kl: float, level: Health) -> None:
    model = FactorSlotAutoencoder(factor_groups=(FactorGroup("a", 0, 13), FactorGroup("b", 13, 16)))
    task = KLDivergenceTask("kl", DIGITS, factor_name="b")  # 3 dimensions
    health = task.health([kl], task.baseline(None), model)
    assert health.level is level
    assert health.thresholds == pytest.approx(
        {"collapsed_below": 0.03, "warning_above": 15.0, "exploded_above": 45.0}
    )


@pytest.mark.parametrize(
    ("test_loss", "level"), [(0.25, Health.HEALTHY), (0.9, Health.WARNING), (1.3, Health.CRITICAL)]
)
def test_generalisation_compares_shares_of_what_there_is_to_win(test_loss: float, level: Health) -> None:
    # On training images 0.9 of the way from 2.0 to 0; on test images the baseline is 1.6 and perfect is 0.1.
    found = generalisation(0.2, {"loss": 2.0}, test_loss, {"loss": 1.6, "loss_floor": 0.1})
    assert found is not None
    assert found.train == pytest.approx(0.9)
    assert found.test == pytest.approx((1.6 - test_loss) / 1.5)
    assert found.gap == pytest.approx(found.train - found.test)
    assert found.level is level
    assert "wins 90%" in found.reason


def test_generalisation_needs_something_to_win_and_finite_losses() -> None:
    kl = KLDivergenceTask("kl", DIGITS).baseline(None)
    assert generalisation(3.0, kl, 9.0, kl) is None
    broken = generalisation(0.1, {"loss": 2.0}, math.nan, {"loss": 2.0})
    assert broken is not None
    assert broken.level is Health.CRITICAL


def test_what_there_is_to_win_is_measured_on_training_images() -> None:
    """Known answers: the entropy of the classes, the variance of a target, the variance of the pixels."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 50)
    images = rng.integers(0, 256, (200, 1, 4, 4)).astype(np.uint8)
    shown = data(split(images, labels), split(images[:2], np.zeros(2, np.int64)))
    assert ClassificationTask("c", DIGITS).reach(shown) == pytest.approx(math.log(4), abs=0.01)
    pixels = images / 255.0
    expected = np.square(pixels - pixels.mean(0)).sum((1, 2, 3)).mean() / (2 * 0.1**2)
    assert ReconstructionTask("r", DIGITS, error="mse").reach(shown) == pytest.approx(expected, rel=1e-4)
    target = rng.random((200, 1)).astype(np.float32)
    real = data(split(images, target), split(images[:2], target[:2]))
    assert RegressionTask("r", SLANT, sigma=0.5).reach(real) == pytest.approx(target.var() / 0.5, rel=1e-4)
