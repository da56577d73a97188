"""Configurations in words, and the difference of a node to its parent."""

from __future__ import annotations

from acc_assets.datasets import Digits
from acc_assets.models import ConvAutoencoder
from acc_assets.report.specs import Change, changes, task_row, text_of
from acc_assets.report.vocabulary import duration, number, show, show_spread, size
from acc_assets.tasks import KLDivergenceTask, ReconstructionTask
from acc_assets.tree import DatasetRef, TrainPhase, TreeNode, canonical

DIGITS = DatasetRef("digits", Digits())


def test_values_are_written_as_people_write_them() -> None:
    assert text_of({"type": "LinearRamp", "start": 0.0, "end": 1.0, "steps": 500}) == (
        "LinearRamp(start=0, end=1, steps=500)"
    )
    assert text_of([16, 32]) == "16, 32"
    assert text_of(True) == "yes"
    assert text_of(None) == "none"


def test_a_task_says_what_it_reads() -> None:
    def target(**options: object) -> str:
        return task_row(canonical(KLDivergenceTask("kl", DIGITS, **options)))["target"]  # type: ignore[arg-type]

    assert target() == "whole latent"
    assert target(latent_slice=(4, 7)) == "latent 4:7"
    assert target(factor_name="slant") == "factor slant"


def test_changes_name_what_was_added_removed_and_changed() -> None:
    one, two = ReconstructionTask("one", DIGITS), ReconstructionTask("two", DIGITS)
    three = KLDivergenceTask("three", DIGITS, latent_slice=(0, 4))
    parent = TreeNode("p", "root", None, "p", ConvAutoencoder(latent_dim=8), (one, two))
    child = TreeNode(
        "c",
        "trained",
        "p",
        "p",
        ConvAutoencoder(latent_dim=16),
        (ReconstructionTask("one", DIGITS, weight=2.0), three),
        (TrainPhase(steps=5000, tasks=(one,)),),
    )
    found = changes(child, parent)
    assert Change("changed", "model latent_dim", "8", "16") in found
    assert Change("changed", "task one weight", "1", "2") in found
    assert Change("removed", "task two", before="ReconstructionTask") in found
    assert Change("added", "task three", after="KLDivergenceTask on digits, latent 0:4, weight 1") in found
    assert found[-1].after == "5,000 steps, adam, learning rate 0.001, batch 64, tasks one"
    assert changes(parent, None) == []


def test_numbers_for_people() -> None:
    assert show("accuracy", 0.9791) == "97.91 %"
    assert show("accuracy", -0.0021, signed=True) == "−0.21 points"
    assert show("psnr", 21.456) == "21.46 dB"
    assert show_spread("accuracy", 0.979, 0.0012) == "97.90 ± 0.12 %"
    assert show_spread("psnr", 20.0, 0.001) == "20.00 ± <0.01 dB"
    assert show_spread("psnr", 20.0, None) == "20.00 dB"
    assert (number(None), number(float("nan")), number(0.00021, 2)) == ("—", "not finite", "0.0002")
    assert (duration(4.21), duration(200), duration(3900)) == ("4.2 s", "3 min 20 s", "1 h 5 min")
    assert (size(512), size(18_200), size(3_400_000)) == ("512 B", "18.2 kB", "3.4 MB")
